#include <cstdint>

#include <pybind11/pybind11.h>

#include "edited_text.hpp"
#include "whitespace.hpp"

namespace curate {
namespace {

py::tuple call_normalize_whitespace(const py::buffer& offsets, const py::buffer& data,
                                    int64_t first, int64_t rows, bool keep_indentation,
                                    int64_t max_newlines) {
    const HeldText text(offsets, data, first, rows);
    const WhitespaceOptions options{keep_indentation, max_newlines};
    return edited_text<kWhitespaceEdits>(
        text, [&](Bytes document, uint8_t* out, int64_t* counts) {
            return normalize_whitespace(document, options, out, counts);
        });
}

}  // namespace

void bind_whitespace(py::module_& module) {
    module.def("normalize_whitespace", &call_normalize_whitespace);
}

}  // namespace curate
