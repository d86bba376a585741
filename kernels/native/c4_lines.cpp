#include "c4_lines.hpp"

#include <cstring>
#include <vector>

#include "line_ends.hpp"
#include "rows.hpp"
#include "sentence_segmenter.hpp"
#include "sentences.hpp"
#include "utf8_encode.hpp"

namespace curate {
namespace {

// First position from `position` on where is_space(character) is `wanted`; `characters` grows by
// the code points passed.
template <bool wanted>
size_t seek_space(Bytes text, size_t position, int64_t& characters) {
    while (position < text.size) {
        const uint8_t byte = text.data[position];
        if (byte < 0x80) {
            if (is_space(byte) == wanted) break;
            ++position;
        } else {
            const CodePoint point = decode(text, position);
            if (is_space(point.value) == wanted) break;
            position += point.bytes;
        }
        ++characters;
    }
    return position;
}

struct Words {
    bool too_long = false;
    int64_t count = 0;  // exact up to `enough`
};

// Whether `bytes` + 1 bytes without a blank or line end stand in a row. From the end of what such a
// run would cover, back to the first blank: a byte is looked at twice at most, most never.
bool may_hold_long_word(Bytes line, size_t bytes) {
    for (size_t begin = 0; line.size - begin > bytes;) {
        size_t end = begin + bytes;
        while (end > begin && line.data[end] != ' ' && line.data[end] != '\n') --end;
        if (line.data[end] != ' ' && line.data[end] != '\n') return true;
        begin = end + 1;
    }
    return false;
}

// Words are runs without white space. Reads on after `enough` words only where one may be too long.
Words look_at_words(Bytes line, int64_t max_characters, int64_t enough) {
    const bool may_be_long = may_hold_long_word(line, static_cast<size_t>(max_characters));
    Words words;
    int64_t skipped = 0;
    for (size_t position = 0; position < line.size && (may_be_long || words.count < enough);) {
        position = seek_space<false>(line, position, skipped);
        if (position == line.size) break;
        int64_t characters = 0;
        position = seek_space<true>(line, position, characters);
        words.count += 1;
        if (characters > max_characters) {
            words.too_long = true;
            break;
        }
    }
    return words;
}

// Bytes of `[12]`, `[]`, `[edit]` or `[citation needed]` at a bracket, 0 if it is none of them.
size_t citation_bytes(Bytes text, size_t bracket) {
    for (const char* note : {"[edit]", "[citation needed]"}) {
        const size_t bytes = std::strlen(note);
        if (text.size - bracket >= bytes && std::memcmp(text.data + bracket, note, bytes) == 0) {
            return bytes;
        }
    }
    size_t position = bracket + 1;
    while (position < text.size) {
        const CodePoint point = decode(text, position);
        if (point.value == ']') return position + 1 - bracket;
        if (!(sentence_properties(point.value) & kDecimal)) break;
        position += point.bytes;
    }
    return 0;
}

size_t find_byte(Bytes text, size_t from, int byte) {
    if (from >= text.size) return text.size;
    const void* found = std::memchr(text.data + from, byte, text.size - from);
    return found == nullptr ? text.size
                            : static_cast<size_t>(static_cast<const uint8_t*>(found) - text.data);
}

// A text without its citations, in `scratch` if it has any.
Bytes without_citations(Bytes text, std::vector<uint8_t>& scratch, int64_t& removed) {
    size_t bracket = find_byte(text, 0, '[');
    if (bracket == text.size) return text;
    scratch.clear();
    size_t copied = 0;
    while (bracket < text.size) {
        const size_t bytes = citation_bytes(text, bracket);
        if (bytes > 0) {
            scratch.insert(scratch.end(), text.data + copied, text.data + bracket);
            copied = bracket + bytes;
            removed += 1;
        }
        bracket = find_byte(text, bracket + (bytes > 0 ? bytes : 1), '[');
    }
    if (copied == 0) return text;
    scratch.insert(scratch.end(), text.data + copied, text.data + text.size);
    return {scratch.data(), scratch.size()};
}

// One of . ? ! " ' but not an ellipsis of full stops.
bool ends_a_sentence(Bytes line) {
    if (line.size == 0) return false;
    const uint8_t last = line.data[line.size - 1];
    if (last == '.') {
        return !(line.size >= 3 && line.data[line.size - 2] == '.' &&
                 line.data[line.size - 3] == '.');
    }
    return last == '?' || last == '!' || last == '"' || last == '\'';
}

// Eight bytes in lower case; false, and nothing written that counts, where one is not ASCII.
bool lower_ascii(const uint8_t* from, uint8_t* to) {
    constexpr uint64_t kEach = 0x0101010101010101ull;
    uint64_t bytes;
    std::memcpy(&bytes, from, 8);
    if ((bytes & 0x80 * kEach) != 0) return false;
    const uint64_t at_least_a = bytes + (0x80 - 'A') * kEach, above_z = bytes + (0x7f - 'Z') * kEach;
    bytes |= (at_least_a & ~above_z & 0x80 * kEach) >> 2;
    std::memcpy(to, &bytes, 8);
    return true;
}

// Python's str.lower character by character; final sigma is sigma, as in the automaton.
Bytes lower_case(Bytes text, std::vector<uint8_t>& scratch) {
    scratch.resize(text.size + text.size / 2);  // as normalized_capacity
    uint8_t* out = scratch.data();
    for (size_t position = 0; position < text.size;) {
        for (; text.size - position >= 8 && lower_ascii(text.data + position, out); position += 8)
            out += 8;
        if (position == text.size) break;
        const uint32_t byte = text.data[position];
        if (byte < 0x80) {
            *out++ = static_cast<uint8_t>(byte - 'A' < 26 ? byte + 32 : byte);
            ++position;
            continue;
        }
        const CodePoint point = decode(text, position);
        position += point.bytes;
        out = point.value == 0x3c2 ? encode(0x3c3, out) : encode_lower(point.value, out);
    }
    return {scratch.data(), static_cast<size_t>(out - scratch.data())};
}

class Document {
public:
    Document(const C4Rules& rules, GrowingText& edited) : rules_(rules), edited_(edited) {}

    // Appends the edited text and closes it; `counts` are those of this document.
    void edit(Bytes text, int64_t* counts) {
        counts_ = counts;
        kept_ = false;
        if (rules_.pieces == C4Pieces::Lines) {
            for_each_line(text, [&](Bytes line, size_t) { piece(strip(line)); });
        } else {
            text_ = text;
            SentenceSegmenter<Document>(text, *this).run();
        }
        counts_[kCharactersBefore] = count_code_points(text);
        counts_[kRemoved] = counts_[kRemovedLongWord] + counts_[kRemovedNoPunctuation] +
                            counts_[kRemovedFewWords] + counts_[kRemovedJavascript] +
                            counts_[kRemovedPolicy];
        close();
    }

    // Sink of the sentence segmenter; blank sentences are none.
    void sentence(size_t begin, size_t end) {
        const Bytes stripped = strip({text_.data + begin, end - begin});
        if (stripped.size > 0) piece(stripped);
    }

private:
    void piece(Bytes line) {
        counts_[kPieces] += 1;
        const Words words = look_at_words(line, rules_.max_word_characters, rules_.min_words);
        if (words.too_long) return remove(kRemovedLongWord);
        if (rules_.remove_citations) line = without_citations(line, cited_, counts_[kCitations]);
        if (rules_.require_terminal_punctuation && !ends_a_sentence(line)) {
            return remove(kRemovedNoPunctuation);
        }
        if (words.count < rules_.min_words) return remove(kRemovedFewWords);
        const uint32_t phrases = find_phrases(line);
        counts_[kLoremIpsumPieces] += phrases >> kLoremIpsum & 1;
        if (rules_.remove_javascript && (phrases >> kJavascript & 1)) {
            return remove(kRemovedJavascript);
        }
        counts_[kCurlyBracketPieces] += find_byte(line, 0, '{') < line.size;
        if (phrases >> kPolicy & 1) return remove(kRemovedPolicy);
        keep(line);
    }

    void remove(C4Count reason) { counts_[reason] += 1; }

    void keep(Bytes line) {
        const bool lines = rules_.pieces == C4Pieces::Lines;
        counts_[kSentences] += lines ? count_sentences(line) : 1;
        if (kept_) edited_.data.push_back(lines ? '\n' : ' ');
        edited_.append(line);
        kept_ = true;
    }

    // Groups with a phrase in the line, as bits.
    uint32_t find_phrases(Bytes line) {
        uint32_t groups = 0;
        if (!rules_.phrases->may_occur(line)) return groups;
        const Bytes lower = lower_case(line, lower_);
        rules_.phrases->scan(lower, [&](size_t end, uint32_t state) {
            rules_.phrases->phrases_at(lower, end, state, [&](size_t, int32_t phrase) {
                groups |= uint32_t{1} << rules_.phrases->group_of(phrase);
            });
        });
        return groups;
    }

    // Removed citations leave white space at the ends of lines, and so of texts.
    void close() {
        const size_t begin = edited_.begin();
        const Bytes text = strip({edited_.data.data() + begin, edited_.data.size() - begin});
        const auto first = edited_.data.begin() + static_cast<std::ptrdiff_t>(begin);
        const auto margin = text.data - (edited_.data.data() + begin);
        if (margin > 0) edited_.data.erase(first, first + margin);
        edited_.data.resize(begin + text.size);
        edited_.close();
    }

    const C4Rules& rules_;
    GrowingText& edited_;
    int64_t* counts_ = nullptr;
    Bytes text_{nullptr, 0};
    bool kept_ = false;
    std::vector<uint8_t> cited_;
    std::vector<uint8_t> lower_;
};

}  // namespace

void c4_lines(const TextView& text, const C4Rules& rules, GrowingText& edited, int64_t* counts) {
    edited.reserve(text);
    Document document(rules, edited);
    for_each_row(text, [&](int64_t row, Bytes bytes) {
        int64_t found[kC4Counts] = {};
        document.edit(bytes, found);
        for (int index = 0; index < kC4Counts; ++index)
            counts[index * text.rows + row] = found[index];
    });
}

void long_line_counts(const TextView& text, int64_t min_characters, int64_t* counts) {
    for_each_row(text, [&](int64_t row, Bytes document) {
        counts[row] = 0;
        for (size_t begin = 0; begin <= document.size;) {
            const size_t end = find_byte(document, begin, '\n');
            counts[row] +=
                count_code_points({document.data + begin, end - begin}) >= min_characters;
            begin = end + 1;
        }
    });
}

}  // namespace curate
