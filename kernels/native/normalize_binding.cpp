#include <cstdint>

#include <pybind11/pybind11.h>

#include "held_text.hpp"
#include "normalize.hpp"

namespace curate {
namespace {

py::tuple call_normalized_text(const py::buffer& offsets, const py::buffer& data, int64_t first,
                               int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    py::array_t<uint8_t> bytes(static_cast<py::ssize_t>(normalized_capacity(text.view())));
    py::array_t<int64_t> starts(rows + 1);
    uint8_t* out = bytes.mutable_data();
    int64_t* out_starts = starts.mutable_data();
    size_t written = 0;
    {
        py::gil_scoped_release release;
        written = normalized_text(text.view(), out, out_starts);
    }
    bytes.resize({static_cast<py::ssize_t>(written)});
    return py::make_tuple(starts, bytes);
}

}  // namespace

void bind_normalize(py::module_& module) {
    module.def("normalized_text", &call_normalized_text);
}

}  // namespace curate
