// Line statistics of documents, with the lines of Python's str.splitlines.
#pragma once

#include "text_view.hpp"

namespace curate {

struct LineStatisticsColumns {
    int64_t* count;
    double* bullet_fraction;
    double* ellipsis_fraction;
};

// Throws std::invalid_argument for invalid UTF-8 at the beginning of a line.
void line_statistics(const TextView& text, const LineStatisticsColumns& columns);

}  // namespace curate
