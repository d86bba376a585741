#include <cstdint>
#include <string>

#include <pybind11/pybind11.h>

#include "hashes.hpp"
#include "held_text.hpp"

namespace curate {
namespace {

py::array_t<uint8_t> call_text_hash_128(const py::buffer& offsets, const py::buffer& data,
                                        int64_t first, int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    py::array_t<uint8_t> digests(16 * rows);
    uint8_t* out = digests.mutable_data();
    py::gil_scoped_release release;
    text_hash_128(text.view(), out);
    return digests;
}

py::array_t<uint64_t> call_prefixed_hash_64(const py::bytes& prefix, const py::buffer& offsets,
                                            const py::buffer& data, int64_t first, int64_t rows) {
    const HeldText keys(offsets, data, first, rows);
    const std::string held(prefix);
    py::array_t<uint64_t> values(rows);
    uint64_t* out = values.mutable_data();
    py::gil_scoped_release release;
    prefixed_hash_64({reinterpret_cast<const uint8_t*>(held.data()), held.size()}, keys.view(),
                     out);
    return values;
}

}  // namespace

void bind_hashes(py::module_& module) {
    module.def("text_hash_128", &call_text_hash_128);
    module.def("prefixed_hash_64", &call_prefixed_hash_64);
}

}  // namespace curate
