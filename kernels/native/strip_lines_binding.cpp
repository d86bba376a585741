#include <algorithm>
#include <cstdint>
#include <utility>

#include <pybind11/pybind11.h>

#include "held_text.hpp"
#include "owned_array.hpp"
#include "strip_lines.hpp"

namespace curate {
namespace {

py::tuple call_line_table(const py::buffer& offsets, const py::buffer& data, int64_t first,
                          int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    LineTable table;
    {
        py::gil_scoped_release release;
        table = line_table(text.view());
    }
    return py::make_tuple(
        owned_array(std::move(table.first)), owned_array(std::move(table.lines.offsets)),
        owned_array(std::move(table.lines.data)), owned_array(std::move(table.characters)),
        owned_array(std::move(table.words)), owned_array(std::move(table.symbols)));
}

py::tuple call_without_lines(const py::buffer& offsets, const py::buffer& data, int64_t first,
                             int64_t rows, const py::array_t<uint8_t, py::array::c_style>& drop,
                             bool drop_repeated) {
    const HeldText text(offsets, data, first, rows);
    const auto lines = static_cast<int64_t>(drop.size());
    py::array_t<uint8_t> repeated(lines);
    std::fill_n(repeated.mutable_data(), lines, uint8_t{0});
    const uint8_t* flags = drop.data();
    uint8_t* again = repeated.mutable_data();
    GrowingText edited;
    {
        py::gil_scoped_release release;
        without_lines(text.view(), flags, lines, drop_repeated, again, edited);
    }
    return py::make_tuple(owned_array(std::move(edited.offsets)),
                          owned_array(std::move(edited.data)), repeated);
}

}  // namespace

void bind_strip_lines(py::module_& module) {
    module.def("line_table", &call_line_table);
    module.def("without_lines", &call_without_lines);
}

}  // namespace curate
