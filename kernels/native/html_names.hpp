// Names in HTML that decide something: tags, and the words that sites use in class and id.
#pragma once

#include <cstdint>
#include <string_view>

namespace curate::html {

enum class Tag : uint8_t {
    Inline,  // anything that is not listed: part of the line it stands in
    Anchor,
    Article,
    Aside,
    Block,  // address, center, fieldset, hgroup, search ...: a box and no more
    Blockquote,
    Body,
    Break,
    Caption,
    Cell,
    Code,
    Definition,
    Details,
    Div,
    Figcaption,
    Figure,
    Footer,
    Form,
    Head,
    Header,
    Heading1,
    Heading2,
    Heading3,
    Heading4,
    Heading5,
    Heading6,
    Html,
    Item,
    Main,
    Navigation,
    OrderedList,
    Paragraph,
    Preformatted,
    Row,
    RowGroup,
    Rule,
    Section,
    Superscript,
    Skipped,  // script, style, template, svg, form controls ...: never text
    Table,
    Term,
    Time,
    Title,
    UnorderedList,
    Count
};

enum Hint : uint32_t {
    kAuthorOrDate = 1u << 0,
    kAdvertisement = 1u << 1,
    kArticleBody = 1u << 2,  // itemprop
    kCaption = 1u << 3,
    kComments = 1u << 4,
    kContent = 1u << 5,       // one word that sites use for the article
    kContentTwice = 1u << 6,  // two such words, as in article-body
    kDialog = 1u << 7,
    kFooterLike = 1u << 8,
    kHiddenByClass = 1u << 9,
    kNavigationLike = 1u << 10,
    kRelated = 1u << 11,
    kShare = 1u << 12,
    kSidebar = 1u << 13,
    kSubscribe = 1u << 14,
    kTagList = 1u << 15,
};

enum TagBits : uint8_t {
    kBlockTag = 1,
    kVoidTag = 2,
    kRawTextTag = 4,  // its content is text up to its end tag
    kUnseenTag = 8,   // its content is never shown as text
    kHeadingTag = 16,
};

struct TagInfo {
    Tag tag;
    uint8_t bits;
};

// Names in lower case, as the parser writes them.
TagInfo tag_of(std::string_view name);

// Hint bits of the words in one class, id or role value: split at anything but letters and where a
// small letter meets a capital.
uint32_t hints_of(std::string_view value);

}  // namespace curate::html
