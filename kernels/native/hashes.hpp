// xxHash3 of the bytes of every document.
#pragma once

#include "text_view.hpp"

namespace curate {

// Writes 16 bytes per row: XXH3-128, seed 0, canonical (big-endian) form.
void text_hash_128(const TextView& text, uint8_t* digests);

// Writes one value per row: XXH3-64, seed 0, of prefix followed by the row's bytes.
void prefixed_hash_64(Bytes prefix, const TextView& keys, uint64_t* values);

}  // namespace curate
