// Code points as UTF-8, as they are or in lower case.
#pragma once

#include <cstdint>

#include "unicode.hpp"

namespace curate {

inline uint8_t* encode(uint32_t code_point, uint8_t* out) {
    const auto tail = [&](int shift) {
        *out++ = static_cast<uint8_t>(0x80 | (code_point >> shift & 0x3f));
    };
    if (code_point < 0x80) {
        *out++ = static_cast<uint8_t>(code_point);
    } else if (code_point < 0x800) {
        *out++ = static_cast<uint8_t>(0xc0 | code_point >> 6);
        tail(0);
    } else if (code_point < 0x10000) {
        *out++ = static_cast<uint8_t>(0xe0 | code_point >> 12);
        tail(6), tail(0);
    } else {
        *out++ = static_cast<uint8_t>(0xf0 | code_point >> 18);
        tail(12), tail(6), tail(0);
    }
    return out;
}

// U+0130 is the one character whose lower case is two: i and U+0307.
inline uint8_t* encode_lower(uint32_t code_point, uint8_t* out) {
    if (code_point == 0x130) return encode(0x307, encode('i', out));
    return encode(simple_lower(code_point), out);
}

}  // namespace curate
