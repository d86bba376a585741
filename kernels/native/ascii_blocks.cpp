#include "ascii_blocks.hpp"

#include <array>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#define CURATE_HAS_AVX2 1
#include <immintrin.h>
#endif

namespace curate {
namespace {

enum : uint8_t {
    kIsLetter = 1,
    kIsDigit = 2,
    kIsUnderscore = 4,
    kBetweenLetters = 8,
    kBetweenDigits = 16,
    kNotAscii = 32
};

constexpr std::array<uint8_t, 256> make_classes() {
    std::array<uint8_t, 256> classes{};
    for (int byte = 'a'; byte <= 'z'; ++byte) classes[byte] = classes[byte - 32] = kIsLetter;
    for (int byte = '0'; byte <= '9'; ++byte) classes[byte] = kIsDigit;
    for (int byte = 128; byte < 256; ++byte) classes[byte] = kNotAscii;
    classes['_'] = kIsUnderscore;
    classes[':'] = kBetweenLetters;
    classes['.'] = classes['\''] = kBetweenLetters | kBetweenDigits;
    classes[','] = classes[';'] = kBetweenDigits;
    return classes;
}

constexpr std::array<uint8_t, 256> kClasses = make_classes();

// Collects bit 0 of eight bytes into one byte: the product moves bit 8i to bit 56 + i.
uint64_t gather(uint64_t eight_bytes) {
    return ((eight_bytes & 0x0101010101010101ull) * 0x0102040810204080ull) >> 56;
}

void classify_portable(const uint8_t* bytes, AsciiBlock& block) {
    block = {};
    for (int group = 0; group < 8; ++group) {
        uint64_t classes = 0;
        for (int byte = 0; byte < 8; ++byte)
            classes |= uint64_t{kClasses[bytes[8 * group + byte]]} << (8 * byte);
        const int shift = 8 * group;
        block.letters |= gather(classes) << shift;
        block.digits |= gather(classes >> 1) << shift;
        block.underscores |= gather(classes >> 2) << shift;
        block.between_letters |= gather(classes >> 3) << shift;
        block.between_digits |= gather(classes >> 4) << shift;
        block.other |= gather(classes >> 5) << shift;
    }
}

#ifdef CURATE_HAS_AVX2

__attribute__((target("avx2"))) inline uint64_t bits(__m256i truth) {
    return static_cast<uint32_t>(_mm256_movemask_epi8(truth));
}

__attribute__((target("avx2"))) inline __m256i within(__m256i bytes, char low, char high) {
    return _mm256_and_si256(
        _mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(static_cast<char>(low - 1))),
        _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(high + 1)), bytes));
}

__attribute__((target("avx2"))) inline __m256i equal(__m256i bytes, char value) {
    return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(value));
}

__attribute__((target("avx2"))) void classify_avx2(const uint8_t* bytes, AsciiBlock& block) {
    block = {};
    for (int half = 0; half < 2; ++half) {
        const __m256i text =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + 32 * half));
        const __m256i lower = _mm256_or_si256(text, _mm256_set1_epi8(0x20));
        const __m256i both = _mm256_or_si256(equal(text, '.'), equal(text, '\''));
        const int shift = 32 * half;
        block.letters |= bits(within(lower, 'a', 'z')) << shift;
        block.digits |= bits(within(text, '0', '9')) << shift;
        block.underscores |= bits(equal(text, '_')) << shift;
        block.between_letters |= bits(_mm256_or_si256(both, equal(text, ':'))) << shift;
        block.between_digits |=
            bits(_mm256_or_si256(both, _mm256_or_si256(equal(text, ','), equal(text, ';'))))
            << shift;
        block.other |= bits(text) << shift;
    }
}

#endif

}  // namespace

bool use_avx2() {
#ifdef CURATE_HAS_AVX2
    static const bool answer = [] {
        const char* portable = std::getenv("CURATE_KERNELS_PORTABLE");
        return !(portable != nullptr && std::strcmp(portable, "1") == 0) &&
               __builtin_cpu_supports("avx2");
    }();
    return answer;
#else
    return false;
#endif
}

ClassifyBlock classify_block() {
#ifdef CURATE_HAS_AVX2
    if (use_avx2()) return classify_avx2;
#endif
    return classify_portable;
}

const char* instruction_set() { return use_avx2() ? "avx2" : "portable"; }

}  // namespace curate
