#include <pybind11/pybind11.h>

#include <string>
#include <string_view>

#include "html_content.hpp"
#include "html_render.hpp"

namespace curate {
namespace {

namespace py = pybind11;

py::tuple call_main_text(const py::str& markup) {
    Py_ssize_t size = 0;
    const char* data = PyUnicode_AsUTF8AndSize(markup.ptr(), &size);
    if (data == nullptr) throw py::error_already_set();
    std::string text, title, language;
    {
        py::gil_scoped_release release;
        const html::Page page = html::read_page({data, static_cast<size_t>(size)});
        const html::Blocks blocks = html::find_blocks(page);
        text = html::render(page, blocks, html::choose_content(page, blocks));
        title = html::plain_line(page.title);
        language = html::plain_line(page.language);
    }
    return py::make_tuple(text, title, language);
}

}  // namespace

void bind_html(py::module_& module) { module.def("main_text", &call_main_text); }

}  // namespace curate
