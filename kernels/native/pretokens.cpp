// The scanners follow the regular expressions of tokenizer/training/patterns.py by hand. Letters (L), numbers
// (N) and white space are those of Unicode 16.0, as in Oniguruma within `tokenizers`; white space
// there lacks U+001C to U+001F.
#include "pretokens.hpp"

#include <array>
#include <stdexcept>

#include "bert_punctuation.hpp"
#include "rows.hpp"
#include "unicode.hpp"

namespace curate {
namespace {

enum Class : uint8_t { kLetters, kNumbers, kSpace, kLineEnd, kSign, kEnd };

struct Character {
    Class kind;
    uint32_t bytes;
};

constexpr std::array<Class, 128> ascii_classes() {
    std::array<Class, 128> classes{};
    for (size_t byte = 0; byte < 128; ++byte) {
        const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        const bool number = byte >= '0' && byte <= '9';
        const bool line_end = byte == '\r' || byte == '\n';
        const bool space = byte == ' ' || (byte >= 9 && byte <= 13);
        classes[byte] = letter     ? kLetters
                        : number   ? kNumbers
                        : line_end ? kLineEnd
                        : space    ? kSpace
                                   : kSign;
    }
    return classes;
}

constexpr std::array<Class, 128> kAscii = ascii_classes();

Class class_beyond_ascii(uint32_t code_point) {
    const uint8_t flags = properties(code_point);
    if (flags & kLetter) return kLetters;
    if (flags & kNumber) return kNumbers;
    return is_space(code_point) ? kSpace : kSign;
}

constexpr uint64_t each_byte(uint8_t value) { return 0x0101010101010101ull * value; }

// The high bit of every byte that is an ASCII letter.
inline uint64_t ascii_letters(uint64_t word) {
    const uint64_t lower = (word | each_byte(0x20)) & each_byte(0x7f);
    const uint64_t from_a = lower + each_byte(0x80 - 'a');
    const uint64_t past_z = lower + each_byte(0x80 - 'z' - 1);
    return from_a & ~past_z & ~word & each_byte(0x80);
}

// The high bit of the first zero byte; bits above it mean nothing.
inline uint64_t first_zero(uint64_t word) { return (word - each_byte(1)) & ~word & each_byte(0x80); }

// One text, and where the buffer behind it ends: 16 bytes are read at once before that.
class Scanner {
public:
    Scanner(Bytes text, const uint8_t* readable_end, PretokenTable& table)
        : text_(text), readable_end_(readable_end), table_(table) {}

    void gpt2(size_t digits);
    void gpt4(size_t digits);
    void metaspace(size_t digits);
    void words(size_t digits);

private:
    Character at(size_t position) const {
        if (position >= text_.size) return {kEnd, 0};
        const uint8_t byte = text_.data[position];
        if (byte < 0x80) return {kAscii[byte], 1};
        const CodePoint found = decode(text_, position);
        return {class_beyond_ascii(found.value), found.bytes};
    }

    size_t after_letters(size_t position) const {
        for (;;) {
            while (position + 8 <= text_.size) {
                const uint64_t other =
                    ~ascii_letters(load_8(text_.data + position)) & each_byte(0x80);
                if (other != 0) {
                    position += static_cast<size_t>(__builtin_ctzll(other)) / 8;
                    break;
                }
                position += 8;
            }
            const Character next = at(position);
            if (next.kind != kLetters) return position;
            position += next.bytes;
        }
    }

    // Past at most `most` characters of a class.
    size_t after(Class kind, size_t position, size_t most = ~size_t{0}) const {
        for (; most > 0; --most) {
            const Character next = at(position);
            if (next.kind != kind) break;
            position += next.bytes;
        }
        return position;
    }

    size_t after_white_space(size_t position, bool cut_behind_line_ends) const;
    template <bool any_case>
    size_t contraction(size_t position) const;

    void emit(size_t begin, size_t end) {
        const size_t size = end - begin;
        const uint8_t* from = text_.data + begin;
        if (size <= kMaxShortBytes) {
            return table_.add(short_key(from, size, from + 16 <= readable_end_));
        }
        emit_stretches({from, size});
    }
    void emit_stretches(Bytes piece);
    void emit_numbers(size_t begin, size_t end, size_t digits);
    void emit_with_blank(size_t begin, size_t end, size_t digits);

    Bytes text_;
    const uint8_t* readable_end_;
    PretokenTable& table_;
};

// Pieces of more than 64 characters are counted in stretches.
void Scanner::emit_stretches(Bytes piece) {
    while (piece.size > 0) {
        size_t size = piece.size, characters = 0;
        if (piece.size > kStretchCharacters) {
            for (size = 0; size < piece.size; ++size) {
                const bool begins = (piece.data[size] & 0xc0) != 0x80;
                if (begins && characters == kStretchCharacters) break;
                characters += begins;
            }
        }
        table_.add(Bytes{piece.data, size});
        piece = {piece.data + size, piece.size - size};
    }
}

// A piece, and its runs of digits in pieces of `digits` where that is not 0.
void Scanner::emit_numbers(size_t begin, size_t end, size_t digits) {
    if (digits == 0) {
        if (end > begin) emit(begin, end);
        return;
    }
    const Bytes whole = text_;
    text_.size = end;
    for (size_t start = begin; begin < end;) {
        const Character next = at(begin);
        const bool number = next.kind == kNumbers;
        begin = number ? after(kNumbers, begin, digits) : begin + next.bytes;
        if (number || begin == end || at(begin).kind == kNumbers) {
            emit(start, begin);
            start = begin;
        }
    }
    text_ = whole;
}

// A run of white space: all but its last character where a word follows, and nothing that stands
// behind its last line end where `cut_behind_line_ends`.
size_t Scanner::after_white_space(size_t position, bool cut_behind_line_ends) const {
    size_t end = position, last = position, line_end = position;
    for (;;) {
        const Character next = at(end);
        if (next.kind == kLineEnd) line_end = end + 1;
        if (next.kind != kSpace && next.kind != kLineEnd) {
            if (cut_behind_line_ends && line_end > position) return line_end;
            return next.kind == kEnd || last == position ? end : last;
        }
        last = end;
        end += next.bytes;
    }
}

// Past 's 't 're 've 'm 'll 'd at a position that holds an apostrophe; the position itself where
// there is none. Without regard to case, U+017F is an s.
template <bool any_case>
size_t Scanner::contraction(size_t position) const {
    const auto letter = [&](size_t index) -> uint8_t {
        if (position + index >= text_.size) return 0;
        const uint8_t byte = text_.data[position + index];
        return any_case && static_cast<uint8_t>((byte | 0x20) - 'a') < 26 ? byte | 0x20 : byte;
    };
    switch (letter(1)) {
        case 's':
        case 't':
        case 'm':
        case 'd': return position + 2;
        case 'r':
        case 'v': return letter(2) == 'e' ? position + 3 : position;
        case 'l': return letter(2) == 'l' ? position + 3 : position;
        case 0xc5: return any_case && letter(2) == 0xbf ? position + 3 : position;
        default: return position;
    }
}

void Scanner::gpt2(size_t digits) {
    for (size_t begin = 0; begin < text_.size;) {
        const Character first = at(begin);
        size_t end = begin;
        if (text_.data[begin] == '\'') end = contraction<false>(begin);
        if (end == begin) {
            const bool blank = text_.data[begin] == ' ';
            const size_t behind = begin + (blank ? 1 : 0);
            const Class kind = blank ? at(behind).kind : first.kind;
            if (kind == kLetters) {
                end = after_letters(behind);
            } else if (kind == kSign) {
                end = after(kSign, behind);
            } else if (kind == kNumbers && digits == 0) {
                end = after(kNumbers, behind);
            } else if (first.kind == kNumbers) {
                end = after(kNumbers, begin, digits);
            } else {
                end = after_white_space(begin, false);
            }
        }
        emit(begin, end);
        begin = end;
    }
}

void Scanner::gpt4(size_t digits) {
    for (size_t begin = 0; begin < text_.size;) {
        const Character first = at(begin);
        const size_t behind = begin + first.bytes;
        size_t end = begin;
        if (first.kind == kLetters) {
            end = after_letters(behind);
        } else if (first.kind == kNumbers) {
            end = after(kNumbers, begin, digits);
        } else {
            if (text_.data[begin] == '\'') end = contraction<true>(begin);
            if (end == begin) {
                const Class next = first.kind == kLineEnd ? kEnd : at(behind).kind;
                if (next == kLetters) {
                    end = after_letters(behind);
                } else if (first.kind == kSign || (text_.data[begin] == ' ' && next == kSign)) {
                    end = after(kLineEnd, after(kSign, behind));
                } else {
                    end = after_white_space(begin, true);
                }
            }
        }
        emit(begin, end);
        begin = end;
    }
}

constexpr uint8_t kBlank[3] = {0xe2, 0x96, 0x81};

// A piece that begins with the blank, whose other characters are text_[begin, end).
void Scanner::emit_with_blank(size_t begin, size_t end, size_t digits) {
    size_t stop = end;
    if (digits != 0) {
        // Only what stands before the first digit belongs to the blank.
        for (stop = begin; stop < end;) {
            const Character next = at(stop);
            if (next.kind == kNumbers) break;
            stop += next.bytes;
        }
    }
    uint8_t room[kMaxPretokenBytes];
    std::memcpy(room, kBlank, 3);
    const uint8_t* from = text_.data + begin;
    const size_t size = stop - begin;
    if (size + 3 <= kMaxShortBytes) {
        std::memcpy(room + 3, from, size);
        table_.add(short_key(room, size + 3, true));
    } else {
        size_t first = 0, characters = 1;
        for (; first < size; ++first) {
            const bool begins = (from[first] & 0xc0) != 0x80;
            if (begins && characters == kStretchCharacters) break;
            characters += begins;
        }
        std::memcpy(room + 3, from, first);
        table_.add(Bytes{room, first + 3});
        emit_stretches({from + first, size - first});
    }
    emit_numbers(stop, end, digits);
}

// A piece begins at every blank, and at one before the text.
void Scanner::metaspace(size_t digits) {
    const auto blank_bytes = [&](size_t position) -> size_t {
        const uint8_t byte = text_.data[position];
        if (byte == ' ') return 1;
        const bool sign = byte == kBlank[0] && position + 2 < text_.size &&
                          text_.data[position + 1] == kBlank[1] &&
                          text_.data[position + 2] == kBlank[2];
        return sign ? 3 : 0;
    };
    if (text_.size == 0) return;
    for (size_t position = 0, blank = 0;;) {
        const size_t begin = position + blank;
        for (position = begin; position < text_.size; ++position) {
            if (position + 8 <= text_.size) {
                const uint64_t word = load_8(text_.data + position);
                const uint64_t found =
                    first_zero(word ^ each_byte(' ')) | first_zero(word ^ each_byte(kBlank[0]));
                if (found == 0) {
                    position += 7;
                    continue;
                }
                position += static_cast<size_t>(__builtin_ctzll(found)) / 8;
            }
            blank = blank_bytes(position);
            if (blank != 0) break;
        }
        emit_with_blank(begin, position, digits);
        if (position == text_.size) break;
    }
}

void Scanner::words(size_t digits) {
    size_t begin = 0;
    for (size_t position = 0; position < text_.size;) {
        position = after_letters(position);
        if (position == text_.size) break;
        const CodePoint next = decode(text_, position);
        const bool space = next.value < 0x80 ? kAscii[next.value] == kSpace ||
                                                   kAscii[next.value] == kLineEnd
                                             : is_space(next.value);
        const bool sign = !space && is_bert_punctuation(next.value);
        if (space || sign) {
            emit_numbers(begin, position, digits);
            if (sign) emit(position, position + next.bytes);
            begin = position + next.bytes;
        }
        position += next.bytes;
    }
    emit_numbers(begin, text_.size, digits);
}

}  // namespace

void count_pretokens(const TextView& text, PretokenPattern pattern, DigitRuns digits,
                     PretokenTable& table) {
    if (text.rows == 0) return;
    const uint8_t* const readable_end = text.data + text.offsets[text.rows];
    const auto run = static_cast<size_t>(digits);
    for_each_row(text, [&](int64_t, Bytes each) {
        Scanner scanner(each, readable_end, table);
        switch (pattern) {
            case PretokenPattern::Gpt2: return scanner.gpt2(run);
            case PretokenPattern::Gpt4: return scanner.gpt4(run == 0 ? 3 : run);
            case PretokenPattern::Metaspace: return scanner.metaspace(run);
            case PretokenPattern::Words: return scanner.words(run);
        }
    });
    table.flush();
}

}  // namespace curate
