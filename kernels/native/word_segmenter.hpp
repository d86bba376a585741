// Words of a text: UAX #29 segments (Unicode 16.0) that hold a letter (L*) or a number (N*).
//
// Two machines share one text. `ascii` works on bit masks of 64 bytes; at a byte above 0x7f it
// hands over to `general`, which applies the rules to one code point at a time and hands back at a
// white space where no rule can look across. Both are linear: after a hand-over nothing before it
// is read again, except one open word and the spaces in front of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "ascii_blocks.hpp"
#include "unicode.hpp"

namespace curate {

enum class Join : uint8_t {
    No,             // boundary
    Yes,            // no boundary
    IfLetter,       // none if AHLetter follows (WB6, WB7)
    IfHebrew,       // none if Hebrew_Letter follows (WB7b, WB7c)
    IfNumeric,      // none if Numeric follows (WB11, WB12)
    IfOddRegional,  // none if an odd number of regional indicators stands before (WB15, WB16)
};

constexpr Join join_rule(int before, int after) {
    const bool letter_before = before == Letter || before == HebrewLetter;
    const bool letter_after = after == Letter || after == HebrewLetter;
    const bool quote_or_point = after == MidNumberLetter || after == SingleQuote;
    if (before == HebrewQuote) return letter_after ? Join::Yes : Join::No;  // WB7
    if (before == HebrewLetter && after == SingleQuote) return Join::Yes;   // WB7a
    if (before == HebrewLetter && after == DoubleQuote) return Join::IfHebrew;
    if (letter_before && (letter_after || after == Numeric)) return Join::Yes;  // WB5, WB9
    if (letter_before && (after == MidLetter || quote_or_point)) return Join::IfLetter;
    if (before == Numeric && (after == Numeric || letter_after)) return Join::Yes;  // WB8, WB10
    if (before == Numeric && (after == MidNumber || quote_or_point)) return Join::IfNumeric;
    if (before == Katakana && after == Katakana) return Join::Yes;  // WB13
    const bool word_before = letter_before || before == Numeric || before == Katakana;
    const bool word_after = letter_after || after == Numeric || after == Katakana;
    const bool both_connect = before == ExtendNumberLetter && after == ExtendNumberLetter;
    if (both_connect || (word_before && after == ExtendNumberLetter)) return Join::Yes;  // WB13a
    if (before == ExtendNumberLetter && word_after) return Join::Yes;                    // WB13b
    if (before == RegionalIndicator && after == RegionalIndicator) return Join::IfOddRegional;
    return Join::No;
}

constexpr auto make_join_rules() {
    std::array<std::array<Join, WordBreakCount>, WordBreakCount> rules{};
    for (int before = 0; before < WordBreakCount; ++before) {
        for (int after = 0; after < WordBreakCount; ++after)
            rules[before][after] = join_rule(before, after);
    }
    return rules;
}

inline constexpr auto kJoinRules = make_join_rules();

// WB4
inline bool is_skipped(uint8_t kind) {
    return kind == Extend || kind == Format || kind == ZeroWidthJoiner;
}

inline bool is_line_break(uint8_t kind) {
    return kind == Newline || kind == CarriageReturn || kind == LineFeed;
}

inline uint64_t low_bits(size_t count) {
    return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// Sink: void word(size_t begin, size_t end, size_t code_points, bool has_letter), called in text
// order.
template <class Sink>
class WordSegmenter {
public:
    WordSegmenter(Bytes text, Sink& sink) : text_(text), sink_(sink), classify_(classify_block()) {}

    // Throws InvalidUtf8.
    void run() {
        size_t position = 0;
        while (position < text_.size) position = general(ascii(position));
    }

private:
    struct Segment {
        size_t begin = 0;
        size_t end = 0;
        size_t code_points = 0;
        uint8_t flags = 0;

        void append(const CodePoint& point, uint8_t properties) {
            end += point.bytes;
            code_points += 1;
            flags |= properties;
        }
    };

    void close(const Segment& segment) {
        if (segment.flags & (kLetter | kNumber)) {
            sink_.word(segment.begin, segment.end, segment.code_points,
                       (segment.flags & kLetter) != 0);
        }
    }

    // A word that may reach into the next block.
    struct OpenWord {
        bool open = false;
        size_t begin = 0;
        uint64_t letters = 0;
        uint64_t digits = 0;
    };

    void load(size_t position, size_t bytes, AsciiBlock& block) const {
        if (bytes == 64) return classify_(text_.data + position, block);
        uint8_t tail[64] = {};
        std::memcpy(tail, text_.data + position, bytes);
        classify_(tail, block);
    }

    // Emits the words that begin at or after `begin` up to the first byte above 0x7f. Returns where
    // `general` must start.
    size_t ascii(const size_t begin) {
        OpenWord word;
        uint64_t letter_before = 0, digit_before = 0;
        AsciiBlock block;
        for (size_t position = begin; position < text_.size; position += 64) {
            const size_t bytes = text_.size - position < 64 ? text_.size - position : 64;
            load(position, bytes, block);
            const uint8_t next = position + bytes < text_.size ? text_.data[position + bytes] : 0;
            const bool stop = block.other != 0 || next >= 0x80;
            size_t limit =
                block.other != 0 ? static_cast<size_t>(__builtin_ctzll(block.other)) : bytes;
            const uint64_t alphanumeric = block.letters | block.digits | block.underscores;
            // A character before the first other byte is left to `general`: it may join it, or
            // carry its marks.
            if (stop && limit > 0 && !(alphanumeric >> (limit - 1) & 1))
                limit = before_spaces(position, limit - 1);
            const uint64_t next_letter = uint64_t{(next | 0x20u) - 'a' < 26} << 63;
            const uint64_t next_digit = uint64_t{next - uint32_t{'0'} < 10} << 63;
            const uint64_t joined = (block.between_letters & (block.letters << 1 | letter_before) &
                                     (block.letters >> 1 | next_letter)) |
                                    (block.between_digits & (block.digits << 1 | digit_before) &
                                     (block.digits >> 1 | next_digit));
            emit(position, limit, (alphanumeric | joined) & low_bits(limit), block, word);
            if (stop) return word.open ? word.begin : spaces_start(begin, position + limit);
            letter_before = block.letters >> 63;
            digit_before = block.digits >> 63;
        }
        if (word.open && (word.letters | word.digits)) {
            sink_.word(word.begin, text_.size, text_.size - word.begin, word.letters != 0);
        }
        return text_.size;
    }

    // Walks over the borders of the runs of set bits below `limit`; a run that touches `limit`
    // stays open.
    void emit(size_t position, size_t limit, uint64_t runs, const AsciiBlock& block,
              OpenWord& word) {
        uint64_t borders = (runs ^ (runs << 1 | uint64_t{word.open})) & low_bits(limit);
        size_t from = 0;
        while (borders) {
            const size_t at = static_cast<size_t>(__builtin_ctzll(borders));
            borders &= borders - 1;
            if (!word.open) {
                word = {true, position + at, 0, 0};
                from = at;
                continue;
            }
            const uint64_t inside = low_bits(at) & ~low_bits(from);
            const uint64_t letters = word.letters | (block.letters & inside);
            if (letters | word.digits | (block.digits & inside)) {
                sink_.word(word.begin, position + at, position + at - word.begin, letters != 0);
            }
            word.open = false;
        }
        if (word.open) {
            const uint64_t inside = low_bits(limit) & ~low_bits(from);
            word.letters |= block.letters & inside;
            word.digits |= block.digits & inside;
        }
    }

    size_t before_spaces(size_t position, size_t limit) const {
        if (text_.data[position + limit] != ' ') return limit;
        while (limit > 0 && text_.data[position + limit - 1] == ' ') --limit;
        return limit;
    }

    size_t spaces_start(size_t begin, size_t position) const {
        if (position < text_.size && text_.data[position] != ' ') return position;
        while (position > begin && text_.data[position - 1] == ' ') --position;
        return position;
    }

    // True where 16 ASCII bytes follow: worth going back to bit masks.
    bool ascii_ahead(size_t position) const {
        if (text_.size - position < 16) return false;
        uint64_t bytes[2];
        std::memcpy(bytes, text_.data + position, 16);
        return ((bytes[0] | bytes[1]) & 0x8080808080808080ull) == 0;
    }

    static bool joins(Join rule, uint8_t kind) {
        switch (rule) {
            case Join::IfLetter: return kind == Letter || kind == HebrewLetter;
            case Join::IfHebrew: return kind == HebrewLetter;
            case Join::IfNumeric: return kind == Numeric;
            default: return false;
        }
    }

    // Starts at a boundary; returns a boundary where `ascii` may continue, or the end of the text.
    size_t general(const size_t begin) {
        size_t position = begin;
        Segment segment{begin, begin, 0, 0};
        Segment middle;  // from a MidLetter, MidNumLet, MidNum or quote on, while undecided
        Join undecided = Join::No;
        uint8_t before = StartOfText;  // last kind that is not skipped by WB4
        uint8_t latest = StartOfText;  // last kind
        bool odd_regional = false;
        while (position < text_.size) {
            const uint8_t byte = text_.data[position];
            const bool free_space = byte == '\n' || (byte == ' ' && latest != SegmentSpace);
            if (free_space && position > begin && ascii_ahead(position)) break;
            const CodePoint point = decode(text_, position);
            const uint8_t entry = properties(point.value);
            const uint8_t kind = entry & kWordBreakBits;
            const bool unconditional =
                (latest == ZeroWidthJoiner && (entry & kPictograph)) ||  // WB3c
                (latest == SegmentSpace && kind == SegmentSpace);        // WB3d
            position += point.bytes;
            latest = kind;
            if (undecided != Join::No) {
                if (is_skipped(kind)) {
                    middle.append(point, entry);
                    continue;
                }
                const bool joined = joins(undecided, kind);
                undecided = Join::No;
                if (joined) {
                    segment = {segment.begin, middle.end, segment.code_points + middle.code_points,
                               static_cast<uint8_t>(segment.flags | middle.flags)};
                    segment.append(point, entry);
                    before = kind;
                    continue;
                }
                close(segment);
                segment = middle;
                before = Other;
            }
            if (is_skipped(kind) && before != StartOfText && !is_line_break(before)) {
                segment.append(point, entry);
                continue;
            }
            Join rule = unconditional ? Join::Yes : kJoinRules[before][kind];
            if (rule == Join::IfOddRegional) rule = odd_regional ? Join::Yes : Join::No;
            if (rule == Join::Yes) {
                segment.append(point, entry);
            } else if (rule == Join::No) {
                close(segment);
                segment = {position - point.bytes, position, 1, entry};
            } else {
                middle = {position - point.bytes, position, 1, entry};
                undecided = rule;
                continue;
            }
            odd_regional = kind == RegionalIndicator && rule == Join::No;
            before = is_skipped(kind) ? uint8_t{Other} : kind;
            if (rule == Join::Yes && kind == SingleQuote) before = HebrewQuote;
        }
        close(segment);
        if (undecided != Join::No) close(middle);
        return position;
    }

    Bytes text_;
    Sink& sink_;
    ClassifyBlock classify_;
};

}  // namespace curate
