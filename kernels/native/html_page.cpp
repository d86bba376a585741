#include "html_page.hpp"

#include <array>
#include <cstring>
#include <stdexcept>

namespace curate::html {
namespace {

bool is_space(char byte) {
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r' || byte == '\f';
}

bool is_letter(char byte) {
    const char lower = static_cast<char>(byte | 0x20);
    return lower >= 'a' && lower <= 'z';
}

char lower(char byte) { return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte; }

bool equals_ignoring_case(std::string_view text, std::string_view small) {
    if (text.size() != small.size()) return false;
    for (size_t at = 0; at < text.size(); ++at) {
        if (lower(text[at]) != small[at]) return false;
    }
    return true;
}

// `display:none` or `visibility:hidden`, with or without white space.
bool style_hides(std::string_view style) {
    char packed[128];
    size_t size = 0;
    for (const char byte : style) {
        if (is_space(byte)) continue;
        packed[size++] = lower(byte);
        if (size == sizeof packed) break;
    }
    const std::string_view found(packed, size);
    return found.find("display:none") != std::string_view::npos ||
           found.find("visibility:hidden") != std::string_view::npos;
}

uint32_t hints_of_role(std::string_view role) {
    if (role == "navigation" || role == "menu" || role == "menubar" || role == "banner")
        return kNavigationLike;
    if (role == "complementary") return kSidebar;
    if (role == "contentinfo") return kFooterLike;
    if (role == "dialog" || role == "alertdialog") return kDialog;
    if (role == "main" || role == "article") return kContent;
    return 0;
}

class Reader {
public:
    explicit Reader(std::string_view markup) : markup_(markup) {
        page_.markup = markup;
        page_.elements.reserve(markup.size() / 64 + 16);
        page_.events.reserve(markup.size() / 24 + 16);
    }

    Page read() {
        open_element("", Tag::Block, 0);  // a root, whatever the markup holds
        size_t at = 0;
        while (at < markup_.size()) {
            const void* found = std::memchr(markup_.data() + at, '<', markup_.size() - at);
            const size_t next =
                found ? static_cast<const char*>(found) - markup_.data() : markup_.size();
            const size_t stop = next < markup_.size() && !starts_markup(next) ? next + 1 : next;
            if (stop > at) add_text(at, stop, EventKind::Text);
            at = stop == next && next < markup_.size() ? read_markup(next) : stop;
        }
        while (!open_.empty()) close_last();
        return std::move(page_);
    }

private:
    bool starts_markup(size_t at) const {
        if (at + 1 >= markup_.size()) return false;
        const char next = markup_[at + 1];
        if (next == '/') return at + 2 < markup_.size() && is_letter(markup_[at + 2]);
        return is_letter(next) || next == '!' || next == '?';
    }

    void add_text(size_t begin, size_t end, EventKind kind) {
        page_.events.push_back(
            {open_.back(), static_cast<uint32_t>(begin), static_cast<uint32_t>(end), kind});
    }

    // `at` is a '<' that starts markup. Returns where the text goes on.
    size_t read_markup(size_t at) {
        const char next = markup_[at + 1];
        if (next == '!' || next == '?') return skip_declaration(at);
        return next == '/' ? read_end_tag(at + 2) : read_start_tag(at + 1);
    }

    size_t skip_declaration(size_t at) const {
        const bool is_comment = markup_.compare(at, 4, "<!--") == 0;
        if (!is_comment) return after(markup_.find('>', at), 1);
        if (markup_.compare(at, 5, "<!-->") == 0) return at + 5;
        return after(markup_.find("-->", at + 4), 3);
    }

    size_t after(size_t found, size_t size) const {
        return found == std::string_view::npos ? markup_.size() : found + size;
    }

    size_t name_end(size_t at) const {
        while (at < markup_.size() && !is_space(markup_[at]) && markup_[at] != '>' &&
               markup_[at] != '/') {
            ++at;
        }
        return at;
    }

    size_t read_end_tag(size_t at) {
        const size_t end = name_end(at);
        close_element(name_hash(markup_.substr(at, end - at)));
        return after(markup_.find('>', end), 1);
    }

    size_t read_start_tag(size_t at) {
        const size_t end = name_end(at);
        const std::string_view name = markup_.substr(at, end - at);
        const TagInfo info = tag_of(name);
        open_element(name, info.tag, at - 1);
        const uint32_t index = open_.back();
        at = read_attributes(end, index);
        Element& element = page_.elements[index];
        if (element.hidden || info.bits & kUnseenTag) element.unseen = true;
        if (info.bits & kRawTextTag) return read_raw_text(at, name, info.tag);
        if (info.bits & kVoidTag) close_last();
        return at;
    }

    // Returns the position after '>'.
    size_t read_attributes(size_t at, uint32_t index) {
        while (at < markup_.size()) {
            const char byte = markup_[at];
            if (byte == '>') return at + 1;
            if (is_space(byte) || byte == '/') {
                ++at;
                continue;
            }
            const size_t begin = at;
            ++at;  // an attribute's name may begin with '='
            while (at < markup_.size() && !is_space(markup_[at]) && markup_[at] != '=' &&
                   markup_[at] != '>' && markup_[at] != '/') {
                ++at;
            }
            const std::string_view name = markup_.substr(begin, at - begin);
            std::string_view value;
            if (at < markup_.size() && markup_[at] == '=') at = read_value(at + 1, value);
            use_attribute(name, value, index);
        }
        return at;
    }

    size_t read_value(size_t at, std::string_view& value) const {
        if (at < markup_.size() && (markup_[at] == '"' || markup_[at] == '\'')) {
            const size_t end = markup_.find(markup_[at], at + 1);
            value = markup_.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
            return after(end, 1);
        }
        const size_t begin = at;
        while (at < markup_.size() && !is_space(markup_[at]) && markup_[at] != '>') ++at;
        value = markup_.substr(begin, at - begin);
        return at;
    }

    void use_attribute(std::string_view name, std::string_view value, uint32_t index) {
        Element& element = page_.elements[index];
        switch (name.size()) {
            case 2:
                if (name == "id") element.hints |= hints_of(value);
                break;
            case 4:
                if (name == "role") element.hints |= hints_of_role(value);
                if (name == "href") element.in_page = value.substr(0, 1) == "#";
                if (name == "lang" && element.tag == Tag::Html) page_.language = value;
                break;
            case 5:
                if (name == "start") read_number(value, element);
                if (name == "value" && element.tag == Tag::Item) read_number(value, element);
                if (name == "class" && is_mark(value)) element.hidden = true;
                if (name == "class") use_class(value, element);
                if (name == "style" && style_hides(value)) element.hidden = true;
                break;
            case 6:
                if (name == "hidden") element.hidden = true;
                break;
            case 7:
                if (name == "colspan") element.columns = read_span(value);
                if (name == "rowspan") element.rows = read_span(value);
                break;
            case 8:
                if (name == "itemprop") use_item_property(value, element);
                break;
            case 11:
                if (name == "aria-hidden" && value == "true") element.hidden = true;
                break;
            default: break;
        }
    }

    // Marks that software puts beside headings: permanent links, "edit".
    static bool is_mark(std::string_view classes) {
        for (const char* mark : {"headerlink", "mw-editsection", "heading-anchor", "hash-link"}) {
            if (classes.find(mark) != std::string_view::npos) return true;
        }
        return false;
    }

    static void read_number(std::string_view value, Element& element) {
        if (value.empty() || value.size() > 6) return;
        uint32_t number = 0;
        for (const char byte : value) {
            if (byte < '0' || byte > '9') return;
            number = 10 * number + static_cast<uint32_t>(byte - '0');
        }
        element.number = number;
    }

    static uint16_t read_span(std::string_view value) {
        Element read{};
        read_number(value, read);
        return static_cast<uint16_t>(read.number == kNone || read.number == 0 ? 1
                                     : read.number > kWidestSpan              ? kWidestSpan
                                                                              : read.number);
    }

    static void use_class(std::string_view value, Element& element) {
        element.hints |= hints_of(value);
        for (const char byte : value) {
            if (byte >= '0' && byte <= '9') continue;
            element.shape = (element.shape ^ static_cast<uint8_t>(byte)) * 0x01000193u;
        }
    }

    static void use_item_property(std::string_view value, Element& element) {
        if (value.find("articleBody") != std::string_view::npos) element.hints |= kArticleBody;
        if (value == "author" || value == "datePublished" || value == "dateModified") {
            element.hints |= kAuthorOrDate;
        }
    }

    size_t read_raw_text(size_t at, std::string_view name, Tag tag) {
        size_t end = at;
        while (true) {
            end = markup_.find("</", end);
            if (end == std::string_view::npos) {
                end = markup_.size();
                break;
            }
            if (equals_ignoring_case(markup_.substr(end + 2, name.size()), lower_name(name))) break;
            end += 2;
        }
        if (tag == Tag::Title) {
            if (page_.title.empty()) page_.title = markup_.substr(at, end - at);
        } else if (tag == Tag::Preformatted && end > at) {
            add_text(at, end, EventKind::RawText);
        }
        close_last();
        return end == markup_.size() ? end : after(markup_.find('>', end), 1);
    }

    // Names of raw text elements come from the table, so they fit.
    std::string_view lower_name(std::string_view name) {
        for (size_t at = 0; at < name.size(); ++at) name_[at] = lower(name[at]);
        return {name_.data(), name.size()};
    }

    static size_t name_hash(std::string_view name) {
        uint64_t hash = 0xcbf29ce484222325u;
        for (const char byte : name) {
            hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3u;
        }
        return static_cast<size_t>(hash >> 52);
    }

    void open_element(std::string_view name, Tag tag, size_t at) {
        const uint32_t parent = open_.empty() ? kNone : open_.back();
        const bool unseen = parent != kNone && page_.elements[parent].unseen;
        const uint32_t index = static_cast<uint32_t>(page_.elements.size());
        page_.elements.push_back({parent, static_cast<uint32_t>(at), 0, static_cast<uint32_t>(tag),
                                  0, tag, false, false, unseen});
        page_.events.push_back({index, 0, 0, EventKind::Open});
        const size_t hash = name_hash(name);
        open_.push_back(index);
        open_names_.push_back(static_cast<uint16_t>(hash));
        ++open_with_name_[hash];
    }

    void close_last() {
        const uint32_t index = open_.back();
        page_.elements[index].last_event = static_cast<uint32_t>(page_.events.size());
        page_.events.push_back({index, 0, 0, EventKind::Close});
        --open_with_name_[open_names_.back()];
        open_.pop_back();
        open_names_.pop_back();
    }

    // Closes everything up to the last open element of that name; an end tag without one is
    // nothing. The counts keep stray end tags from searching a deep page again and again.
    void close_element(size_t hash) {
        if (open_with_name_[hash] == 0 || open_.size() == 1) return;
        if (open_names_[0] == hash && open_with_name_[hash] == 1) return;
        while (open_.size() > 1) {
            const bool is_last = open_names_.back() == hash;
            close_last();
            if (is_last) return;
        }
    }

    static constexpr uint32_t kWidestSpan = 100;

    std::string_view markup_;
    Page page_;
    std::vector<uint32_t> open_;
    std::vector<uint16_t> open_names_;
    std::array<uint32_t, 4096> open_with_name_{};
    std::array<char, 16> name_{};
};

}  // namespace

Page read_page(std::string_view markup) {
    if (markup.size() >= UINT32_MAX) throw std::length_error("a page must be below 4 GiB");
    return Reader(markup).read();
}

}  // namespace curate::html
