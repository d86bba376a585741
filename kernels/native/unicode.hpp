// UTF-8 decoding and character properties (Unicode 16.0).
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "text_view.hpp"
#include "unicode_tables.hpp"

namespace curate {

// Word_Break values in the order of make_tables.py, then states that only the segmenter knows.
enum WordBreak : uint8_t {
    Other,
    CarriageReturn,
    LineFeed,
    Newline,
    Extend,
    ZeroWidthJoiner,
    RegionalIndicator,
    Format,
    Katakana,
    HebrewLetter,
    Letter,
    SingleQuote,
    DoubleQuote,
    MidNumberLetter,
    MidLetter,
    MidNumber,
    Numeric,
    ExtendNumberLetter,
    SegmentSpace,
    HebrewQuote,
    StartOfText,
    WordBreakCount
};

inline constexpr uint8_t kWordBreakBits = 0x1f;
inline constexpr uint8_t kLetter = 0x20;
inline constexpr uint8_t kNumber = 0x40;
inline constexpr uint8_t kPictograph = 0x80;

inline uint8_t properties(uint32_t code_point) {
    return tables::property_blocks[tables::property_index[code_point >> 7] * 128 +
                                   (code_point & 127)];
}

inline uint32_t simple_lower(uint32_t code_point) {
    const int32_t distance =
        tables::lower_blocks[tables::lower_index[code_point >> 7] * 128 + (code_point & 127)];
    return static_cast<uint32_t>(static_cast<int32_t>(code_point) + distance);
}

struct InvalidUtf8 : std::invalid_argument {
    explicit InvalidUtf8(size_t byte)
        : std::invalid_argument("invalid UTF-8 at byte " + std::to_string(byte)) {}
};

struct CodePoint {
    uint32_t value;
    uint32_t bytes;
};

// Decodes strictly (no surrogates, no overlong forms); throws InvalidUtf8. Needs position <
// text.size.
inline CodePoint decode(Bytes text, size_t position) {
    const uint8_t* at = text.data + position;
    const size_t left = text.size - position;
    const uint32_t lead = at[0];
    if (lead < 0x80) return {lead, 1};
    const auto follows = [&](size_t index) { return index < left && (at[index] & 0xc0) == 0x80; };
    if (lead >= 0xc2 && lead < 0xe0 && follows(1)) return {(lead & 0x1f) << 6 | (at[1] & 0x3fu), 2};
    if ((lead & 0xf0) == 0xe0 && follows(1) && follows(2)) {
        const uint32_t value = (lead & 0x0f) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
        if (value >= 0x800 && (value < 0xd800 || value > 0xdfff)) return {value, 3};
    }
    if ((lead & 0xf8) == 0xf0 && follows(1) && follows(2) && follows(3)) {
        const uint32_t value =
            (lead & 0x07) << 18 | (at[1] & 0x3fu) << 12 | (at[2] & 0x3fu) << 6 | (at[3] & 0x3fu);
        if (value >= 0x10000 && value <= 0x10ffff) return {value, 4};
    }
    throw InvalidUtf8(position);
}

// The characters of Python's str.isspace: White_Space and U+001C to U+001F.
inline bool is_space(uint32_t code_point) {
    if (code_point < 0x80)
        return code_point == 0x20 || (code_point - 9 < 5) || (code_point - 0x1c < 4);
    if (code_point < 0x1680) return code_point == 0x85 || code_point == 0xa0;
    return code_point == 0x1680 || (code_point >= 0x2000 && code_point <= 0x200a) ||
           code_point == 0x2028 || code_point == 0x2029 || code_point == 0x202f ||
           code_point == 0x205f || code_point == 0x3000;
}

}  // namespace curate
