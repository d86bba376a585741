#include <cstdint>
#include <memory>

#include <pybind11/pybind11.h>

#include "dictionary.hpp"

namespace curate {
namespace {

namespace py = pybind11;

std::shared_ptr<Dictionary> read_dictionary(const py::buffer& data) {
    const py::buffer_info held = data.request();
    const Bytes bytes{static_cast<const uint8_t*>(held.ptr),
                      static_cast<size_t>(held.size * held.itemsize)};
    py::gil_scoped_release release;
    return std::make_shared<Dictionary>(bytes);
}

}  // namespace

void bind_dictionary(py::module_& module) {
    py::class_<Dictionary, std::shared_ptr<Dictionary>>(module, "Dictionary")
        .def(py::init(&read_dictionary))
        .def_property_readonly("version", &Dictionary::version)
        .def_property_readonly("words", &Dictionary::words);
}

}  // namespace curate
