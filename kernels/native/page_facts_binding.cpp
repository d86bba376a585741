#include <pybind11/pybind11.h>

#include "page_facts.hpp"

namespace py = pybind11;

namespace curate {
namespace {

py::str to_python(std::string_view text) {
    PyObject* made =
        PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr);
    if (made == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::str>(made);
}

py::list call_page_facts(const py::str& html) {
    Py_ssize_t size = 0;
    const char* data = PyUnicode_AsUTF8AndSize(html.ptr(), &size);
    if (data == nullptr) throw py::error_already_set();
    std::vector<Fact> facts;
    {
        py::gil_scoped_release release;
        facts = page_facts({data, static_cast<size_t>(size)});
    }
    py::list made;
    for (const Fact& fact : facts) {
        made.append(
            py::make_tuple(to_python(fact.kind), to_python(fact.key), to_python(fact.value)));
    }
    return made;
}

}  // namespace

void bind_page_facts(py::module_& module) { module.def("page_facts", &call_page_facts); }

}  // namespace curate
