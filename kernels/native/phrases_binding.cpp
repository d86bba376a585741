#include <cstdint>
#include <memory>

#include <pybind11/pybind11.h>

#include "held_text.hpp"
#include "phrases.hpp"

namespace curate {
namespace {

using Groups = py::array_t<int32_t, py::array::c_style | py::array::forcecast>;

std::unique_ptr<PhraseAutomaton> make_automaton(const py::buffer& offsets, const py::buffer& data,
                                                int64_t first, int64_t rows, const Groups& groups,
                                                int32_t group_count, bool ignore_case,
                                                bool whole_words) {
    const HeldText phrases(offsets, data, first, rows);
    if (groups.size() != rows) throw std::invalid_argument("one group per phrase is needed");
    const int32_t* const group_data = groups.data();
    py::gil_scoped_release release;
    return std::make_unique<PhraseAutomaton>(phrases.view(), group_data, group_count,
                                             PhraseOptions{ignore_case, whole_words});
}

py::tuple call_phrase_counts(const PhraseAutomaton& phrases, const py::buffer& offsets,
                             const py::buffer& data, int64_t first, int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    py::array_t<int64_t> count(rows), characters(rows), first_phrase(rows), length(rows);
    py::array_t<int64_t> group_counts({rows, static_cast<int64_t>(phrases.group_count())});
    const PhraseCountColumns columns{count.mutable_data(), characters.mutable_data(),
                                     first_phrase.mutable_data(), length.mutable_data(),
                                     group_counts.mutable_data()};
    {
        py::gil_scoped_release release;
        phrase_counts(phrases, text.view(), columns);
    }
    return py::make_tuple(count, characters, first_phrase, length, group_counts);
}

py::tuple call_phrase_lines(const PhraseAutomaton& phrases, const py::buffer& offsets,
                            const py::buffer& data, int64_t first, int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    const auto groups = static_cast<int64_t>(phrases.group_count());
    py::array_t<int64_t> lines(rows), paragraphs(rows);
    py::array_t<int64_t> lines_with({rows, groups}), paragraphs_with({rows, groups});
    py::array_t<bool> first_paragraph({rows, groups}), last_paragraph({rows, groups});
    const PhraseLineColumns columns{lines.mutable_data(),           paragraphs.mutable_data(),
                                    lines_with.mutable_data(),      paragraphs_with.mutable_data(),
                                    first_paragraph.mutable_data(), last_paragraph.mutable_data()};
    {
        py::gil_scoped_release release;
        phrase_lines(phrases, text.view(), columns);
    }
    return py::make_tuple(lines, paragraphs, lines_with, paragraphs_with, first_paragraph,
                          last_paragraph);
}

}  // namespace

void bind_phrases(py::module_& module) {
    py::class_<PhraseAutomaton>(module, "PhraseAutomaton")
        .def(py::init(&make_automaton))
        .def("counts", &call_phrase_counts)
        .def("lines", &call_phrase_lines);
}

}  // namespace curate
