// Sets of shingle hashes: ascending distinct 32-bit integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace curate {

// Sorts and leaves out repetitions. `spare` is memory that is used again.
void make_set(std::vector<uint32_t>& hashes, std::vector<uint32_t>& spare);

// Elements in common over elements of either; 0 for two empty sets.
double jaccard(const uint32_t* left, size_t left_size, const uint32_t* right, size_t right_size);

}  // namespace curate
