#define XXH_INLINE_ALL
#include "third_party/xxhash.h"

#include "hashes.hpp"

#include <cstring>
#include <vector>

namespace curate {

void text_hash_128(const TextView& text, uint8_t* digests) {
    for (int64_t row = 0; row < text.rows; ++row) {
        const Bytes document = text[row];
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(&canonical, XXH3_128bits(document.data, document.size));
        std::memcpy(digests + 16 * row, canonical.digest, 16);
    }
}

void prefixed_hash_64(Bytes prefix, const TextView& keys, uint64_t* values) {
    std::vector<uint8_t> joined(prefix.data, prefix.data + prefix.size);
    for (int64_t row = 0; row < keys.rows; ++row) {
        const Bytes key = keys[row];
        joined.resize(prefix.size);
        joined.insert(joined.end(), key.data, key.data + key.size);
        values[row] = XXH3_64bits(joined.data(), joined.size());
    }
}

}  // namespace curate
