// White space in one form: lines end with LF, the other spaces are U+0020 or TAB, none at line ends.
#pragma once

#include <cstdint>

#include "text_view.hpp"

namespace curate {

struct WhitespaceOptions {
    bool keep_indentation;
    int64_t max_newlines;  // line ends in a row
};

enum WhitespaceEdit : int {
    kLineEndsChanged,   // became LF
    kNewlinesRemoved,   // line ends above `max_newlines`
    kSpacesChanged,     // became U+0020
    kSpacesRemoved,     // in runs, at line ends, and indentation that is not kept
    kWhitespaceEdits
};

// Writes at most text.size bytes to `out` and returns their end. Bytes that are not white space are
// copied, valid UTF-8 or not.
uint8_t* normalize_whitespace(Bytes text, const WhitespaceOptions& options, uint8_t* out,
                              int64_t* counts);

}  // namespace curate
