// Logarithm and exponential from additions, multiplications and divisions alone: the same bits on every
// CPU. (libm chooses other code where the CPU has fused multiply-add, and the last bit may differ.)
#pragma once

#include <cmath>
#include <cstdint>

namespace curate {

inline constexpr double kLog2High = 0x1.62e42fefa0000p-1;  // few bits, so that e * high is exact
inline constexpr double kLog2Low = 0x1.cf79abc9e3b39p-40;

// Natural logarithm of a positive finite number; relative error below 1e-15.
inline double portable_log(double value) {
    int exponent;
    double mantissa = std::frexp(value, &exponent);
    if (mantissa < 0x1.6a09e667f3bcdp-1) {
        mantissa *= 2;
        --exponent;
    }
    const double ratio = (mantissa - 1) / (mantissa + 1);  // |ratio| < 0.172
    const double square = ratio * ratio;
    double series = 0;
    for (int odd = 23; odd >= 3; odd -= 2) series = (series + 1.0 / odd) * square;
    const double whole = exponent;
    return whole * kLog2High + (whole * kLog2Low + (2 * ratio * series + 2 * ratio));
}

// e to the power of `value`; 0 below -745, relative error below 1e-15. Needs value < 700.
inline double portable_exp(double value) {
    if (value < -745) return 0;
    const double whole = std::floor(value * 0x1.71547652b82fep+0 + 0.5);
    const double rest = (value - whole * kLog2High) - whole * kLog2Low;  // |rest| < 0.35
    double series = 1;
    for (int term = 14; term >= 1; --term) series = series * (rest / term) + 1;
    return std::ldexp(series, static_cast<int>(whole));
}

// e to the power of digamma(value), for value > 0: about value - 1/2 for large ones. The expansion of
// exp(digamma(x + 1/2)) in 1/x, after moving small values up by digamma(x) = digamma(x + 1) - 1/x.
inline double exp_digamma(double value) {
    double moved = 0;
    while (value < 8) {
        moved -= 1 / value;
        value += 1;
    }
    const double x = value - 0.5;
    const double inverse = 1 / (x * x);
    const double series =
        x * (1 + inverse * (1.0 / 24 + inverse * (-37.0 / 5760 + inverse * (10313.0 / 2903040))));
    return moved == 0 ? series : series * portable_exp(moved);
}

}  // namespace curate
