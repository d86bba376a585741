// Shares of kinds of characters, long words, lines and unfinished sentences, as the filters of
// data-juicer and NeMo Curator measure them. No options.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "character_ranges.hpp"
#include "line_ends.hpp"
#include "measure.hpp"
#include "unicode.hpp"

namespace curate {
namespace {

// One byte lane of a 64-bit sum per kind.
enum Lane { Characters, Alphanumeric, Digit, Special, EnglishText, Bracket, WhiteSpace, LaneCount };

constexpr uint64_t lane(int kind) { return uint64_t{1} << (8 * kind); }

constexpr std::array<uint64_t, 128> make_ascii_lanes() {
    std::array<uint64_t, 128> lanes{};
    for (int byte = 0; byte < 128; ++byte) {
        const bool digit = byte >= '0' && byte <= '9';
        const bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
        const bool space = byte == ' ' || (byte >= 0x09 && byte <= 0x0d);
        const bool control = byte < 0x20 || byte == 0x7f;
        lanes[byte] = lane(Characters);
        if (digit || letter) lanes[byte] |= lane(Alphanumeric) | lane(EnglishText);
        if (digit) lanes[byte] |= lane(Digit);
        if (space || (!letter && !control)) lanes[byte] |= lane(Special);
    }
    for (int byte : {'\n', '?', '!', ',', '.'}) lanes[byte] |= lane(EnglishText);
    for (int byte : {'{', '}', '[', ']', '(', ')'}) lanes[byte] |= lane(Bracket);
    for (int byte : {'\t', '\n', '\r', '\b', ' '}) lanes[byte] |= lane(WhiteSpace);
    return lanes;
}

constexpr std::array<uint64_t, 128> kAsciiLanes = make_ascii_lanes();

// Kinds of the first 2^17 code points, one bit each.
class Kinds {
public:
    static const Kinds& get() {
        static const Kinds kinds;
        return kinds;
    }

    uint64_t lanes(uint32_t code_point) const {
        const uint8_t kinds = code_point < kTable ? table_[code_point] : find(code_point);
        return lane(Characters) | uint64_t{(kinds & 1u) != 0} << (8 * Alphanumeric) |
               uint64_t{(kinds & 2u) != 0} << (8 * Digit) |
               uint64_t{(kinds & 4u) != 0} << (8 * Special) |
               uint64_t{(kinds & 8u) != 0} << (8 * Bracket);
    }

private:
    static constexpr uint32_t kTable = 0x20000;

    Kinds() : table_(kTable) {
        for (uint32_t point = 0; point < kTable; ++point) table_[point] = find(point);
    }

    static uint8_t find(uint32_t code_point) {
        const bool alphanumeric = (properties(code_point) & (kLetter | kNumber)) != 0;
        const bool bracket = code_point == 0x27e8 || code_point == 0x27e9;
        return static_cast<uint8_t>(alphanumeric | contains(kDecimalDigits, code_point) << 1 |
                                    contains(kSpecialCharacters, code_point) << 2 | bracket << 3);
    }

    std::vector<uint8_t> table_;
};

struct Totals {
    std::array<int64_t, LaneCount> counts{};

    void add(uint64_t lanes) {
        for (int kind = 0; kind < LaneCount; ++kind) counts[kind] += lanes >> (8 * kind) & 0xff;
    }
};

Totals count_kinds(Bytes text) {
    const Kinds& kinds = Kinds::get();
    Totals totals;
    for (size_t position = 0; position < text.size;) {
        uint64_t lanes = 0;
        for (int left = 255; left > 0 && position < text.size; --left) {
            const uint8_t byte = text.data[position];
            if (byte < 0x80) {
                lanes += kAsciiLanes[byte];
                ++position;
            } else {
                const CodePoint point = decode(text, position);
                lanes += kinds.lanes(point.value);
                position += point.bytes;
            }
        }
        totals.add(lanes);
    }
    return totals;
}

// A letter of a script that puts no spaces between words ends a run of characters like a space.
bool breaks_run(uint32_t code_point) {
    if (is_space(code_point)) return true;
    const uint8_t entry = properties(code_point);
    const uint8_t kind = entry & kWordBreakBits;
    return (entry & kLetter) && (kind == Other || kind == Katakana) && code_point >= 0x80;
}

int64_t longest_run_in(Bytes text, int64_t longest) {
    int64_t run = 0;
    for (size_t position = 0; position < text.size;) {
        const CodePoint point = decode(text, position);
        run = breaks_run(point.value) ? 0 : run + 1;
        longest = std::max(longest, run);
        position += point.bytes;
    }
    return longest;
}

// Only stretches between ASCII spaces with more bytes than the longest run so far are read again.
int64_t longest_run(Bytes text) {
    int64_t longest = 0;
    size_t begin = 0;
    for (size_t position = 0; position <= text.size; ++position) {
        if (position < text.size && (text.data[position] > ' ' || !is_space(text.data[position]))) {
            continue;
        }
        if (static_cast<int64_t>(position - begin) > longest) {
            longest = longest_run_in({text.data + begin, position - begin}, longest);
        }
        begin = position + 1;
    }
    return longest;
}

constexpr std::array<bool, 256> make_url_bytes() {
    std::array<bool, 256> bytes{};
    for (int byte = '0'; byte <= '9'; ++byte) bytes[byte] = true;
    for (int byte = 'a'; byte <= 'z'; ++byte) bytes[byte] = bytes[byte - 32] = true;
    for (int byte : {'$', '-', '_', '@', '.', '&', '+', '/', ':', '=', '?', '#', '~', '!', '*',
                     '(', ')', ','}) {
        bytes[byte] = true;
    }
    return bytes;
}

constexpr std::array<bool, 256> kUrlByte = make_url_bytes();

bool is_hex(uint8_t byte) {
    return byte - uint32_t{'0'} < 10 || (byte | 0x20u) - uint32_t{'a'} < 6;
}

size_t url_end(Bytes text, size_t position) {
    while (position < text.size) {
        if (kUrlByte[text.data[position]]) {
            ++position;
        } else if (text.data[position] == '%' && text.size - position >= 3 &&
                   is_hex(text.data[position + 1]) && is_hex(text.data[position + 2])) {
            position += 3;
        } else {
            break;
        }
    }
    return position;
}

// Bytes (all ASCII) of URLs that begin with http:// or https://.
int64_t url_characters(Bytes text) {
    int64_t found = 0;
    for (size_t from = 0; from < text.size;) {
        const void* colon = std::memchr(text.data + from, ':', text.size - from);
        if (colon == nullptr) break;
        const size_t at = static_cast<size_t>(static_cast<const uint8_t*>(colon) - text.data);
        from = at + 1;
        if (text.size - at < 4 || text.data[at + 1] != '/' || text.data[at + 2] != '/') continue;
        const size_t letters = at > 0 && text.data[at - 1] == 's' ? 5 : 4;
        if (at < letters || std::memcmp(text.data + at - letters, "https", letters) != 0) continue;
        const size_t end = url_end(text, at + 3);
        if (end == at + 3) continue;
        found += static_cast<int64_t>(end - (at - letters));
        from = end;
    }
    return found;
}

double ratio(int64_t part, int64_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole > 0 ? whole : 1);
}

// Of the lines (ends: LF) with more than white space, those without . ? ! " ' at their end.
double open_lines(Document& document) {
    int64_t lines = 0, open = 0;
    for (const Line& line : document.lines()) {
        if (line.is_blank) continue;
        const Bytes text = strip(document.bytes(line));
        const uint8_t last = text.data[text.size - 1];
        lines += 1;
        open += !(last == '.' || last == '?' || last == '!' || last == '"' || last == '\'');
    }
    return ratio(open, lines);
}

}  // namespace

const Family characters_family{
    "characters",
    {{"alphanumeric_fraction", Signal::Kind::Fraction, false},
     {"digit_fraction", Signal::Kind::Fraction, false},
     {"special_fraction", Signal::Kind::Fraction, false},
     {"not_english_fraction", Signal::Kind::Fraction, false},
     {"bracket_fraction", Signal::Kind::Fraction, false},
     {"white_space_fraction", Signal::Kind::Fraction, false},
     {"url_fraction", Signal::Kind::Fraction, false},
     {"longest_word", Signal::Kind::Count, false},
     {"mean_line_length", Signal::Kind::Fraction, false},
     {"longest_line", Signal::Kind::Count, false},
     {"open_line_fraction", Signal::Kind::Fraction, false}},
    [](const Options&, Columns columns) {
        return [columns](Document& document, int64_t row) {
            const Bytes text = document.text();
            const Totals totals = count_kinds(text);
            const int64_t characters = totals.counts[Characters];
            int64_t lines = 0, longest_line = 0;
            for_each_line(text, [&](Bytes line, size_t) {
                lines += 1;
                if (static_cast<int64_t>(line.size) > longest_line) {
                    longest_line = std::max(longest_line, count_code_points(line));
                }
            });
            columns[0].fractions[row] = ratio(totals.counts[Alphanumeric], characters);
            columns[1].fractions[row] = ratio(totals.counts[Digit], characters);
            columns[2].fractions[row] = ratio(totals.counts[Special], characters);
            columns[3].fractions[row] = ratio(characters - totals.counts[EnglishText], characters);
            columns[4].fractions[row] = ratio(totals.counts[Bracket], characters);
            columns[5].fractions[row] = ratio(totals.counts[WhiteSpace], characters);
            columns[6].fractions[row] = ratio(url_characters(text), characters);
            columns[7].counts[row] = longest_run(text);
            columns[8].fractions[row] = ratio(characters, lines);
            columns[9].counts[row] = longest_line;
            columns[10].fractions[row] = open_lines(document);
        };
    },
};

const Family length_family{
    "length",
    {{"characters", Signal::Kind::Count, false}, {"bytes", Signal::Kind::Count, false}},
    [](const Options&, Columns columns) {
        return [columns](Document& document, int64_t row) {
            columns[0].counts[row] = document.characters();
            columns[1].counts[row] = static_cast<int64_t>(document.text().size);
        };
    },
};

}  // namespace curate
