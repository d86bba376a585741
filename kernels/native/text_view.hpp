// A read-only view of an Arrow large_string array: n + 1 int64 offsets into one block of UTF-8
// bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace curate {

struct Bytes {
    const uint8_t* data;
    size_t size;
};

struct TextView {
    const int64_t* offsets;
    const uint8_t* data;
    int64_t rows;

    Bytes operator[](int64_t row) const {
        return {data + offsets[row], static_cast<size_t>(offsets[row + 1] - offsets[row])};
    }
};

// Number of code points of valid UTF-8.
inline int64_t count_code_points(Bytes text) {
    int64_t found = 0;
    size_t index = 0;
#if defined(__SSE2__)
    // Bytes of 80 to BF continue a character; as signed numbers they are -128 to -65.
    const __m128i zero = _mm_setzero_si128(), last = _mm_set1_epi8(-65);
    while (text.size - index >= 16) {
        const size_t end = index + std::min<size_t>((text.size - index) / 16, 255) * 16;
        __m128i counts = zero;
        for (; index < end; index += 16) {
            const auto* const at = reinterpret_cast<const __m128i*>(text.data + index);
            counts = _mm_sub_epi8(counts, _mm_cmpgt_epi8(_mm_loadu_si128(at), last));
        }
        const __m128i sums = _mm_sad_epu8(counts, zero);
        found += _mm_cvtsi128_si64(sums) + _mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums));
    }
#endif
    for (; index < text.size; ++index) found += (text.data[index] & 0xc0) != 0x80;
    return found;
}

}  // namespace curate
