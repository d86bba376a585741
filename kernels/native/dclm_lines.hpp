// The line edits of DCLM-Baseline's reproduction of RefinedWeb.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "growing_text.hpp"
#include "text_view.hpp"

namespace curate {

enum class PhrasePlace : uint8_t { Anywhere, End, Start };

// A phrase in lower case by code points; kAnyCharacter stands for any one.
inline constexpr uint32_t kAnyCharacter = 0x110000;
using Phrase = std::vector<uint32_t>;

struct PhraseEdit {
    PhrasePlace place;
    std::vector<Phrase> phrases;
};

// A step that is off removes nothing and strips nothing.
struct DclmRules {
    bool has_max_uppercase;
    double max_uppercase;
    bool has_max_numeric;
    double max_numeric;
    std::vector<std::string> counter_words;  // ASCII in lower case; none: off
    int64_t min_words;                       // 0 for none
    int64_t max_phrase_words;                // longest line whose phrases are cut out
    std::vector<PhraseEdit> edits;           // in order
};

// Columns of dclm_lines, in this order, one value per document.
enum DclmCount : int {
    kDclmRemoved,
    kDclmRemovedUppercase,
    kDclmRemovedNumeric,
    kDclmRemovedCounter,
    kDclmRemovedShort,
    kDclmRemovedPhrase,
    kDclmLinesCut,
    kDclmWordsBefore,
    kDclmWordsRemoved,
    kDclmCharactersBefore,
    kDclmCounts
};

// `counts` holds kDclmCounts columns of text.rows values. Throws std::invalid_argument for invalid
// UTF-8 where it looks.
void dclm_lines(const TextView& text, const DclmRules& rules, GrowingText& edited, int64_t* counts);

// Case of the phrases: lower case, one character for one, and as Python's re.IGNORECASE has it for
// letters of ASCII (U+0131 is an i, U+017F an s).
uint32_t fold_phrase_character(uint32_t code_point);

}  // namespace curate
