// Sentences of documents by UAX #29: how many, and where.
#pragma once

#include <cstdint>
#include <vector>

#include "text_view.hpp"

namespace curate {

// Sentences as byte ranges into the data of the array; `first[row]` is the number of sentences
// before the row.
struct SentenceSpans {
    std::vector<int64_t> first;
    std::vector<int64_t> begin;
    std::vector<int64_t> end;
};

// Sentences with a character that is not white space. Throws InvalidUtf8.
int64_t count_sentences(Bytes text);

// Both throw InvalidUtf8 with the row in front.
void sentence_counts(const TextView& text, int64_t* counts);
SentenceSpans sentence_spans(const TextView& text);

}  // namespace curate
