// Order of exchange rows by their encoded sort keys.
//
// A row's sort key is `width` unsigned 64-bit words, compared one after the other: two for the
// 16-byte key (big-endian), one per order column, one for the address.
#pragma once

#include <cstddef>
#include <cstdint>

namespace curate {

enum class OrderKind { unsigned_integer, signed_integer, float64 };

// Writes words 0 and 1 of every row: 16 bytes per key, big-endian, so that words compare like bytes.
void encode_keys(const uint8_t* keys, size_t rows, uint64_t* words, size_t width);

// Writes one word of every row (`words` points at the first row's): integers of 1, 2, 4 or 8 bytes
// with the sign bit flipped, floats of 8 bytes in the IEEE total order (-0.0 before 0.0).
void encode_column(const uint8_t* values, size_t item_bytes, OrderKind kind, size_t rows,
                   uint64_t* words, size_t width);

// Row numbers in the order of their sort keys; equal rows stay in their order. At most 2^32 rows.
// Linear in rows for any keys: radix passes over the bits that differ, next word inside equal ones.
void order_rows(const uint64_t* words, size_t width, size_t rows, uint32_t* order);

// Partition of every key: equal ranges of its first 32 bits.
void partition_rows(const uint8_t* keys, size_t rows, uint64_t partitions, int64_t* numbers);

// 1 where a key differs from the one before it; `before` (16 bytes) stands before the first, nullptr
// for none.
void group_starts(const uint8_t* keys, size_t rows, const uint8_t* before, uint8_t* starts);

}  // namespace curate
