// Texts without given spans of bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "text_view.hpp"

namespace curate {

// Spans of one document: ascending, (begin, end) after each other.
struct SpanPairs {
    const uint32_t* values;
    int64_t count;  // of values
};

struct CutCounts {
    int64_t spans;
    int64_t characters;
};

// Writes `document` without its spans to `out` and returns the end of what it wrote. Spans that are at
// most `merge_gap` bytes apart are one, with what lies between. A span that begins or ends inside a
// character leaves that character. Throws std::invalid_argument for spans out of order or outside.
uint8_t* cut_spans(Bytes document, SpanPairs spans, size_t merge_gap, uint8_t* out,
                   CutCounts& counts);

}  // namespace curate
