#include "normalize.hpp"

#include "rows.hpp"
#include "unicode.hpp"

namespace curate {
namespace {

uint8_t* encode(uint32_t code_point, uint8_t* out) {
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
uint8_t* encode_lower(uint32_t code_point, uint8_t* out) {
    if (code_point == 0x130) return encode(0x307, encode('i', out));
    return encode(simple_lower(code_point), out);
}

uint8_t* normalize(Bytes text, uint8_t* out) {
    bool pending_space = false;
    const uint8_t* const begin = out;
    for (size_t position = 0; position < text.size;) {
        const uint32_t byte = text.data[position];
        if (byte > 0x20 && byte < 0x80) {
            if (pending_space) *out++ = ' ';
            pending_space = false;
            *out++ = static_cast<uint8_t>(byte - 'A' < 26 ? byte + 32 : byte);
            ++position;
            continue;
        }
        const CodePoint point = decode(text, position);
        position += point.bytes;
        if (is_space(point.value)) {
            pending_space = out != begin;
            continue;
        }
        if (pending_space) *out++ = ' ';
        pending_space = false;
        out = encode_lower(point.value, out);
    }
    return out;
}

}  // namespace

// Two bytes become at most three (U+0130, U+023A, U+023E), longer ones never grow.
size_t normalized_capacity(const TextView& text) {
    if (text.rows == 0) return 0;
    const auto bytes = static_cast<size_t>(text.offsets[text.rows] - text.offsets[0]);
    return bytes + bytes / 2;
}

size_t normalized_text(const TextView& text, uint8_t* data, int64_t* offsets) {
    uint8_t* out = data;
    offsets[0] = 0;
    for_each_row(text, [&](int64_t row, Bytes document) {
        out = normalize(document, out);
        offsets[row + 1] = out - data;
    });
    return static_cast<size_t>(out - data);
}

}  // namespace curate
