#include <algorithm>
#include <array>
#include <vector>

#include "markup.hpp"
#include "markup_scan.hpp"

namespace curate {
namespace {

// Elements whose content is not wiki text.
constexpr std::array<Phrase, 6> kVerbatim = {"nowiki", "pre",  "syntaxhighlight",
                                             "source", "code", "math"};

// Namespaces whose links are no text, in the languages of the largest Wikipedias.
constexpr std::array<Phrase, 16> kNoText = {
    "file:",  "image:",   "category:",  "datei:",   "bild:",    "kategorie:", "fichier:", "media:",
    "archivo:", "imagen:", "bestand:", "ficheiro:", "plik:", "kategoria:", "immagine:", "categoria:"};

constexpr std::array<Phrase, 6> kMagicWords = {"__notoc__",         "__toc__",
                                               "__forcetoc__",      "__noeditsection__",
                                               "__nogallery__",     "__hiddencat__"};

constexpr size_t kLinkBytes = 1000;
constexpr size_t kEmphasisBytes = 1000;
constexpr size_t kTagBytes = 1000;

// Ends of nested passages, by the place where they open; kNowhere where they do not end.
struct Ends {
    std::vector<size_t> opens;
    std::vector<size_t> closes;
    size_t next = 0;

    // Where the passage that opens at `position` closes. Positions must grow from call to call.
    size_t of(size_t position) {
        while (next < opens.size() && opens[next] < position) ++next;
        return next < opens.size() && opens[next] == position ? closes[next] : kNowhere;
    }
};

Ends match(Bytes text, Phrase open, Phrase close, bool at_line_start) {
    Ends ends;
    std::vector<size_t> pending;
    const uint8_t first = static_cast<uint8_t>(open[0]), last = static_cast<uint8_t>(close[0]);
    for (size_t position = 0; position < text.size; ++position) {
        const uint8_t byte = text.data[position];
        if (byte != first && byte != last) continue;
        if (at_line_start && position > 0 && text.data[position - 1] != '\n') continue;
        if (stands_at(text, position, open)) {
            pending.push_back(ends.opens.size());
            ends.opens.push_back(position);
            ends.closes.push_back(kNowhere);
            ++position;
        } else if (stands_at(text, position, close)) {
            if (!pending.empty()) {
                ends.closes[pending.back()] = position + close.size();
                pending.pop_back();
            }
            ++position;
        }
    }
    return ends;
}

class WikiRemover {
public:
    WikiRemover(Bytes text, uint8_t* out, int64_t* counts)
        : text_(text),
          code_(text),
          templates_(match(text, "{{", "}}", false)),
          tables_(match(text, "{|", "|}", true)),
          links_(match(text, "[[", "]]", false)),
          begin_(out),
          out_(out),
          counts_(counts) {}

    uint8_t* run() {
        while (position_ < text_.size) {
            if (drop_mark()) continue;
            const size_t code_end = code_.end(position_);
            if (code_end > position_) {
                copy_to(code_end);
            } else if (!edit()) {
                copy_to(position_ + 1);
            }
        }
        return out_;
    }

private:
    struct Mark {
        size_t begin;
        size_t bytes;
    };

    void copy_to(size_t end) {
        std::memmove(out_, text_.data + position_, end - position_);
        out_ += end - position_;
        position_ = end;
    }

    // The closing part of a link, heading or emphasis whose opening part is gone.
    bool drop_mark() {
        while (!marks_.empty() && marks_.back().begin < position_) marks_.pop_back();
        if (marks_.empty() || marks_.back().begin != position_) return false;
        position_ += marks_.back().bytes;
        marks_.pop_back();
        return true;
    }

    void add_mark(size_t begin, size_t bytes) {
        const auto after = std::find_if(marks_.begin(), marks_.end(),
                                        [&](const Mark& mark) { return mark.begin < begin; });
        marks_.insert(after, {begin, bytes});
    }

    bool edit() {
        const uint8_t byte = text_.data[position_];
        const bool at_line_start = position_ == 0 || text_.data[position_ - 1] == '\n';
        switch (byte) {
            case '<': return element();
            case '{':
                if (at_line_start && skip(tables_.of(position_), kTablesRemoved)) return true;
                return is_template() && skip(templates_.of(position_), kTemplatesRemoved);
            case '[': return stands_at(text_, position_, "[[") ? link() : address();
            case '=': return at_line_start && heading();
            case '\'': return emphasis();
            case '_': return magic_word();
            default: return false;
        }
    }

    bool skip(size_t end, MarkupEdit edit) {
        if (end == kNowhere) return false;
        counts_[edit] += 1;
        position_ = end;
        // What stood on lines of its own leaves no blank line.
        const bool alone = out_ == begin_ || out_[-1] == '\n';
        if (alone && position_ < text_.size && text_.data[position_] == '\n') ++position_;
        return true;
    }

    // Not the doubled braces of format strings, LaTeX or Jinja.
    bool is_template() const {
        if (!stands_at(text_, position_, "{{") || text_.size - position_ < 3) return false;
        const uint8_t next = text_.data[position_ + 2];
        if (next == ' ' || next == '%' || next == '}') return false;
        if (position_ == 0) return true;
        const uint8_t before = text_.data[position_ - 1];
        if (is_ascii_letter(before) && follows_command()) return false;
        return Phrase("\\^_{}$'\"`=").find(static_cast<char>(before)) == Phrase::npos;
    }

    // A LaTeX command such as \frac.
    bool follows_command() const {
        size_t at = position_;
        while (at > 0 && position_ - at < 30 && is_ascii_letter(text_.data[at - 1])) --at;
        return at > 0 && text_.data[at - 1] == '\\';
    }

    bool element() {
        if (stands_at(text_, position_, "<!--")) {
            const size_t end = comment_ends_.from(text_, position_ + 4, "-->");
            return skip(end == kNowhere ? end : end + 3, kCommentsRemoved);
        }
        if (stands_at(text_, position_, "<ref") && position_ + 4 < text_.size) {
            const uint8_t next = text_.data[position_ + 4];
            if (next == '>' || next == ' ' || next == '/') return reference();
        }
        for (size_t index = 0; index < kVerbatim.size(); ++index) {
            const Phrase name = kVerbatim[index];
            if (!stands_at(text_, position_ + 1, name)) continue;
            const size_t after = position_ + 1 + name.size();
            if (after >= text_.size || (text_.data[after] != '>' && text_.data[after] != ' ')) {
                continue;
            }
            std::array<char, 20> closing{'<', '/'};
            std::copy(name.begin(), name.end(), closing.begin() + 2);
            const Phrase phrase(closing.data(), name.size() + 2);
            const size_t end = verbatim_ends_[index].from(text_, position_, phrase);
            if (end == kNowhere) return false;
            copy_to(end);
            return true;
        }
        return false;
    }

    bool reference() {
        const Bytes near{text_.data, std::min(text_.size, position_ + kTagBytes)};
        const size_t tag_end = find_byte(near, position_, '>');
        if (tag_end == kNowhere) return false;
        size_t end = tag_end + 1;
        if (text_.data[tag_end - 1] != '/') {
            end = reference_ends_.from(text_, position_, "</ref>");
            if (end == kNowhere) return false;
            end += 6;
        }
        counts_[kElementsRemoved] += 1;
        position_ = end;
        return true;
    }

    bool link() {
        const size_t end = links_.of(position_);
        if (end == kNowhere) return false;
        const size_t content = position_ + 2, stop = end - 2;
        for (const Phrase space : kNoText) {
            if (stands_at(text_, content, space)) return skip(end, kLinksReplaced);
        }
        const uint8_t before = position_ > 0 ? text_.data[position_ - 1] : 0;
        const bool index = is_identifier(before) || before == ')' || before == ']';
        if (stop == content || stop - content > kLinkBytes || index) return false;
        const uint8_t first = text_.data[content], last = text_.data[stop - 1];
        if (is_blank(first) || is_blank(last)) return false;  // a test of bash
        size_t text = content;
        for (size_t at = content; at < stop; ++at) {
            const uint8_t byte = text_.data[at];
            if (byte == '\n' || byte == '[' || byte == ']') return false;
            if (byte == '|') text = at + 1;
        }
        counts_[kLinksReplaced] += 1;
        position_ = text;
        add_mark(stop, 2);
        return true;
    }

    // [http://address words]
    bool address() {
        if (!stands_at(text_, position_, "[http://") && !stands_at(text_, position_, "[https://")) {
            return false;
        }
        const Bytes near{text_.data, std::min(text_.size, position_ + kLinkBytes)};
        const size_t close = find_byte({text_.data, line_end(near, position_)}, position_, ']');
        if (close == kNowhere) return false;
        const size_t space = find_byte({text_.data, close}, position_, ' ');
        counts_[kLinksReplaced] += 1;
        if (space == kNowhere) {
            position_ = close + 1;
        } else {
            position_ = space + 1;
            add_mark(close, 1);
        }
        return true;
    }

    bool heading() {
        size_t begin = position_;
        while (begin < text_.size && text_.data[begin] == '=') ++begin;
        const size_t level = begin - position_;
        if (level < 2 || level > 6) return false;
        size_t end = line_end(text_, begin);
        const size_t feed = end;
        while (end > begin && is_blank(text_.data[end - 1])) --end;
        const size_t closing_end = end;
        while (end > begin && text_.data[end - 1] == '=') --end;
        if (closing_end - end != level) return false;
        while (begin < end && is_blank(text_.data[begin])) ++begin;
        while (end > begin && is_blank(text_.data[end - 1])) --end;
        if (begin == end) return false;
        counts_[kHeadingsReplaced] += 1;
        position_ = begin;
        add_mark(end, feed - end);
        return true;
    }

    // ''...'', '''...''' and '''''...''''' on one line around something with a letter or digit.
    bool emphasis() {
        const size_t run = apostrophes(position_);
        const size_t begin = position_ + run;
        if ((run != 2 && run != 3 && run != 5) || begin >= text_.size ||
            is_blank(text_.data[begin])) {
            if (run > 1) copy_to(begin);
            return run > 1;
        }
        const Bytes near{text_.data, std::min(text_.size, begin + kEmphasisBytes)};
        const size_t stop = line_end(near, begin);
        bool has_word = false;
        for (size_t at = begin; at < stop; ++at) {
            const uint8_t byte = text_.data[at];
            has_word |= byte >= 0x80 || is_identifier(byte);
            if (byte != '\'') continue;
            const size_t close = apostrophes(at);
            if (close == run && has_word && !is_blank(text_.data[at - 1])) {
                counts_[kEmphasisReplaced] += 1;
                position_ = begin;
                add_mark(at, run);
                return true;
            }
            at += close - 1;
        }
        copy_to(begin);
        return true;
    }

    size_t apostrophes(size_t position) const {
        size_t end = position;
        while (end < text_.size && text_.data[end] == '\'') ++end;
        return end - position;
    }

    bool magic_word() {
        for (const Phrase word : kMagicWords) {
            if (stands_at(text_, position_, word)) {
                return skip(position_ + word.size(), kTemplatesRemoved);
            }
        }
        return false;
    }

    Bytes text_;
    CodePassages code_;
    Ends templates_;
    Ends tables_;
    Ends links_;
    NextPlace comment_ends_;
    NextPlace reference_ends_;
    std::array<NextPlace, kVerbatim.size()> verbatim_ends_;
    std::vector<Mark> marks_;  // the next one last
    uint8_t* begin_;
    uint8_t* out_;
    int64_t* counts_;
    size_t position_ = 0;
};

}  // namespace

uint8_t* remove_wiki(Bytes text, uint8_t* out, int64_t* counts) {
    return WikiRemover(text, out, counts).run();
}

}  // namespace curate
