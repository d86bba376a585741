// 64 bytes of text as bit masks: bit i says whether byte i belongs to a class. Bytes above 0x7f are
// in `other` only.
#pragma once

#include <cstdint>

namespace curate {

struct AsciiBlock {
    uint64_t letters;
    uint64_t digits;
    uint64_t underscores;
    uint64_t between_letters;  // : . '  join two letters
    uint64_t between_digits;   // , ; . ' join two digits
    uint64_t other;            // not ASCII
};

using ClassifyBlock = void (*)(const uint8_t* bytes, AsciiBlock& block);

// Whether the processor has AVX2, unless the environment variable CURATE_KERNELS_PORTABLE is 1.
bool use_avx2();

// The AVX2 version where it is used.
ClassifyBlock classify_block();

// "avx2" or "portable".
const char* instruction_set();

}  // namespace curate
