#include <cstdint>
#include <vector>

#include <pybind11/pybind11.h>

#include "edited_text.hpp"
#include "markup.hpp"

namespace curate {
namespace {

py::tuple call_remove_markup(const py::buffer& offsets, const py::buffer& data, int64_t first,
                             int64_t rows, bool html, bool wiki) {
    const HeldText text(offsets, data, first, rows);
    std::vector<uint8_t> between;
    return edited_text<kMarkupEdits>(text, [&](Bytes document, uint8_t* out, int64_t* counts) {
        if (wiki && html) {
            between.resize(document.size);
            uint8_t* const end = remove_wiki(document, between.data(), counts);
            document = {between.data(), static_cast<size_t>(end - between.data())};
        } else if (wiki) {
            return remove_wiki(document, out, counts);
        }
        return remove_html(document, out, counts);
    });
}

}  // namespace

void bind_markup(py::module_& module) { module.def("remove_markup", &call_remove_markup); }

}  // namespace curate
