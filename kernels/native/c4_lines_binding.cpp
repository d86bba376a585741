#include <cstdint>
#include <limits>
#include <vector>

#include <pybind11/pybind11.h>

#include "c4_lines.hpp"
#include "held_text.hpp"
#include "owned_array.hpp"

namespace curate {
namespace {

// phrases: those of lorem ipsum and javascript, then those of policies.
py::tuple call_c4_lines(const py::buffer& offsets, const py::buffer& data, int64_t first,
                        int64_t rows, const py::buffer& phrase_offsets,
                        const py::buffer& phrase_data, int64_t phrase_first, int64_t phrase_rows,
                        bool sentences, int64_t max_word_characters, int64_t min_words,
                        bool remove_citations, bool require_terminal_punctuation,
                        bool remove_javascript) {
    const HeldText text(offsets, data, first, rows);
    const HeldText phrases(phrase_offsets, phrase_data, phrase_first, phrase_rows);
    py::array_t<int64_t> counts(
        {static_cast<py::ssize_t>(kC4Counts), static_cast<py::ssize_t>(rows)});
    int64_t* out = counts.mutable_data();
    GrowingText edited;
    {
        py::gil_scoped_release release;
        std::vector<int32_t> groups(static_cast<size_t>(phrase_rows), kPolicy);
        for (size_t row = 0; row < groups.size() && row < kPolicy; ++row) {
            groups[row] = static_cast<int32_t>(row);
        }
        const PhraseAutomaton automaton(phrases.view(), groups.data(), kC4Phrases,
                                        {/*ignore_case=*/true, /*whole_words=*/false});
        const C4Rules rules{sentences ? C4Pieces::Sentences : C4Pieces::Lines,
                            max_word_characters,
                            min_words,
                            remove_citations,
                            require_terminal_punctuation,
                            remove_javascript,
                            &automaton};
        c4_lines(text.view(), rules, edited, out);
    }
    return py::make_tuple(owned_array(std::move(edited.offsets)),
                          owned_array(std::move(edited.data)), counts);
}

py::array_t<int64_t> call_long_line_counts(const py::buffer& offsets, const py::buffer& data,
                                           int64_t first, int64_t rows, int64_t min_characters) {
    const HeldText text(offsets, data, first, rows);
    py::array_t<int64_t> counts(rows);
    int64_t* out = counts.mutable_data();
    {
        py::gil_scoped_release release;
        long_line_counts(text.view(), min_characters, out);
    }
    return counts;
}

}  // namespace

void bind_c4_lines(py::module_& module) {
    module.def("c4_lines", &call_c4_lines);
    module.def("long_line_counts", &call_long_line_counts);
}

}  // namespace curate
