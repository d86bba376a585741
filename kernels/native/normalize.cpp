#include "normalize.hpp"

#include "rows.hpp"
#include "utf8_encode.hpp"

namespace curate {
namespace {

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
