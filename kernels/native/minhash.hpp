// MinHash signatures and the keys of their bands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "text_view.hpp"

namespace curate {

// The scheme `affine32` of datasketch 2: a shingle's hash goes once through fmix32 (the finaliser
// of MurmurHash3), then permutation k maps it to a[k] * hash + b[k] modulo 2^32.
class Permutations {
public:
    Permutations(const uint32_t* multipliers, const uint32_t* summands, size_t count);

    size_t count() const { return count_; }

    // Writes count() minima; all bits set where there are no hashes.
    void signature(const std::vector<uint32_t>& hashes, uint32_t* minima);

private:
    using Lower = void (*)(const uint32_t* mixed, size_t hashes, const uint32_t* multipliers,
                           const uint32_t* summands, uint32_t* minima);

    size_t count_;
    Lower lower_;
    // Padded to whole blocks.
    std::vector<uint32_t> multipliers_, summands_, minima_;
    std::vector<uint32_t> mixed_;
};

struct Bands {
    size_t bands;
    size_t rows;  // values of a band
    bool wide;    // also a key for every two neighbouring bands

    size_t keys() const { return bands + (wide ? bands / 2 : 0); }
};

// Writes keys() * 16 bytes: XXH3-128 (canonical form) of salt and the values of a band as
// little-endian integers, seeded with the number of the band; two neighbouring bands follow as the
// numbers bands, bands + 1, ...
void band_keys(const uint32_t* signature, const Bands& bands, Bytes salt, uint8_t* keys);

}  // namespace curate
