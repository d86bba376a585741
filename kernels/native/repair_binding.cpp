#include <cstdint>
#include <vector>

#include <pybind11/pybind11.h>

#include "edited_text.hpp"
#include "held_text.hpp"
#include "repair.hpp"

namespace curate {
namespace {

template <class Value>
py::array_t<Value> as_array(const std::vector<Value>& values) {
    return py::array_t<Value>(static_cast<py::ssize_t>(values.size()), values.data());
}

py::tuple call_suspect_lines(const py::buffer& offsets, const py::buffer& data, int64_t first,
                             int64_t rows, int form, bool ligatures, bool know_mojibake) {
    const HeldText text(offsets, data, first, rows);
    const SuspectOptions options{static_cast<NormalForm>(form), ligatures, know_mojibake};
    SuspectLines lines;
    {
        py::gil_scoped_release release;
        lines = suspect_lines(text.view(), options);
    }
    return py::make_tuple(as_array(lines.row), as_array(lines.begin), as_array(lines.end),
                          as_array(lines.kind));
}

py::array_t<int64_t> call_code_points(const py::buffer& offsets, const py::buffer& data,
                                      int64_t first, int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    py::array_t<int64_t> counts(rows);
    int64_t* const out = counts.mutable_data();
    py::gil_scoped_release release;
    for (int64_t row = 0; row < rows; ++row) out[row] = count_code_points(text.view()[row]);
    return counts;
}

}  // namespace

void bind_repair(py::module_& module) {
    module.def("suspect_lines", &call_suspect_lines);
    module.def("code_points", &call_code_points);
}

}  // namespace curate
