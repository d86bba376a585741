// Ids of documents as they stand in a token file: each document followed by its end token, in the file's type.
#pragma once

#include <cstdint>

#include "text_view.hpp"

namespace curate {

// Copies `rows` documents (`ids` cut by rows + 1 `offsets`) to `out` and puts `end` after each. Returns the position
// in `ids` of the first id that is not below `vocabulary` or has allowed[id] == 0, or -1.
template <typename Id>
int64_t close_documents(const uint32_t* ids, const int64_t* offsets, int64_t rows,
                        const uint8_t* allowed, uint32_t vocabulary, Id end, Id* out);

// One id per byte (`table` has 256), `end` after each row.
template <typename Id>
void encode_bytes(const TextView& text, const uint32_t* table, Id end, Id* out);

}  // namespace curate
