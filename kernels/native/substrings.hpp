// Rows by which repeated windows of documents meet: anchors, fragments, single windows.
#pragma once

#include <cstdint>
#include <vector>

#include "anchors.hpp"
#include "text_view.hpp"

namespace curate {

struct SubstringShape {
    WindowShape window;
    size_t unit_bytes;    // 1: UTF-8 bytes; 4: token ids
    size_t part_windows;  // most windows of a fragment
    // Copies of one content in one document that are told apart; further ones are surely removed.
    int64_t told_apart;
};

// Which windows of a document a kernel looks at, and what is known already.
enum class SpanKind : uint8_t {
    Compare = 0,   // windows from begin to end - window are still to be compared
    Removed = 1,   // units begin to end are repeated
    Frequent = 2,  // units begin to end occur in `documents` documents (for the list of evidence)
};

// Columns of rows that one document gives. `windows` is the number of windows of a fragment (1 for a
// single window); `places` the units at which its copies begin. A row with windows = 0 carries spans
// that are known: (begin, end, documents) with documents = 0 for removed ones.
struct SubstringRows {
    std::vector<int64_t> row;
    std::vector<uint8_t> keys;  // 16 bytes each
    std::vector<int64_t> fragment;
    std::vector<uint32_t> windows;
    std::vector<int32_t> first_place{0};
    std::vector<uint32_t> places;
};

struct AnchorRows {
    std::vector<int64_t> row;
    std::vector<uint8_t> keys;
};

// What an earlier phase found in the documents: rows first[r] to first[r + 1] of document r.
struct SpanView {
    const int64_t* first;
    const uint8_t* kind;
    const uint32_t* begin;
    const uint32_t* end;
    const uint32_t* documents;
};

// Every anchor of every document, once, or twice where it occurs again in the document. seeds: one per
// document; equal anchors of documents with different seeds have different keys.
void anchor_rows(const TextView& text, const SubstringShape& shape, const uint64_t* seeds,
                 AnchorRows& out);

// Fragments (all units of up to `part_windows` windows side by side that share an anchor), keyed by the
// units that these windows have in common, of anchors whose key begins with one of the ascending `marks`
// first[r] to first[r + 1] of document r.
void fragment_rows(const TextView& text, const SubstringShape& shape, const uint64_t* seeds,
                   const int64_t* first, const uint64_t* marks, SubstringRows& out);

// The single windows of spans to be compared; the other spans as one row per document.
void window_rows(const TextView& text, const SubstringShape& shape, const uint64_t* seeds,
                 const SpanView& spans, SubstringRows& out);

}  // namespace curate
