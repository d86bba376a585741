#include "unigram_lattice.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace curate {
namespace {

constexpr size_t kDirectSymbols = 64;
constexpr double kSmallestTotal = 0x1p-500;

// mantissa x 2^power, for products that no double can hold.
struct Wide {
    double mantissa;
    int64_t power;

    static Wide of(double value, int64_t power) {
        if (value == 0) return {0, 0};
        int shift;
        const double mantissa = std::frexp(value, &shift);
        return {mantissa, power + shift};
    }
    // The value divided by 2^unit; 0 where it is too small to count.
    double over(int64_t unit) const {
        const int64_t distance = power - unit;
        return distance < -1000 ? 0 : std::ldexp(mantissa, static_cast<int>(distance));
    }
};

Wide operator+(Wide left, Wide right) {
    if (left.mantissa == 0) return right;
    if (right.mantissa == 0) return left;
    const int64_t unit = std::max(left.power, right.power);
    return Wide::of(left.over(unit) + right.over(unit), unit);
}

Wide operator*(Wide left, Wide right) {
    return Wide::of(left.mantissa * right.mantissa, left.power + right.power);
}

}  // namespace

void Lattice::expect(const Symbol* word, size_t size, double weight,
                     const std::vector<double>& scaled, std::vector<double>& expected) {
    edges_.clear();
    for (size_t begin = 0; begin < size; ++begin) {
        trie_.walk(word + begin, size - begin, [&](size_t length, uint32_t piece) {
            edges_.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(begin + length), piece});
        });
    }
    if (size > kDirectSymbols) return expect_in_wide_range(size, weight, scaled, expected);
    forward_.assign(size + 1, 0);
    backward_.assign(size + 1, 0);
    forward_[0] = 1;
    for (const Edge& edge : edges_) forward_[edge.end] += forward_[edge.begin] * scaled[edge.piece];
    const double total = forward_[size];
    if (!(total >= kSmallestTotal)) return expect_in_wide_range(size, weight, scaled, expected);
    const double factor = weight / total;
    backward_[size] = 1;
    for (auto edge = edges_.rbegin(); edge != edges_.rend(); ++edge) {
        const double ahead = scaled[edge->piece] * backward_[edge->end];
        backward_[edge->begin] += ahead;
        expected[edge->piece] += forward_[edge->begin] * ahead * factor;
    }
}

void Lattice::expect_in_wide_range(size_t size, double weight, const std::vector<double>& scaled,
                                   std::vector<double>& expected) {
    std::vector<Wide> forward(size + 1, {0, 0}), backward(size + 1, {0, 0});
    forward[0] = backward[size] = {0.5, 1};
    for (const Edge& edge : edges_) {
        forward[edge.end] =
            forward[edge.end] + forward[edge.begin] * Wide::of(scaled[edge.piece], 0);
    }
    const Wide total = forward[size];
    const double factor = weight / total.mantissa;
    for (auto edge = edges_.rbegin(); edge != edges_.rend(); ++edge) {
        const Wide ahead = Wide::of(scaled[edge->piece], 0) * backward[edge->end];
        backward[edge->begin] = backward[edge->begin] + ahead;
        expected[edge->piece] += (forward[edge->begin] * ahead).over(total.power) * factor;
    }
}

const std::vector<uint32_t>& Lattice::best(const Symbol* word, size_t size,
                                           const std::vector<double>& log_probability,
                                           uint32_t without) {
    score_.assign(size + 1, -std::numeric_limits<double>::infinity());
    from_.assign(size + 1, 0);
    by_.assign(size + 1, PieceTrie::kNone);
    score_[0] = 0;
    for (size_t begin = 0; begin < size; ++begin) {
        trie_.walk(word + begin, size - begin, [&](size_t length, uint32_t piece) {
            if (piece == without) return;
            const double candidate = score_[begin] + log_probability[piece];
            if (candidate > score_[begin + length]) {
                score_[begin + length] = candidate;
                from_[begin + length] = static_cast<uint32_t>(begin);
                by_[begin + length] = piece;
            }
        });
    }
    path_.clear();
    for (size_t end = size; end > 0; end = from_[end]) path_.push_back(by_[end]);
    return path_;
}

}  // namespace curate
