#include <cstdint>
#include <memory>

#include <pybind11/pybind11.h>

#include "held_text.hpp"
#include "text_set.hpp"

namespace curate {
namespace {

std::unique_ptr<TextSet> make_set(const py::buffer& offsets, const py::buffer& data, int64_t first,
                                  int64_t rows) {
    const HeldText entries(offsets, data, first, rows);
    py::gil_scoped_release release;
    return std::make_unique<TextSet>(entries.view());
}

template <void (*look_up)(const TextSet&, const TextView&, int64_t*)>
py::array_t<int64_t> call(const TextSet& set, const py::buffer& offsets, const py::buffer& data,
                          int64_t first, int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    py::array_t<int64_t> found(rows);
    int64_t* const values = found.mutable_data();
    {
        py::gil_scoped_release release;
        look_up(set, text.view(), values);
    }
    return found;
}

}  // namespace

void bind_text_set(py::module_& module) {
    py::class_<TextSet>(module, "TextSet")
        .def(py::init(&make_set))
        .def("find", &call<find_texts>)
        .def("find_parents", &call<find_parents>)
        .def("count_tokens", &call<count_tokens>);
}

}  // namespace curate
