#include <cstdint>
#include <stdexcept>
#include <utility>

#include <pybind11/pybind11.h>

#include "held_text.hpp"
#include "owned_array.hpp"
#include "text_units.hpp"

namespace curate {
namespace {

using Hashes = py::array_t<int64_t, py::array::c_style>;

UnitSpec spec_of(int kind, bool normalize, uint32_t sentences) {
    if (kind < 0 || kind > 2 || sentences < 1) throw std::invalid_argument("no such unit");
    return {static_cast<UnitKind>(kind), normalize, sentences};
}

py::tuple call_unit_table(const py::buffer& offsets, const py::buffer& data, int64_t first,
                          int64_t rows, int kind, bool normalize, uint32_t sentences) {
    const HeldText text(offsets, data, first, rows);
    const UnitSpec spec = spec_of(kind, normalize, sentences);
    UnitTable table;
    {
        py::gil_scoped_release release;
        table = unit_table(text.view(), spec);
    }
    return py::make_tuple(owned_array(std::move(table.first)),
                          owned_array(std::move(table.characters)),
                          owned_array(std::move(table.digests)));
}

py::tuple call_without_units(const py::buffer& offsets, const py::buffer& data, int64_t first,
                             int64_t rows, int kind, bool normalize, uint32_t sentences,
                             const Hashes& wanted_first, const Hashes& wanted) {
    const HeldText text(offsets, data, first, rows);
    const UnitSpec spec = spec_of(kind, normalize, sentences);
    const int64_t* const starts = wanted_first.data();
    if (wanted_first.size() != rows + 1 || starts[0] < 0 || starts[rows] > wanted.size())
        throw std::invalid_argument("the lists of hashes do not fit the rows");
    for (int64_t row = 0; row < rows; ++row) {
        if (starts[row + 1] < starts[row]) throw std::invalid_argument("list offsets decrease");
    }
    const int64_t* const hashes = wanted.data();
    UnitEdit edit;
    {
        py::gil_scoped_release release;
        without_units(text.view(), spec, starts, hashes, edit);
    }
    return py::make_tuple(
        owned_array(std::move(edit.text.offsets)), owned_array(std::move(edit.text.data)),
        owned_array(std::move(edit.units)), owned_array(std::move(edit.removed)),
        owned_array(std::move(edit.characters_before)),
        owned_array(std::move(edit.characters_left)), owned_array(std::move(edit.chosen)),
        owned_array(std::move(edit.chosen_text.offsets)),
        owned_array(std::move(edit.chosen_text.data)));
}

py::tuple call_normal_forms(const py::buffer& offsets, const py::buffer& data, int64_t first,
                            int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    GrowingText forms;
    {
        py::gil_scoped_release release;
        normal_forms(text.view(), forms);
    }
    return py::make_tuple(owned_array(std::move(forms.offsets)),
                          owned_array(std::move(forms.data)));
}

}  // namespace

void bind_text_units(py::module_& module) {
    module.def("unit_table", &call_unit_table);
    module.def("without_units", &call_without_units);
    module.def("normal_forms", &call_normal_forms);
}

}  // namespace curate
