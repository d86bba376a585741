#include "html_content.hpp"

namespace curate::html {
namespace {

constexpr uint32_t kShortProse = 30;
constexpr uint32_t kLongProse = 120;

bool is_heading(Tag tag) { return tag >= Tag::Heading1 && tag <= Tag::Heading6; }

// Bytes of running text outside links; 0 for blocks that are no running text.
uint32_t prose_of(const Block& block) {
    if (is_heading(block.tag)) return 0;
    if (2 * block.link_length > block.length) return 0;
    const uint32_t plain = block.length - block.link_length;
    if (plain >= kLongProse || (plain >= kShortProse && block.sentence_ends > 0)) return plain;
    if (block.place.preformatted != kNone && plain >= kShortProse) return plain;
    return plain >= kShortProse ? plain / 4 : 0;
}

class Chooser {
public:
    Chooser(const Page& page, const Blocks& found)
        : page_(page), found_(found), elements_(page.elements) {}

    std::vector<bool> choose() {
        prose_.assign(elements_.size(), 0);
        length_.assign(elements_.size(), 0);
        dropped_.assign(elements_.size(), false);
        sum_up();
        drop_elements();
        sum_up();
        std::vector<bool> kept = keep_blocks(find_container());
        for (const bool is_kept : kept) {
            if (is_kept) return kept;
        }
        return keep_all_but_links();
    }

private:
    // Prose and length of every subtree, dropped ones left out.
    void sum_up() {
        std::fill(prose_.begin(), prose_.end(), 0);
        std::fill(length_.begin(), length_.end(), 0);
        for (const Block& block : found_.blocks) {
            if (dropped_[block.element]) continue;
            prose_[block.element] += prose_of(block);
            length_[block.element] += block.length;
        }
        for (size_t index = elements_.size(); index-- > 1;) {
            const uint32_t parent = elements_[index].parent;
            prose_[parent] += prose_[index];
            length_[parent] += length_[index];
        }
    }

    void drop_elements() {
        const uint64_t total = prose_[0];
        for (uint32_t index = 1; index < elements_.size(); ++index) {
            const Element& element = elements_[index];
            if (dropped_[element.parent]) {
                dropped_[index] = true;
                continue;
            }
            dropped_[index] = is_dropped(element, prose_[index], length_[index], total);
        }
    }

    static bool is_dropped(const Element& element, uint64_t prose, uint64_t length,
                           uint64_t total) {
        if (element.tag == Tag::Html || element.tag == Tag::Body || element.tag == Tag::Main) {
            return false;
        }
        constexpr uint32_t kAnySize = kComments | kRelated | kShare | kAdvertisement | kDialog |
                                      kFooterLike | kNavigationLike | kSidebar | kSubscribe;
        constexpr uint32_t kSmall =
            kAuthorOrDate | kCaption | kHeaderLike | kTagList | kHiddenByClass;
        const bool tag_speaks = element.tag == Tag::Navigation || element.tag == Tag::Aside ||
                                element.tag == Tag::Footer;
        if ((tag_speaks || element.hints & kAnySize) && 2 * prose < total) return true;
        const bool small_tag = element.tag == Tag::Figcaption || element.tag == Tag::Header ||
                               element.tag == Tag::Form;
        return (small_tag || element.hints & kSmall) && length < 400 && 10 * prose < total;
    }

    // From the root into the child that holds most of the running text, as long as one does.
    uint32_t find_container() const {
        std::vector<uint32_t> best_child(elements_.size(), kNone);
        for (uint32_t index = 1; index < elements_.size(); ++index) {
            uint32_t& best = best_child[elements_[index].parent];
            if (best == kNone || prose_[index] > prose_[best]) best = index;
        }
        uint32_t at = 0;
        while (best_child[at] != kNone) {
            const uint32_t child = best_child[at];
            if (prose_[child] == 0 || 10 * prose_[child] < 7 * prose_[at]) break;
            const Tag tag = elements_[child].tag;
            if (tag == Tag::Paragraph || tag == Tag::Row || tag == Tag::OrderedList ||
                tag == Tag::UnorderedList || tag == Tag::Blockquote || tag == Tag::Inline) {
                break;
            }
            at = child;
            if (elements_[at].hints & kArticleBody) break;
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
            good[at] = inside[block.element] && prose_of(block) > 0;
            if (!good[at]) continue;
            if (first == count) first = at;
            last = at;
        }
        if (first == count) return kept;
        for (size_t at = first; at <= last; ++at) {
            const Block& block = found_.blocks[at];
            kept[at] = inside[block.element] && (good[at] || 2 * block.link_length <= block.length);
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
    std::vector<uint64_t> prose_, length_;
    std::vector<bool> dropped_;
};

}  // namespace

std::vector<bool> choose_content(const Page& page, const Blocks& blocks) {
    return Chooser(page, blocks).choose();
}

}  // namespace curate::html
