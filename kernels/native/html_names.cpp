#include "html_names.hpp"

#include <array>
#include <cstring>
#include <vector>

namespace curate::html {
namespace {

struct Key {
    uint64_t low = 0, high = 0;
    bool operator==(const Key& other) const { return low == other.low && high == other.high; }
};

constexpr size_t kLongestName = 16;

// Names of up to 16 bytes as two integers.
Key key_of(const char* name, size_t size) {
    Key key;
    std::memcpy(&key.low, name, size < 8 ? size : 8);
    if (size > 8) std::memcpy(&key.high, name + 8, size - 8);
    return key;
}

size_t slot_of(Key key) {
    return static_cast<size_t>((key.low * 0x9e3779b97f4a7c15u ^ key.high * 0xc2b2ae3d27d4eb4fu) >>
                               53);
}

// Open addressing over 2,048 slots, never more than a quarter full.
template <typename Value>
class NameTable {
public:
    void add(std::string_view name, Value value) {
        const Key key = key_of(name.data(), name.size());
        size_t slot = slot_of(key);
        while (used_[slot] && !(keys_[slot] == key)) slot = (slot + 1) % kSlots;
        used_[slot] = true;
        keys_[slot] = key;
        values_[slot] = value;
    }

    const Value* find(const char* name, size_t size) const {
        if (size == 0 || size > kLongestName) return nullptr;
        const Key key = key_of(name, size);
        for (size_t slot = slot_of(key); used_[slot]; slot = (slot + 1) % kSlots) {
            if (keys_[slot] == key) return &values_[slot];
        }
        return nullptr;
    }

private:
    static constexpr size_t kSlots = 2048;
    std::array<bool, kSlots> used_{};
    std::array<Key, kSlots> keys_{};
    std::array<Value, kSlots> values_{};
};

struct NamedTag {
    const char* names;  // separated by spaces
    Tag tag;
    uint8_t bits;
};

constexpr NamedTag kTags[] = {
    {"a", Tag::Anchor, 0},
    {"article", Tag::Article, kBlockTag},
    {"aside", Tag::Aside, kBlockTag},
    {"address center dialog dir fieldset frameset hgroup menu search legend", Tag::Block,
     kBlockTag},
    {"blockquote", Tag::Blockquote, kBlockTag},
    {"body", Tag::Body, kBlockTag},
    {"br", Tag::Break, kVoidTag},
    {"caption", Tag::Caption, kBlockTag},
    {"td th", Tag::Cell, kBlockTag},
    {"code kbd samp tt", Tag::Code, 0},
    {"dd", Tag::Definition, kBlockTag},
    {"details summary", Tag::Details, kBlockTag},
    {"div", Tag::Div, kBlockTag},
    {"figcaption", Tag::Figcaption, kBlockTag},
    {"figure", Tag::Figure, kBlockTag},
    {"footer", Tag::Footer, kBlockTag},
    {"form", Tag::Form, kBlockTag},
    {"head", Tag::Head, kBlockTag},
    {"header", Tag::Header, kBlockTag},
    {"h1", Tag::Heading1, kBlockTag | kHeadingTag},
    {"h2", Tag::Heading2, kBlockTag | kHeadingTag},
    {"h3", Tag::Heading3, kBlockTag | kHeadingTag},
    {"h4", Tag::Heading4, kBlockTag | kHeadingTag},
    {"h5", Tag::Heading5, kBlockTag | kHeadingTag},
    {"h6", Tag::Heading6, kBlockTag | kHeadingTag},
    {"html", Tag::Html, kBlockTag},
    {"li", Tag::Item, kBlockTag},
    {"main", Tag::Main, kBlockTag},
    {"nav", Tag::Navigation, kBlockTag},
    {"ol", Tag::OrderedList, kBlockTag},
    {"p", Tag::Paragraph, kBlockTag},
    {"pre listing", Tag::Preformatted, kBlockTag},
    {"xmp plaintext", Tag::Preformatted, kBlockTag | kRawTextTag},
    {"tr", Tag::Row, kBlockTag},
    {"thead tbody tfoot", Tag::RowGroup, kBlockTag},
    {"hr", Tag::Rule, kBlockTag | kVoidTag},
    {"section", Tag::Section, kBlockTag},
    {"script style iframe noembed noframes textarea", Tag::Skipped, kRawTextTag | kUnseenTag},
    {"template svg noscript object canvas audio video select datalist applet map button",
     Tag::Skipped, kUnseenTag},
    {"amp-ad amp-analytics amp-embed amp-sidebar", Tag::Skipped, kUnseenTag},
    {"rt rp rtc", Tag::Skipped, kUnseenTag},  // how a word is read, over it
    {"sup", Tag::Superscript, 0},
    {"area base basefont bgsound col embed frame img input keygen link meta param source track "
     "wbr",
     Tag::Inline, kVoidTag},
    {"table", Tag::Table, kBlockTag},
    {"dt", Tag::Term, kBlockTag},
    {"time", Tag::Time, 0},
    {"title", Tag::Title, kRawTextTag | kUnseenTag},
    {"ul dl", Tag::UnorderedList, kBlockTag},
};

struct HintWords {
    const char* words;
    uint32_t hints;
};

constexpr HintWords kHintWords[] = {
    {"author authors byline bylines date dateline dates datetime timestamp published pubdate meta "
     "metadata "
     "postmeta bio credits postprofile userprofile userinfo poster",
     kAuthorOrDate},
    {"ad ads advert adverts advertisement advertisements advertising adsense adslot adunit sponsor "
     "sponsored sponsors dfp promo promos promotion promoted",
     kAdvertisement},
    {"caption captions credit imagecaption slideshow gallery photo", kCaption},
    {"comment comments commentlist disqus livefyre respond commentary replies", kComments},
    {"article articlebody articlecontent articletext blog blogpost body bodytext content copy "
     "entry "
     "main maincontent post postbody postcontent story storybody storytext text",
     kContent},
    {"cookie cookies consent gdpr modal popup overlay lightbox toast", kDialog},
    {"footer foot colophon copyright disclaimer legal", kFooterLike},
    {"hidden hide invisible noprint nodisplay", kHiddenByClass},
    {"nav navbar navigation menu menus submenu breadcrumb breadcrumbs pagination pager paging "
     "toolbar navi topnav subnav skip masthead topbar",
     kNavigationLike},
    {"related relatedposts recommended recommendation recommendations recommend trending popular "
     "outbrain taboola similar recirc recirculation upnext readmore teaser teasers mostread",
     kRelated},
    {"share sharing shares shared social socials sharedaddy addthis addtoany facebook twitter "
     "pinterest whatsapp follow sharebar socialshare linkedin reddit",
     kShare},
    {"sidebar sidebars aside rail widget widgets complementary sidenav", kSidebar},
    {"newsletter newsletters subscribe subscription subscriptions signup optin donate login signin "
     "register",
     kSubscribe},
    {"tags taglist tagcloud tag categories category topics keywords", kTagList},
};

template <typename Value>
void add_words(NameTable<Value>& table, std::string_view words, Value value) {
    while (!words.empty()) {
        const size_t end = words.find(' ');
        table.add(words.substr(0, end), value);
        words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
    }
}

NameTable<TagInfo> make_tags() {
    NameTable<TagInfo> table;
    for (const NamedTag& named : kTags) {
        add_words(table, named.names, TagInfo{named.tag, named.bits});
    }
    return table;
}

NameTable<uint32_t> make_hints() {
    NameTable<uint32_t> table;
    for (const HintWords& entry : kHintWords) add_words(table, entry.words, entry.hints);
    return table;
}

const NameTable<TagInfo> tags = make_tags();
const NameTable<uint32_t> hint_words = make_hints();

bool is_upper(char byte) { return byte >= 'A' && byte <= 'Z'; }
bool is_lower(char byte) { return byte >= 'a' && byte <= 'z'; }

}  // namespace

TagInfo tag_of(std::string_view name) {
    const TagInfo* found = tags.find(name.data(), name.size());
    return found ? *found : TagInfo{Tag::Inline, 0};
}

uint32_t hints_of(std::string_view value) {
    uint32_t hints = 0;
    char word[kLongestName];
    size_t size = 0;
    const auto finish = [&] {
        if (const uint32_t* found = hint_words.find(word, size)) {
            if (hints & *found & kContent) hints |= kContentTwice;
            hints |= *found;
        }
        size = 0;
    };
    for (size_t at = 0; at < value.size(); ++at) {
        const char byte = value[at];
        if (is_upper(byte)) {
            if (at > 0 && is_lower(value[at - 1])) finish();
        } else if (!is_lower(byte)) {
            finish();
            continue;
        }
        if (size < kLongestName) word[size] = static_cast<char>(byte | 0x20);
        ++size;
    }
    finish();
    return hints;
}

}  // namespace curate::html
