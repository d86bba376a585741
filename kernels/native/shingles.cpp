#define XXH_INLINE_ALL
#include "third_party/xxhash.h"

#include "shingles.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "sha1.hpp"
#include "shingle_tables.hpp"
#include "unicode.hpp"
#include "utf8_encode.hpp"

namespace curate {
namespace {

constexpr uint8_t kMark = 1, kPunctuation = 2, kDigit = 4, kAccented = 8;
// Bytes that may be written behind the normalised text.
constexpr size_t kSlack = 64;

uint8_t classes(uint32_t code_point) {
    return tables::shingle_blocks[tables::shingle_index[code_point >> 7] * 128 +
                                  (code_point & 127)];
}

// Three code points, 0 for none.
const uint32_t* unaccented(uint32_t code_point) {
    const uint32_t* found =
        std::lower_bound(std::begin(tables::accented), std::end(tables::accented), code_point);
    return tables::unaccented + 3 * (found - std::begin(tables::accented));
}

// Calls put(code point) for what is left of a character: nothing, itself, or its parts. A digit is
// 0 where numbers are; the caller joins zeros.
template <class Put>
void normalise(const ShingleSpec& spec, uint32_t code_point, Put put) {
    if (spec.lower_case) {
        if (code_point == 0x130) {
            put('i');
            if (!spec.strip_accents) put(0x307);
            return;
        }
        code_point = simple_lower(code_point);
    }
    if (code_point < 0x80) return put(code_point);
    const uint8_t flags = classes(code_point);
    if (spec.strip_accents && (flags & kMark)) return;
    if (spec.strip_accents && (flags & kAccented)) {
        const uint32_t* parts = unaccented(code_point);
        for (int part = 0; part < 3 && parts[part] != 0; ++part) put(parts[part]);
        return;
    }
    put(code_point);
}

uint64_t load(const uint8_t* bytes, size_t count) {
    uint64_t value = 0;
    std::memcpy(&value, bytes, count);
    return value;
}

// True where the low `count` bytes (ASCII, lower case) are letters.
bool all_letters(uint64_t lower, size_t count) {
    constexpr uint64_t kHigh = 0x8080808080808080ull;
    const uint64_t wanted = count >= 8 ? kHigh : kHigh & ((uint64_t{1} << (8 * count)) - 1);
    const uint64_t from_a = lower + 0x1f1f1f1f1f1f1f1full;   // high bit: 'a' or above
    const uint64_t above_z = lower + 0x0505050505050505ull;  // high bit: above 'z'
    return (from_a & ~above_z & wanted) == wanted;
}

}  // namespace

uint32_t shingle_hash(Bytes shingle, bool sha1) {
    if (sha1) return Sha1::first_word(shingle);
    return static_cast<uint32_t>(XXH3_64bits(shingle.data, shingle.size));
}

void Shingler::open(int64_t row, Bytes text) {
    hashes_.clear();
    begins_.clear();
    capped_ = false;
    document_.open(row, text);
    // The longest growth is that of U+16D6A, one character of four bytes to three of them; a word
    // gets a space. Memory that is never written costs nothing.
    out_ = normal_.reserve(4 * text.size + kSlack);
    if (!spec_.of_words) return characters(text, spec_.size);
    const Words& found = document_.words();
    if (found.known) return words(text, found);
    if (spec_.character_size > 0) characters(text, spec_.character_size);
}

uint64_t Shingler::content() const {
    return XXH3_64bits(normal_.data(), static_cast<size_t>(out_ - normal_.data()));
}

bool Shingler::close(uint32_t size, const uint8_t* end) {
    if (begins_.size() < size) return true;
    if (hashes_.size() == spec_.max_shingles) {
        capped_ = true;
        return false;
    }
    const uint8_t* begin = normal_.data() + begins_[begins_.size() - size];
    hashes_.push_back(shingle_hash({begin, static_cast<size_t>(end - begin)}, spec_.sha1));
    return true;
}

void Shingler::words(Bytes text, const Words& words) {
    for (const Word& word : words) {
        uint8_t* const begin = out_;
        begins_.push_back(static_cast<uint64_t>(begin - normal_.data()));
        uint8_t* const end = append_word(text, word, begin);
        if (!close(spec_.size, end)) return;
        *end = ' ';
        out_ = end + 1;
    }
}

uint8_t* Shingler::append_word(Bytes text, const Word& word, uint8_t* out) const {
    const size_t size = word.end - word.begin;
    if (word.characters != size) return append_points({text.data + word.begin, size}, out);
    const uint8_t* at = text.data + word.begin;
    uint8_t* to = out;
    for (size_t left = size; left > 0;) {
        const size_t count = left < 8 ? left : 8;
        const bool inside = word.end - left + 8 <= text.size;
        const uint64_t bytes = inside ? load(at, 8) : load(at, count);
        const uint64_t lower = bytes | 0x2020202020202020ull;
        if (!all_letters(lower, count)) return append_points({text.data + word.begin, size}, out);
        const uint64_t kept = spec_.lower_case ? lower : bytes;
        std::memcpy(to, &kept, 8);
        at += count, to += count, left -= count;
    }
    return to;
}

// Of one word.
uint8_t* Shingler::append_points(Bytes text, uint8_t* out) const {
    bool in_number = false;
    for (size_t position = 0; position < text.size;) {
        const CodePoint point = decode(text, position);
        position += point.bytes;
        const uint8_t flags = classes(point.value);
        if (spec_.remove_punctuation && (flags & kPunctuation)) continue;
        if (spec_.zero_numbers && (flags & kDigit)) {
            if (!in_number) *out++ = '0';
            in_number = true;
            continue;
        }
        normalise(spec_, point.value, [&](uint32_t code_point) {
            out = encode(code_point, out);
            in_number = false;
        });
    }
    return out;
}

void Shingler::append_character(uint32_t code_point) {
    begins_.push_back(static_cast<uint64_t>(out_ - normal_.data()));
    out_ = encode(code_point, out_);
}

void Shingler::characters(Bytes text, uint32_t size) {
    bool in_number = false, pending_space = false;
    const auto put = [&](uint32_t code_point) {
        if (capped_) return;
        if (pending_space) {
            pending_space = false;
            append_character(' ');
            if (!close(size, out_)) return;
        }
        append_character(code_point);
        close(size, out_);
    };
    for (size_t position = 0; position < text.size && !capped_;) {
        const CodePoint point = decode(text, position);
        position += point.bytes;
        const uint8_t flags = classes(point.value);
        const bool punctuation = spec_.remove_punctuation && (flags & kPunctuation);
        if (punctuation || is_space(point.value)) {
            if (spec_.spaces == Spaces::Remove) continue;
            in_number = false;
            if (spec_.spaces == Spaces::Keep) {
                put(punctuation ? uint32_t{' '} : point.value);
            } else {
                pending_space = !begins_.empty();
            }
        } else if (spec_.zero_numbers && (flags & kDigit)) {
            if (!in_number) put('0');
            in_number = true;
        } else {
            normalise(spec_, point.value, [&](uint32_t code_point) {
                put(code_point);
                in_number = false;
            });
        }
    }
    // The character that made one shingle too many is no part of what they cover.
    if (capped_) out_ = normal_.data() + begins_.back();
}

}  // namespace curate
