// Lines of documents as a table, and documents without some of their lines.
#pragma once

#include <cstdint>
#include <vector>

#include "growing_text.hpp"
#include "text_view.hpp"

namespace curate {

// One entry per line of str.splitlines that is not blank; `first[row]` is the number of lines
// before the row.
struct LineTable {
    std::vector<int64_t> first;
    GrowingText lines;  // without white space at their ends
    std::vector<int64_t> characters;
    std::vector<int64_t> words;    // runs without white space
    std::vector<int64_t> symbols;  // neither letters, numbers, marks nor white space
};

// Both throw std::invalid_argument for invalid UTF-8.
LineTable line_table(const TextView& text);

// The documents without the lines of the table whose `drop` is not 0, each with its line end. With
// `drop_repeated` also without a line that is the one before it in what is left (blank lines
// between them do not matter); `repeated` is set there.
void without_lines(const TextView& text, const uint8_t* drop, int64_t lines, bool drop_repeated,
                   uint8_t* repeated, GrowingText& edited);

}  // namespace curate
