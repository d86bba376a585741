// The line edits of C4 and what its document rules look at.
#pragma once

#include <cstdint>

#include "growing_text.hpp"
#include "phrase_automaton.hpp"
#include "text_view.hpp"

namespace curate {

enum class C4Pieces : uint8_t { Lines, Sentences };

// Groups of the phrases that `phrases` finds, and rows of the first two.
enum C4Phrase : int32_t { kLoremIpsum, kJavascript, kPolicy, kC4Phrases };

struct C4Rules {
    C4Pieces pieces;
    int64_t max_word_characters;  // INT64_MAX for none
    int64_t min_words;            // 0 for none
    bool remove_citations;
    bool require_terminal_punctuation;
    bool remove_javascript;
    const PhraseAutomaton* phrases;
};

// Columns of c4_lines, in this order, one value per document.
enum C4Count : int {
    kPieces,
    kRemoved,
    kRemovedLongWord,
    kRemovedNoPunctuation,
    kRemovedFewWords,
    kRemovedJavascript,
    kRemovedPolicy,
    kCitations,
    kLoremIpsumPieces,
    kCurlyBracketPieces,
    kSentences,
    kCharactersBefore,
    kC4Counts
};

// `counts` holds kC4Counts columns of text.rows values. Throws std::invalid_argument for invalid
// UTF-8 where it looks.
void c4_lines(const TextView& text, const C4Rules& rules, GrowingText& edited, int64_t* counts);

// Pieces between LF with at least `min_characters` code points.
void long_line_counts(const TextView& text, int64_t min_characters, int64_t* counts);

}  // namespace curate
