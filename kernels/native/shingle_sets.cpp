#include "shingle_sets.hpp"

#include <algorithm>
#include <array>

namespace curate {
namespace {

constexpr int kDigitBits = 11;
constexpr size_t kDigits = size_t{1} << kDigitBits;
// Below, comparing is faster than counting.
constexpr size_t kSmall = 256;

void radix_sort(std::vector<uint32_t>& values, std::vector<uint32_t>& spare) {
    spare.resize(values.size());
    for (int shift = 0; shift < 32; shift += kDigitBits) {
        std::array<size_t, kDigits> next{};
        for (const uint32_t value : values) ++next[value >> shift & (kDigits - 1)];
        size_t before = 0;
        for (size_t& count : next) {
            const size_t here = count;
            count = before;
            before += here;
        }
        for (const uint32_t value : values) spare[next[value >> shift & (kDigits - 1)]++] = value;
        values.swap(spare);
    }
}

}  // namespace

void make_set(std::vector<uint32_t>& hashes, std::vector<uint32_t>& spare) {
    if (hashes.size() < kSmall) {
        std::sort(hashes.begin(), hashes.end());
    } else {
        radix_sort(hashes, spare);
    }
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
}

double jaccard(const uint32_t* left, size_t left_size, const uint32_t* right, size_t right_size) {
    if (left_size + right_size == 0) return 0.0;
    size_t common = 0;
    for (size_t i = 0, j = 0; i < left_size && j < right_size;) {  // no branch on the values
        const uint32_t a = left[i], b = right[j];
        common += a == b;
        i += a <= b;
        j += b <= a;
    }
    return static_cast<double>(common) / static_cast<double>(left_size + right_size - common);
}

}  // namespace curate
