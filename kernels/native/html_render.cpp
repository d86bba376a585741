#include "html_render.hpp"

#include <algorithm>

#include "html_text.hpp"

namespace curate::html {
namespace {

class Writer {
public:
    explicit Writer(const Page& page, const Blocks& blocks) : page_(page), found_(blocks) {}

    void add(const Block& block) {
        const bool starts_item = block.place.item != kNone && block.place.item != last_.item;
        separate(block.place);
        if (starts_item) write_bullet(block.place);
        write_block(block);
        last_ = block.place;
        has_last_ = true;
    }

    std::string finish() {
        trim_line_end();
        return std::move(text_);
    }

private:
    bool in_data_table(const Place& place) const {
        return place.table != kNone && found_.is_data_table[place.table];
    }

    void separate(const Place& place) {
        if (!has_last_) return;
        if (in_data_table(place) && place.table == last_.table) {
            if (place.cell == last_.cell && place.cell != kNone) {
                text_ += ' ';
            } else if (place.row == last_.row && place.column > last_.column) {
                text_.append(place.column - last_.column, '\t');
            } else {
                trim_line_end();
                text_ += '\n';
                text_.append(place.column, '\t');
            }
            return;
        }
        trim_line_end();
        const bool same_list = place.list != kNone && place.list == last_.list;
        const bool same_lines =
            place.preformatted != kNone && place.preformatted == last_.preformatted;
        text_ += same_list || same_lines ? "\n" : "\n\n";
    }

    void write_bullet(const Place& place) {
        if (in_data_table(place)) return;
        text_.append(
            2 * (std::min<size_t>(place.list_depth, kDeepestIndent) - (place.list_depth > 0)), ' ');
        if (place.item_number > 0) {
            text_ += std::to_string(place.item_number) + ". ";
        } else {
            text_ += "- ";
        }
    }

    void write_block(const Block& block) {
        start_ = text_.size();
        const bool keeps_lines = block.place.preformatted != kNone;
        const bool on_one_line = in_data_table(block.place);
        pending_space_ = false;
        for (uint32_t index = block.first_event; index < block.end_event; ++index) {
            const Event& event = page_.events[index];
            const Element& element = page_.elements[event.element];
            if (element.unseen) continue;
            if (event.kind == EventKind::Open && element.tag == Tag::Superscript) {
                raises_number_ = text_.size() > start_ && !pending_space_ && is_digit(text_.back());
            } else if (event.kind == EventKind::Open && element.tag == Tag::Break) {
                if (on_one_line) {
                    pending_space_ = true;
                } else {
                    break_line();
                }
            } else if (event.kind == EventKind::Text || event.kind == EventKind::RawText) {
                const auto text = page_.markup.substr(event.begin, event.end - event.begin);
                const bool references = event.kind == EventKind::Text;
                if (keeps_lines) {
                    write_lines(text, references);
                } else {
                    write_words(text, references);
                }
            }
        }
        if (keeps_lines) drop_blank_ends();
    }

    void break_line() {
        pending_space_ = false;
        if (text_.size() == start_) return;
        trim_line_end();
        text_ += '\n';
    }

    void write_words(std::string_view text, bool references) {
        for (size_t at = 0; at < text.size();) {
            const char byte = text[at];
            if (is_html_space(byte)) {
                pending_space_ = true;
                ++at;
            } else if (byte == '&' && references) {
                const Reference reference = reference_at(text, at);
                at += reference.bytes;
                if (reference.text[0] == ' ') {
                    pending_space_ = true;
                } else {
                    write_space();
                    text_ += reference.text[0];
                }
            } else {
                size_t end = at + 1;
                while (end < text.size() && !is_html_space(text[end]) && text[end] != '&') ++end;
                write_space();
                write_caret(byte);
                append(text.substr(at, end - at));
                at = end;
            }
        }
    }

    // Between a number and its exponent, which would read as one number.
    void write_caret(char next) {
        if (raises_number_ && is_digit(next)) text_ += '^';
        raises_number_ = false;
    }

    static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

    void write_space() {
        if (pending_space_ && text_.size() > start_ && text_.back() != '\n') text_ += ' ';
        pending_space_ = false;
    }

    void write_lines(std::string_view text, bool references) {
        size_t at = 0;
        while (at < text.size()) {
            const size_t next = references ? text.find_first_of("&\r", at) : text.find('\r', at);
            const size_t end = next == std::string_view::npos ? text.size() : next;
            append(text.substr(at, end - at));
            if (end == text.size()) break;
            if (text[end] == '\r') {
                if (end + 1 == text.size() || text[end + 1] != '\n') text_ += '\n';
                at = end + 1;
            } else {
                const Reference reference = reference_at(text, end);
                text_ += reference.text[0];
                at = end + reference.bytes;
            }
        }
    }

    // A document holds no NUL.
    void append(std::string_view text) {
        size_t nul;
        while ((nul = text.find('\0')) != std::string_view::npos) {
            text_.append(text.substr(0, nul)).append("\xef\xbf\xbd");
            text.remove_prefix(nul + 1);
        }
        text_.append(text);
    }

    void drop_blank_ends() {
        size_t begin = start_;
        for (size_t at = start_; at < text_.size() && is_html_space(text_[at]); ++at) {
            if (text_[at] == '\n') begin = at + 1;
        }
        text_.erase(start_, begin - start_);
        while (text_.size() > start_ && is_html_space(text_.back())) text_.pop_back();
    }

    void trim_line_end() {
        while (!text_.empty() && is_html_space(text_.back())) text_.pop_back();
    }

    static constexpr size_t kDeepestIndent = 8;

    const Page& page_;
    const Blocks& found_;
    std::string text_;
    size_t start_ = 0;
    bool pending_space_ = false;
    bool raises_number_ = false;
    bool has_last_ = false;
    Place last_;
};

}  // namespace

std::string render(const Page& page, const Blocks& blocks, const std::vector<bool>& kept) {
    Writer writer(page, blocks);
    for (size_t at = 0; at < blocks.blocks.size(); ++at) {
        if (kept[at]) writer.add(blocks.blocks[at]);
    }
    return writer.finish();
}

std::string plain_line(std::string_view markup) {
    std::string line;
    bool pending_space = false;
    for (size_t at = 0; at < markup.size();) {
        char shown = markup[at];
        uint32_t bytes = 1;
        if (shown == '&') {
            const Reference reference = reference_at(markup, at);
            shown = reference.text[0];
            bytes = reference.bytes;
        }
        at += bytes;
        if (is_html_space(shown)) {
            pending_space = true;
            continue;
        }
        if (pending_space && !line.empty()) line += ' ';
        pending_space = false;
        if (shown == '\0') {
            line += "\xef\xbf\xbd";
        } else {
            line += shown;
        }
    }
    return line;
}

}  // namespace curate::html
