// Cuts texts into pre-tokens and counts them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pretoken_table.hpp"
#include "text_view.hpp"

namespace curate {

enum class PretokenPattern : uint8_t { Gpt2, Gpt4, Metaspace, Words };

// Longest piece of a run of digits; AsPattern leaves it to the pattern.
enum class DigitRuns : uint8_t { AsPattern = 0, Single = 1, Triples = 3 };

inline constexpr size_t kStretchCharacters = 64;

// Adds the pieces of every text; throws std::invalid_argument for invalid UTF-8.
void count_pretokens(const TextView& text, PretokenPattern pattern, DigitRuns digits,
                     PretokenTable& table);

}  // namespace curate
