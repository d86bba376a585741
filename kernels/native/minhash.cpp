#define XXH_INLINE_ALL
#include "third_party/xxhash.h"

#include "minhash.hpp"

#include <algorithm>
#include <cstring>

#include "ascii_blocks.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#define CURATE_HAS_AVX2 1
#include <immintrin.h>
#endif

namespace curate {
namespace {

// Permutations of one block: their parameters and minima stay in registers.
constexpr size_t kBlock = 32;
// Hashes that go through all blocks before the next ones: 4 kB, so they stay in the first cache.
constexpr size_t kChunk = 1024;

uint32_t fmix32(uint32_t hash) {
    hash ^= hash >> 16;
    hash *= 0x85ebca6bu;
    hash ^= hash >> 13;
    hash *= 0xc2b2ae35u;
    return hash ^ hash >> 16;
}

void lower_portable(const uint32_t* mixed, size_t hashes, const uint32_t* multipliers,
                    const uint32_t* summands, uint32_t* minima) {
    for (size_t at = 0; at < hashes; ++at) {
        const uint32_t hash = mixed[at];
        for (size_t k = 0; k < kBlock; ++k)
            minima[k] = std::min(minima[k], multipliers[k] * hash + summands[k]);
    }
}

#ifdef CURATE_HAS_AVX2

__attribute__((target("avx2"))) __m256i values(const uint32_t* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}

__attribute__((target("avx2"))) void lower_avx2(const uint32_t* mixed, size_t hashes,
                                                const uint32_t* multipliers,
                                                const uint32_t* summands, uint32_t* minima) {
    constexpr size_t kVectors = kBlock / 8;
    __m256i a[kVectors], b[kVectors], low[kVectors];
    for (size_t vector = 0; vector < kVectors; ++vector) {
        a[vector] = values(multipliers + 8 * vector);
        b[vector] = values(summands + 8 * vector);
        low[vector] = values(minima + 8 * vector);
    }
    for (size_t at = 0; at < hashes; ++at) {
        const __m256i hash = _mm256_set1_epi32(static_cast<int>(mixed[at]));
        for (size_t vector = 0; vector < kVectors; ++vector) {
            const __m256i value =
                _mm256_add_epi32(_mm256_mullo_epi32(a[vector], hash), b[vector]);
            low[vector] = _mm256_min_epu32(low[vector], value);
        }
    }
    for (size_t vector = 0; vector < kVectors; ++vector)
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(minima + 8 * vector), low[vector]);
}

#endif

}  // namespace

Permutations::Permutations(const uint32_t* multipliers, const uint32_t* summands, size_t count)
    : count_(count), lower_(lower_portable) {
#ifdef CURATE_HAS_AVX2
    if (use_avx2()) lower_ = lower_avx2;
#endif
    const size_t padded = (count + kBlock - 1) / kBlock * kBlock;
    multipliers_.assign(multipliers, multipliers + count);
    summands_.assign(summands, summands + count);
    multipliers_.resize(padded, 0);
    summands_.resize(padded, 0);
    minima_.resize(padded);
    mixed_.resize(kChunk);
}

void Permutations::signature(const std::vector<uint32_t>& hashes, uint32_t* minima) {
    std::fill(minima_.begin(), minima_.end(), ~uint32_t{0});
    for (size_t start = 0; start < hashes.size(); start += kChunk) {
        const size_t size = std::min(kChunk, hashes.size() - start);
        std::transform(hashes.begin() + static_cast<std::ptrdiff_t>(start),
                       hashes.begin() + static_cast<std::ptrdiff_t>(start + size), mixed_.begin(),
                       fmix32);
        for (size_t block = 0; block < minima_.size(); block += kBlock) {
            lower_(mixed_.data(), size, multipliers_.data() + block, summands_.data() + block,
                   minima_.data() + block);
        }
    }
    std::memcpy(minima, minima_.data(), count_ * sizeof(uint32_t));
}

void band_keys(const uint32_t* signature, const Bands& bands, Bytes salt, uint8_t* keys) {
    std::vector<uint8_t> salted(salt.data, salt.data + salt.size);
    const auto write = [&](size_t number, const uint32_t* values, size_t count) {
        const auto* bytes = reinterpret_cast<const uint8_t*>(values);
        size_t size = count * sizeof(uint32_t);
        if (salt.size > 0) {
            salted.resize(salt.size);
            salted.insert(salted.end(), bytes, bytes + size);
            bytes = salted.data();
            size = salted.size();
        }
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_withSeed(bytes, size, number));
        std::memcpy(keys + 16 * number, canonical.digest, 16);
    };
    for (size_t band = 0; band < bands.bands; ++band)
        write(band, signature + band * bands.rows, bands.rows);
    for (size_t number = bands.bands; number < bands.keys(); ++number) {
        const size_t first = 2 * (number - bands.bands);
        write(number, signature + first * bands.rows, 2 * bands.rows);
    }
}

}  // namespace curate
