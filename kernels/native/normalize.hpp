// A canonical form of texts for exact deduplication.
#pragma once

#include <cstddef>
#include <vector>

#include "text_view.hpp"

namespace curate {

// Lower case, white-space runs to one space, none at the ends. `data` must hold
// normalized_capacity(text) bytes, `offsets` text.rows + 1. Returns the bytes written. Throws
// std::invalid_argument for invalid UTF-8.
size_t normalized_capacity(const TextView& text);
size_t normalized_text(const TextView& text, uint8_t* data, int64_t* offsets);

}  // namespace curate
