#include <cstdint>
#include <vector>

#include "ascii_blocks.hpp"
#include "bindings.hpp"
#include "held_text.hpp"
#include "words.hpp"

namespace curate {
namespace {

py::tuple call_word_statistics(const py::buffer& offsets, const py::buffer& data, int64_t first,
                               int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    py::array_t<int64_t> count(rows), stop_words(rows);
    py::array_t<double> mean_length(rows), alphabetic(rows), hashes(rows), ellipses(rows);
    const WordStatisticsColumns columns{count.mutable_data(),      mean_length.mutable_data(),
                                        alphabetic.mutable_data(), hashes.mutable_data(),
                                        ellipses.mutable_data(),   stop_words.mutable_data()};
    {
        py::gil_scoped_release release;
        word_statistics(text.view(), columns);
    }
    return py::make_tuple(count, mean_length, alphabetic, hashes, ellipses, stop_words);
}

py::array_t<int64_t> as_array(const std::vector<int64_t>& values) {
    return py::array_t<int64_t>(static_cast<py::ssize_t>(values.size()), values.data());
}

py::tuple call_word_spans(const py::buffer& offsets, const py::buffer& data, int64_t first,
                          int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    WordSpans spans;
    {
        py::gil_scoped_release release;
        spans = word_spans(text.view());
    }
    return py::make_tuple(as_array(spans.first), as_array(spans.begin), as_array(spans.end));
}

}  // namespace

void bind_words(py::module_& module) {
    module.def("word_statistics", &call_word_statistics);
    module.def("word_spans", &call_word_spans);
    module.def("instruction_set", &instruction_set);
}

}  // namespace curate
