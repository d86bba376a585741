// One loop over the documents of an array; errors name the row.
#pragma once

#include <stdexcept>
#include <string>

#include "text_view.hpp"

namespace curate {

template <class Work>
void for_each_row(const TextView& text, Work work) {
    for (int64_t row = 0; row < text.rows; ++row) {
        try {
            work(row, text[row]);
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument("row " + std::to_string(row) + ": " + error.what());
        }
    }
}

}  // namespace curate
