// Word statistics of documents, and the words themselves.
#pragma once

#include <cstdint>
#include <vector>

#include "text_view.hpp"

namespace curate {

struct WordStatisticsColumns {
    int64_t* count;
    double* mean_length;
    double* alphabetic_fraction;
    double* hash_per_word;
    double* ellipsis_per_word;
    int64_t* stop_words;
};

// Words as byte ranges into the data of the array; `first[row]` is the number of words before the
// row.
struct WordSpans {
    std::vector<int64_t> first;
    std::vector<int64_t> begin;
    std::vector<int64_t> end;
};

// Both throw InvalidUtf8 with the row in front.
void word_statistics(const TextView& text, const WordStatisticsColumns& columns);
WordSpans word_spans(const TextView& text);

}  // namespace curate
