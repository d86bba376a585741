// What the removers of HTML and of wiki markup share: looking around in a text, and code that stays.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "text_view.hpp"

namespace curate {

using Phrase = std::string_view;

inline constexpr size_t kNowhere = SIZE_MAX;

inline uint8_t ascii_lower(uint8_t byte) {
    return static_cast<uint8_t>(byte - uint32_t{'A'} < 26 ? byte + 32 : byte);
}

inline bool is_ascii_letter(uint8_t byte) { return (byte | 0x20u) - 'a' < 26; }

inline bool is_identifier(uint8_t byte) {
    return is_ascii_letter(byte) || byte - uint32_t{'0'} < 10 || byte == '_';
}

inline bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f';
}

// ASCII case of the text is ignored; `phrase` is in lower case.
inline bool stands_at(Bytes text, size_t position, Phrase phrase) {
    if (position > text.size || text.size - position < phrase.size()) return false;
    for (size_t index = 0; index < phrase.size(); ++index) {
        if (ascii_lower(text.data[position + index]) != static_cast<uint8_t>(phrase[index])) {
            return false;
        }
    }
    return true;
}

inline size_t find_byte(Bytes text, size_t position, uint8_t byte) {
    if (position >= text.size) return kNowhere;
    const void* found = std::memchr(text.data + position, byte, text.size - position);
    return found == nullptr
               ? kNowhere
               : static_cast<size_t>(static_cast<const uint8_t*>(found) - text.data);
}

inline size_t find(Bytes text, size_t position, Phrase phrase) {
    const uint8_t first = static_cast<uint8_t>(phrase[0]);
    for (position = find_byte(text, position, first); position != kNowhere;
         position = find_byte(text, position + 1, first)) {
        if (stands_at(text, position, phrase)) return position;
    }
    return kNowhere;
}

// Finds a phrase again and again for growing positions in linear time altogether.
class NextPlace {
public:
    size_t from(Bytes text, size_t position, Phrase phrase) {
        if (!known_ || (found_ != kNowhere && found_ < position)) {
            found_ = find(text, position, phrase);
            known_ = true;
        }
        return found_;
    }

private:
    size_t found_ = 0;
    bool known_ = false;
};

inline size_t line_end(Bytes text, size_t position) {
    const size_t found = find_byte(text, position, '\n');
    return found == kNowhere ? text.size : found;
}

// Markdown code: fenced blocks and spans in backticks stay as they are.
class CodePassages {
public:
    explicit CodePassages(Bytes text) : text_(text) {}

    // End of the code that begins at `position`, `position` itself if none does.
    size_t end(size_t position) {
        const uint8_t mark = text_.data[position];
        if (mark != '`' && mark != '~') return position;
        const bool at_line_start = position == 0 || text_.data[position - 1] == '\n';
        size_t run = position;
        while (run < text_.size && text_.data[run] == mark) ++run;
        if (at_line_start && run - position >= 3) return fence_end(run, mark);
        if (mark == '~') return position;
        const size_t stop = line_end(text_, run);
        for (size_t at = run; at < stop;) {
            at = find_byte({text_.data, stop}, at, '`');
            if (at == kNowhere) break;
            size_t close = at;
            while (close < stop && text_.data[close] == '`') ++close;
            if (close - at == run - position) return close;
            at = close;
        }
        return run;  // backticks without a partner stay, too
    }

private:
    size_t fence_end(size_t position, uint8_t mark) {
        const Phrase fence = mark == '`' ? "\n```" : "\n~~~";
        const size_t close = (mark == '`' ? backticks_ : tildes_).from(text_, position, fence);
        return close == kNowhere ? position : line_end(text_, close + 4);
    }

    Bytes text_;
    NextPlace backticks_;
    NextPlace tildes_;
};

}  // namespace curate
