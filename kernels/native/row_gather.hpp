// Columns of chosen rows of many batches: what a sort or a merge has decided, carried out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace curate {

// Row n of the result is row rows[n] of batch batches[n].
struct RowChoice {
    const uint32_t* batches;
    const uint32_t* rows;
    size_t count;
};

// Throws std::out_of_range when a choice is outside the batches.
void check_choice(const RowChoice& choice, const std::vector<size_t>& batch_rows);

// Values of `width` bytes; values[b] points at the first one of batch b.
void gather_fixed(const RowChoice& choice, const std::vector<const uint8_t*>& values, size_t width,
                  uint8_t* out);

// Bits (Arrow bitmaps: validity, booleans); row r of batch b is bit first_bits[b] + r, and set where
// bitmaps[b] is nullptr. `out` has room for (count + 7) / 8 bytes. Returns how many are not set.
size_t gather_bits(const RowChoice& choice, const std::vector<const uint8_t*>& bitmaps,
                   const std::vector<size_t>& first_bits, uint8_t* out);

// Offsets of values of changing length: row r of batch b runs from offsets[b][r] to offsets[b][r + 1]
// in items. Writes count + 1 offsets that start with 0; returns the items in all. Throws
// std::overflow_error when they do not fit an Offset, std::invalid_argument when offsets decrease or
// leave the data (item_counts[b] items).
template <class Offset>
size_t gather_offsets(const RowChoice& choice, const std::vector<const uint8_t*>& offsets,
                      const std::vector<size_t>& item_counts, Offset* out);

// The items of such rows, `item_bytes` each.
template <class Offset>
void gather_items(const RowChoice& choice, const std::vector<const uint8_t*>& offsets,
                  const std::vector<const uint8_t*>& items, size_t item_bytes, uint8_t* out);

}  // namespace curate
