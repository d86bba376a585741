#include "token_rows.hpp"

namespace curate {

template <typename Id>
int64_t close_documents(const uint32_t* ids, const int64_t* offsets, int64_t rows,
                        const uint8_t* allowed, uint32_t vocabulary, Id end, Id* out) {
    for (int64_t row = 0; row < rows; ++row) {
        const int64_t last = offsets[row + 1];
        for (int64_t at = offsets[row]; at < last; ++at) {
            const uint32_t id = ids[at];
            if (id >= vocabulary || !allowed[id]) return at;
            *out++ = static_cast<Id>(id);
        }
        *out++ = end;
    }
    return -1;
}

template <typename Id>
void encode_bytes(const TextView& text, const uint32_t* table, Id end, Id* out) {
    Id narrow[256];
    for (int value = 0; value < 256; ++value) narrow[value] = static_cast<Id>(table[value]);
    for (int64_t row = 0; row < text.rows; ++row) {
        const Bytes bytes = text[row];
        for (size_t at = 0; at < bytes.size; ++at) out[at] = narrow[bytes.data[at]];
        out += bytes.size;
        *out++ = end;
    }
}

template int64_t close_documents<uint16_t>(const uint32_t*, const int64_t*, int64_t, const uint8_t*,
                                           uint32_t, uint16_t, uint16_t*);
template int64_t close_documents<uint32_t>(const uint32_t*, const int64_t*, int64_t, const uint8_t*,
                                           uint32_t, uint32_t, uint32_t*);
template void encode_bytes<uint16_t>(const TextView&, const uint32_t*, uint16_t, uint16_t*);
template void encode_bytes<uint32_t>(const TextView&, const uint32_t*, uint32_t, uint32_t*);

}  // namespace curate
