// One pass over the text: every signal that a chain asks for is measured on the same document while
// it is in the cache, from parts that are computed once and only when somebody asks for them.
//
// A *family* is a set of signals that are measured together. To add one: define `const Family
// <name>_family` in a file of its own, declare it below and list it in `kFamilies` (measure.cpp).
// `Family::start` gets the options and the columns of one call and returns the work for one
// document; what the work captures is its scratch memory, reused from document to document.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "document.hpp"
#include "text_view.hpp"

namespace curate {

struct Signal {
    enum class Kind : uint8_t { Count, Fraction };  // int64, float64
    std::string name;
    Kind kind;
    bool of_words;  // null where the words of a document are not known
};

// Where a signal goes: `counts` of a Count, `fractions` of a Fraction, one value per row.
union Column {
    int64_t* counts;
    double* fractions;
};

// Integers whose meaning is the family's: bounds in characters or words, sets of code points.
using Options = std::vector<int64_t>;
using Columns = std::vector<Column>;  // in the order of the family's signals

struct Family {
    std::string name;
    std::vector<Signal> signals;
    // Throws std::invalid_argument for options that the family does not know.
    std::function<std::function<void(Document&, int64_t row)>(const Options&, Columns)> start;
};

extern const Family characters_family;
extern const Family code_family;
extern const Family fineweb_family;
extern const Family length_family;
extern const Family lines_family;
extern const Family ngrams_family;
extern const Family repetition_family;
extern const Family words_family;

const std::vector<const Family*>& families();

struct Request {
    const Family* family;
    Options options;
    Columns columns;
};

// Fills the columns of every request, row by row. `known` (one byte per row) says whether the words
// of a row are known. Throws InvalidUtf8 or std::invalid_argument with the row in front.
void measure(const TextView& text, const WordSource& words, const std::vector<Request>& requests,
             uint8_t* known);

}  // namespace curate
