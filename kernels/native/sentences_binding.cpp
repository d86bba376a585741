#include <cstdint>
#include <vector>

#include <pybind11/pybind11.h>

#include "held_text.hpp"
#include "sentences.hpp"

namespace curate {
namespace {

py::array_t<int64_t> call_sentence_counts(const py::buffer& offsets, const py::buffer& data,
                                          int64_t first, int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    py::array_t<int64_t> counts(rows);
    int64_t* out = counts.mutable_data();
    {
        py::gil_scoped_release release;
        sentence_counts(text.view(), out);
    }
    return counts;
}

py::array_t<int64_t> as_array(const std::vector<int64_t>& values) {
    return py::array_t<int64_t>(static_cast<py::ssize_t>(values.size()), values.data());
}

py::tuple call_sentence_spans(const py::buffer& offsets, const py::buffer& data, int64_t first,
                              int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    SentenceSpans spans;
    {
        py::gil_scoped_release release;
        spans = sentence_spans(text.view());
    }
    return py::make_tuple(as_array(spans.first), as_array(spans.begin), as_array(spans.end));
}

}  // namespace

void bind_sentences(py::module_& module) {
    module.def("sentence_counts", &call_sentence_counts);
    module.def("sentence_spans", &call_sentence_spans);
}

}  // namespace curate
