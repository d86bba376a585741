// Lines, paragraphs and windows of sentences: their normal forms, hashes, and texts without some of
// them.
#pragma once

#include <cstdint>
#include <vector>

#include "growing_text.hpp"
#include "text_view.hpp"

namespace curate {

enum class UnitKind : uint8_t { Line, Paragraph, Sentences };

struct UnitSpec {
    UnitKind kind;
    bool normalize;       // compare normal forms, not the bytes between white space
    uint32_t sentences;   // of a window
};

// Entries of a row lie from first[row] to first[row + 1].
struct UnitTable {
    std::vector<int64_t> first{0};
    std::vector<int64_t> characters;  // code points of what is compared
    std::vector<uint8_t> digests;     // 16 bytes each
};

struct UnitEdit {
    GrowingText text;
    std::vector<int64_t> units, removed, characters_before, characters_left;  // per row
    std::vector<int64_t> chosen;  // index into the wanted hashes, each once per row
    GrowingText chosen_text;      // its first unit of the row, without white space around it
};

// Every distinct unit of every document. A unit whose normal form is empty is none. All throw
// std::invalid_argument for invalid UTF-8.
UnitTable unit_table(const TextView& text, const UnitSpec& spec);

// Documents without the units whose hash (first 8 bytes of the digest, big-endian) is wanted; row r
// wants the ascending hashes from first[r] to first[r + 1].
void without_units(const TextView& text, const UnitSpec& spec, const int64_t* first,
                   const int64_t* wanted, UnitEdit& edit);

// Lower case, every number character 0, white space single, nothing but letters, numbers, marks.
void normal_forms(const TextView& text, GrowingText& forms);

}  // namespace curate
