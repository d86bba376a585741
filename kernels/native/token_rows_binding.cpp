#include <cstdint>
#include <stdexcept>
#include <utility>

#include <pybind11/pybind11.h>

#include "held_text.hpp"
#include "token_rows.hpp"

namespace curate {
namespace {

template <typename Item>
using Contiguous = py::array_t<Item, py::array::c_style>;

template <typename Id>
std::pair<py::array_t<Id>, int64_t> call_close_documents(const Contiguous<uint32_t>& ids,
                                                         const Contiguous<int64_t>& offsets,
                                                         const Contiguous<uint8_t>& allowed,
                                                         uint32_t end) {
    const int64_t rows = offsets.size() - 1;
    const int64_t* places = offsets.data();
    if (rows < 0 || places[0] != 0 || places[rows] != ids.size()) {
        throw std::invalid_argument("offsets do not cover the ids");
    }
    for (int64_t row = 0; row < rows; ++row) {
        if (places[row + 1] < places[row]) throw std::invalid_argument("offsets decrease");
    }
    py::array_t<Id> closed(ids.size() + rows);
    Id* out = closed.mutable_data();
    const uint32_t* in = ids.data();
    const uint8_t* table = allowed.data();
    const uint32_t vocabulary = static_cast<uint32_t>(allowed.size());
    int64_t wrong;
    {
        py::gil_scoped_release release;
        wrong = close_documents<Id>(in, places, rows, table, vocabulary, static_cast<Id>(end), out);
    }
    return {std::move(closed), wrong};
}

template <typename Id>
py::array_t<Id> call_encode_bytes(const py::buffer& offsets, const py::buffer& data, int64_t first,
                                  int64_t rows, const Contiguous<uint32_t>& table, uint32_t end) {
    if (table.size() != 256) throw std::invalid_argument("a table of bytes has 256 ids");
    const HeldText text(offsets, data, first, rows);
    const TextView view = text.view();
    const int64_t bytes = rows ? view.offsets[rows] - view.offsets[0] : 0;
    py::array_t<Id> ids(bytes + rows);
    Id* out = ids.mutable_data();
    const uint32_t* in = table.data();
    py::gil_scoped_release release;
    encode_bytes<Id>(view, in, static_cast<Id>(end), out);
    return ids;
}

}  // namespace

void bind_token_rows(py::module_& module) {
    module.def("close_documents_16", &call_close_documents<uint16_t>);
    module.def("close_documents_32", &call_close_documents<uint32_t>);
    module.def("encode_bytes_16", &call_encode_bytes<uint16_t>);
    module.def("encode_bytes_32", &call_encode_bytes<uint32_t>);
}

}  // namespace curate
