// Tells in a few instructions per 16 bytes that none of a few phrases is in a text, in any case.
//
// It looks for the first four bytes of every phrase with bit 5 of all bytes set, which takes ASCII
// letters of either case for equal (and some other pairs, which only costs a closer look). The two
// characters beyond ASCII whose lower case is ASCII, U+0130 and U+212A, ask for a closer look too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "text_view.hpp"

namespace curate {

class PhraseBeginnings {
public:
    PhraseBeginnings() = default;  // anything may occur

    // folded: the phrases, in lower case where case is ignored.
    explicit PhraseBeginnings(const std::vector<std::vector<uint8_t>>& folded) {
        for (const auto& phrase : folded) {
            if (phrase.size() < kBytes) return;
            std::array<uint8_t, kBytes> beginning;
            for (size_t index = 0; index < kBytes; ++index) {
                if (phrase[index] >= 0x80) return;
                beginning[index] = phrase[index] | kCaseBit;
            }
            bool known = false;
            for (size_t index = 0; index < count_; ++index) known |= beginnings_[index] == beginning;
            if (known) continue;
            if (count_ == kMost) return;
            for (size_t byte = 0; byte < kBytes; ++byte) {
                repeated_[count_][byte].fill(beginning[byte]);
            }
            beginnings_[count_++] = beginning;
        }
        usable_ = true;
    }

    // False: no phrase occurs in `text`, which is not folded.
    bool may_occur(Bytes text) const {
#if defined(__SSE2__)
        if (!usable_) return true;
        if (text.size == 0) return false;
        size_t position = 0;
        for (; text.size - position >= kBlock; position += 16) {
            if (block_may(text.data + position)) return true;
        }
        uint8_t tail[kBlock + 16] = {};  // fewer than kBlock bytes are left
        std::memcpy(tail, text.data + position, text.size - position);
        return block_may(tail) || (text.size - position > 16 && block_may(tail + 16));
#else
        (void)text;
        return true;
#endif
    }

private:
    static constexpr size_t kBytes = 4;
    static constexpr size_t kMost = 8;
    static constexpr size_t kBlock = 16 + kBytes - 1;
    static constexpr uint8_t kCaseBit = 0x20;

#if defined(__SSE2__)
    // Whether anything begins at one of the first 16 of kBlock bytes.
    bool block_may(const uint8_t* at) const {
        __m128i bytes[kBytes];
        for (size_t index = 0; index < kBytes; ++index) {
            const __m128i loaded =
                _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + index));
            bytes[index] = _mm_or_si128(loaded, _mm_set1_epi8(kCaseBit));
        }
        const auto equal = [](__m128i block, int byte) {
            return _mm_cmpeq_epi8(block, _mm_set1_epi8(static_cast<char>(byte | kCaseBit)));
        };
        __m128i found = _mm_or_si128(
            _mm_and_si128(equal(bytes[0], 0xc4), equal(bytes[1], 0xb0)),
            _mm_and_si128(equal(bytes[0], 0xe2),
                          _mm_and_si128(equal(bytes[1], 0x84), equal(bytes[2], 0xaa))));
        for (size_t index = 0; index < count_; ++index) {
            __m128i begins = _mm_set1_epi8(-1);
            for (size_t byte = 0; byte < kBytes; ++byte) {
                const auto* wanted = reinterpret_cast<const __m128i*>(repeated_[index][byte].data());
                begins = _mm_and_si128(begins, _mm_cmpeq_epi8(bytes[byte], _mm_load_si128(wanted)));
            }
            found = _mm_or_si128(found, begins);
        }
        return _mm_movemask_epi8(found) != 0;
    }
#endif

    std::array<std::array<uint8_t, kBytes>, kMost> beginnings_{};
    alignas(16) std::array<std::array<std::array<uint8_t, 16>, kBytes>, kMost> repeated_{};
    size_t count_ = 0;
    bool usable_ = false;
};

}  // namespace curate
