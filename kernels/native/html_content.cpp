#include "html_content.hpp"

#include <algorithm>

namespace curate::html {
namespace {

// Lengths as in Block: bytes without white space, of scripts without spaces three to a character.
// Round numbers, set by hand with the pages of benchmarks/extraction in sight.
constexpr uint32_t kShortProse = 30;      // with the end of a sentence: a short paragraph
constexpr uint32_t kLongProse = 120;      // running text even without
constexpr uint64_t kEnoughProse = 250;    // an article, if a short one; longer than a teaser
constexpr uint32_t kCopyrightLine = 400;  // a copyright sign in less is a notice
constexpr uint64_t kLongestLabel = 400;   // bylines, captions, tags, search forms
constexpr uint64_t kLongestCaption = 1000;

bool is_heading(Tag tag) { return tag >= Tag::Heading1 && tag <= Tag::Heading6; }

// Bytes of running text outside links; a quarter for blocks that may be running text, 0 for others.
uint32_t prose_of(const Block& block) {
    if (is_heading(block.tag)) return 0;
    if (block.place.preformatted != kNone) return block.length;
    if (2 * block.link_length > block.length) return 0;
    const uint32_t plain = block.length - block.link_length;
    if (plain >= kLongProse || (plain >= kShortProse && block.sentence_ends > 0)) return plain;
    return plain >= kShortProse ? plain / 4 : 0;
}

// Of a subtree, without what is dropped.
struct Sum {
    uint64_t prose = 0, length = 0, link_length = 0;
    uint32_t blocks = 0, linked_blocks = 0;
};

class Chooser {
public:
    Chooser(const Page& page, const Blocks& found)
        : page_(page), found_(found), elements_(page.elements), dropped_(elements_.size(), false) {}

    std::vector<bool> choose() {
        sum_up();
        drop_by_name();
        sum_up();
        drop_teasers();
        sum_up();
        std::vector<bool> kept = keep_blocks(find_container());
        for (const bool is_kept : kept) {
            if (is_kept) return kept;
        }
        return keep_all_but_links();
    }

private:
    void sum_up() {
        sums_.assign(elements_.size(), {});
        for (const Block& block : found_.blocks) {
            if (dropped_[block.element]) continue;
            Sum& sum = sums_[block.element];
            sum.prose += prose_of(block);
            sum.length += block.length;
            sum.link_length += block.link_length;
            sum.blocks += block.length > 0;
            sum.linked_blocks += block.length > 0 && block.link_length == block.length;
        }
        for (size_t index = elements_.size(); index-- > 1;) {
            Sum& parent = sums_[elements_[index].parent];
            const Sum& child = sums_[index];
            parent.prose += child.prose;
            parent.length += child.length;
            parent.link_length += child.link_length;
            parent.blocks += child.blocks;
            parent.linked_blocks += child.linked_blocks;
        }
    }

    // By tag, role and the words in class and id. A wrapper named after its sidebar is no sidebar:
    // a name counts only as long as most of the page's text stands outside the box.
    void drop_by_name() {
        const uint32_t trusted = comments_are_the_content() ? kNames & ~kComments : kNames;
        for (uint32_t index = 1; index < elements_.size(); ++index) {
            const Element& element = elements_[index];
            dropped_[index] = dropped_[element.parent] || is_label(element, sums_[index]) ||
                              !stays(names_of(element) & trusted, sums_[index].prose);
        }
    }

    static constexpr uint32_t kNames = kRelated | kShare | kAdvertisement | kDialog | kFooterLike |
                                       kNavigationLike | kSidebar | kSubscribe | kComments;

    static bool is_immune(const Element& element) {
        return element.tag == Tag::Html || element.tag == Tag::Body || element.tag == Tag::Main ||
               element.tag == Tag::Blockquote || is_heading(element.tag) ||
               element.hints & kArticleBody;
    }

    static uint32_t names_of(const Element& element) {
        if (is_immune(element)) return 0;
        uint32_t names = element.hints & kNames;
        if (element.tag == Tag::Navigation) names |= kNavigationLike;
        if (element.tag == Tag::Aside) names |= kSidebar;
        if (element.tag == Tag::Footer) names |= kFooterLike;
        return names;
    }

    // True when boxes of one of these names with so much running text are too much of the page.
    bool stays(uint32_t names, uint64_t prose) const {
        const uint64_t total = sums_[0].prose;
        if (names == 0) return true;
        if (prose == 0 || 2 * prose < total) return false;
        if (4 * prose >= 3 * total) return true;
        // A short article may have less text than the legal notice below it.
        const bool is_sure = names & (kFooterLike | kDialog) && total - prose >= kEnoughProse;
        return !is_sure && !(names & kComments);
    }

    // On forums every answer may be called a comment, and hardly anything else is text.
    bool comments_are_the_content() const {
        std::vector<bool> inside(elements_.size(), false);
        uint64_t prose = 0;
        for (uint32_t index = 1; index < elements_.size(); ++index) {
            inside[index] = inside[elements_[index].parent];
            if (inside[index] || !(names_of(elements_[index]) & kComments)) continue;
            if (stays(kComments, sums_[index].prose)) continue;
            prose += sums_[index].prose;
            inside[index] = true;
        }
        const uint64_t total = sums_[0].prose;
        return 2 * prose > total && total - prose < kEnoughProse;
    }

    bool is_label(const Element& element, const Sum& sum) const {
        if (is_immune(element)) return false;
        constexpr uint32_t kLabels = kAuthorOrDate | kCaption | kTagList | kHiddenByClass;
        const bool is_caption = element.tag == Tag::Figcaption;
        return (is_caption || element.tag == Tag::Form || element.hints & kLabels) &&
               sum.length < (is_caption ? kLongestCaption : kLongestLabel) &&
               10 * sum.prose < sums_[0].prose;
    }

    // Teasers: boxes of one template side by side, each with a linked title and a short text.
    void drop_teasers() {
        struct Member {
            uint32_t parent, shape, index;
        };
        std::vector<Member> members;
        for (uint32_t index = 1; index < elements_.size(); ++index) {
            if (dropped_[index] || sums_[index].linked_blocks == 0) continue;
            const Tag tag = elements_[index].tag;
            if (tag == Tag::Row || tag == Tag::Cell || tag == Tag::RowGroup) continue;
            if (sums_[index].blocks < 2 || sums_[index].prose == 0) continue;
            members.push_back({elements_[index].parent, elements_[index].shape, index});
        }
        std::sort(members.begin(), members.end(), [](const Member& left, const Member& right) {
            if (left.parent != right.parent) return left.parent < right.parent;
            if (left.shape != right.shape) return left.shape < right.shape;
            return left.index < right.index;
        });
        const uint64_t total = sums_[0].prose;
        for (size_t first = 0; first < members.size();) {
            size_t end = first;
            uint64_t prose = 0;
            while (end < members.size() && members[end].parent == members[first].parent &&
                   members[end].shape == members[first].shape) {
                prose += sums_[members[end].index].prose;
                ++end;
            }
            const uint64_t count = end - first;
            if (count >= 3 && prose < kEnoughProse * count && 4 * (total - prose) >= total &&
                total - prose >= kEnoughProse) {
                for (size_t at = first; at < end; ++at) dropped_[members[at].index] = true;
            }
            first = end;
        }
        for (uint32_t index = 1; index < elements_.size(); ++index) {
            if (dropped_[elements_[index].parent]) dropped_[index] = true;
        }
    }

    // Where a page says that its content is: the largest box of its kind, when it holds a good part
    // of the text and no other of the kind comes near. 0, the root, where none does.
    uint32_t find_start() const {
        const uint64_t total = sums_[0].prose;
        const auto kind_of = [](const Element& element) {
            if (element.hints & kArticleBody) return 0;
            if (element.tag == Tag::Article) return 1;
            if (element.hints & kContentTwice && element.tag != Tag::Body) return 2;
            if (element.tag == Tag::Main) return 3;
            return 4;
        };
        uint32_t best[4] = {kNone, kNone, kNone, kNone};
        uint64_t second[4] = {0, 0, 0, 0};
        for (uint32_t index = 1; index < elements_.size(); ++index) {
            const int kind = kind_of(elements_[index]);
            if (kind == 4 || dropped_[index]) continue;
            const uint64_t prose = sums_[index].prose;
            if (best[kind] == kNone || prose > sums_[best[kind]].prose) {
                if (best[kind] != kNone) second[kind] = sums_[best[kind]].prose;
                best[kind] = index;
            } else if (!is_below(index, best[kind])) {
                second[kind] = std::max(second[kind], prose);
            }
        }
        for (int kind = 0; kind < 4; ++kind) {
            if (best[kind] == kNone) continue;
            const uint64_t prose = sums_[best[kind]].prose;
            if (prose > 0 && 10 * prose >= 3 * total && 2 * second[kind] < prose) return best[kind];
        }
        return 0;
    }

    bool is_below(uint32_t index, uint32_t ancestor) const {
        return elements_[index].last_event < elements_[ancestor].last_event;
    }

    // From the start into the child that holds most of the running text, as long as one does.
    uint32_t find_container() const {
        std::vector<uint32_t> best_child(elements_.size(), kNone);
        for (uint32_t index = 1; index < elements_.size(); ++index) {
            uint32_t& best = best_child[elements_[index].parent];
            if (best == kNone || sums_[index].prose > sums_[best].prose) best = index;
        }
        uint32_t at = find_start();
        // What a page names its content is left only for what holds nearly all of it.
        const uint64_t share = at == 0 ? 70 : 95;
        while (best_child[at] != kNone) {
            if (elements_[at].hints & kArticleBody) break;
            const uint32_t child = best_child[at];
            const uint64_t prose = sums_[child].prose;
            if (prose == 0 || 100 * prose < share * sums_[at].prose) break;
            const Tag tag = elements_[child].tag;
            if (tag == Tag::Paragraph || tag == Tag::Row || tag == Tag::OrderedList ||
                tag == Tag::UnorderedList || tag == Tag::Blockquote || tag == Tag::Inline) {
                break;
            }
            at = child;
        }
        return at;
    }

    std::vector<bool> keep_blocks(uint32_t container) const {
        const size_t count = found_.blocks.size();
        std::vector<bool> inside(elements_.size(), false);
        inside[container] = true;
        for (uint32_t index = container + 1; index < elements_.size(); ++index) {
            inside[index] = inside[elements_[index].parent] && !dropped_[index];
        }
        std::vector<bool> kept(count, false);
        std::vector<bool> good(count, false);
        size_t first = count, last = 0;
        for (size_t at = 0; at < count; ++at) {
            const Block& block = found_.blocks[at];
            good[at] = inside[block.element] && is_good(block);
            if (!good[at]) continue;
            if (first == count) first = at;
            last = at;
        }
        if (first == count) return kept;
        for (size_t at = first; at <= last; ++at) {
            if (inside[found_.blocks[at].element]) kept[at] = good[at] || is_kept(at, good);
        }
        keep_headings_above(first, inside, kept);
        keep_what_is_announced(last, inside, kept);
        return kept;
    }

    // Headings right above the first running text belong to it; the page's title, <h1>, does not.
    void keep_headings_above(size_t first, const std::vector<bool>& inside,
                             std::vector<bool>& kept) const {
        size_t top = first;
        while (top > 0 && is_heading(found_.blocks[top - 1].tag) && is_plain(top - 1, inside))
            --top;
        while (top < first && found_.blocks[top].tag != Tag::Heading1) ++top;
        for (size_t at = top + 1; at < first; ++at) kept[at] = true;
    }

    // The list, listing or table behind a colon or a heading that follow the last running text.
    void keep_what_is_announced(size_t last, const std::vector<bool>& inside,
                                std::vector<bool>& kept) const {
        const std::vector<Block>& blocks = found_.blocks;
        size_t at = last + 1;
        while (at < blocks.size() && is_heading(blocks[at].tag) && is_plain(at, inside)) ++at;
        if (at == blocks.size() || (at == last + 1 && !blocks[last].announces)) return;
        const Place& place = blocks[at].place;
        const auto belongs = [&](const Place& other) {
            return (place.list != kNone && other.list == place.list) ||
                   (place.preformatted != kNone && other.preformatted == place.preformatted) ||
                   (place.table != kNone && found_.is_data_table[place.table] &&
                    other.table == place.table);
        };
        size_t end = at;
        while (end < blocks.size() && belongs(blocks[end].place) && is_plain(end, inside)) ++end;
        if (end == at || (end < blocks.size() && belongs(blocks[end].place))) return;
        for (size_t index = last + 1; index < end; ++index) kept[index] = true;
    }

    bool is_plain(size_t at, const std::vector<bool>& inside) const {
        const Block& block = found_.blocks[at];
        return inside[block.element] && 2 * block.link_length <= block.length;
    }

    // A block that is no running text, between blocks that are.
    bool is_kept(size_t at, const std::vector<bool>& good) const {
        const Block& block = found_.blocks[at];
        if (block.length == 0) return in_data_table(block);
        if (block.has_copyright && block.length < kCopyrightLine) return false;
        if (is_heading(block.tag)) {
            return 10 * block.link_length <= 9 * block.length ||
                   (at + 1 < good.size() && good[at + 1]);
        }
        if (in_data_table(block)) return is_text(sums_[block.place.table]);
        if (block.place.list != kNone && is_text(sums_[block.place.list])) return true;
        return 2 * block.link_length <= block.length;
    }

    bool in_data_table(const Block& block) const {
        return block.place.table != kNone && found_.is_data_table[block.place.table];
    }

    // Lists and tables are judged as a whole: up to two thirds may be links.
    static bool is_text(const Sum& sum) { return 3 * sum.link_length <= 2 * sum.length; }

    bool is_good(const Block& block) const {
        if (block.has_copyright && block.length < kCopyrightLine) return false;
        if (in_data_table(block) && block.length > 0) return is_text(sums_[block.place.table]);
        return prose_of(block) > 0 ||
               (block.sentence_ends > 0 && block.length - block.link_length >= kShortProse &&
                4 * block.link_length <= 3 * block.length);
    }

    // For pages without running text: what is left without boilerplate and lists of links.
    std::vector<bool> keep_all_but_links() const {
        std::vector<bool> kept(found_.blocks.size(), false);
        for (size_t at = 0; at < kept.size(); ++at) {
            const Block& block = found_.blocks[at];
            kept[at] = !dropped_[block.element] && 2 * block.link_length <= block.length &&
                       block.length > 0;
        }
        return kept;
    }

    const Page& page_;
    const Blocks& found_;
    const std::vector<Element>& elements_;
    std::vector<Sum> sums_;
    std::vector<bool> dropped_;
};

}  // namespace

std::vector<bool> choose_content(const Page& page, const Blocks& blocks) {
    return Chooser(page, blocks).choose();
}

}  // namespace curate::html
