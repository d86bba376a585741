// Matches of a list of phrases in documents: how many, how long, in how many lines and paragraphs.
#pragma once

#include <cstdint>

#include "phrase_automaton.hpp"
#include "text_view.hpp"

namespace curate {

// Arrays of `rows`, the last of rows x groups.
struct PhraseCountColumns {
    int64_t* count;
    int64_t* characters;
    int64_t* first;  // phrase of the first match, or -1
    int64_t* text_characters;
    int64_t* group_counts;
};

// Arrays of `rows`, then of rows x groups.
struct PhraseLineColumns {
    int64_t* lines;
    int64_t* paragraphs;
    int64_t* lines_with;
    int64_t* paragraphs_with;
    bool* first_paragraph;
    bool* last_paragraph;
};

// Both throw std::invalid_argument with the row where text is met that is no UTF-8.
void phrase_counts(const PhraseAutomaton& phrases, const TextView& text,
                   const PhraseCountColumns& columns);
void phrase_lines(const PhraseAutomaton& phrases, const TextView& text,
                  const PhraseLineColumns& columns);

}  // namespace curate
