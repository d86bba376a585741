#include <cstdint>
#include <stdexcept>
#include <utility>

#include <pybind11/pybind11.h>

#include "hashed_features.hpp"
#include "held_text.hpp"
#include "owned_array.hpp"

namespace curate {
namespace {

FeatureSpec feature_spec(uint32_t bucket_bits, bool word_pairs, uint32_t characters) {
    if (bucket_bits < 1 || bucket_bits > 24) {
        throw std::invalid_argument("bucket bits are between 1 and 24");
    }
    if (characters > 64) throw std::invalid_argument("a character n-gram has at most 64");
    return {bucket_bits, word_pairs, characters};
}

py::tuple call_hashed_features(const py::buffer& offsets, const py::buffer& data, int64_t first,
                               int64_t rows, uint32_t bucket_bits, bool word_pairs,
                               uint32_t characters) {
    const HeldText text(offsets, data, first, rows);
    const FeatureSpec spec = feature_spec(bucket_bits, word_pairs, characters);
    Features features;
    {
        py::gil_scoped_release release;
        features = hashed_features(text.view(), spec);
    }
    return py::make_tuple(owned_array(std::move(features.first)),
                          owned_array(std::move(features.buckets)),
                          owned_array(std::move(features.counts)));
}

using Weights = py::array_t<uint16_t, py::array::c_style>;
using Table = py::array_t<int8_t, py::array::c_style>;

py::array_t<int8_t> call_embedded_features(const py::buffer& offsets, const py::buffer& data,
                                           int64_t first, int64_t rows, uint32_t bucket_bits,
                                           bool word_pairs, uint32_t characters,
                                           const Weights& weights, const Weights& count_weights,
                                           const Table& table) {
    const HeldText text(offsets, data, first, rows);
    const FeatureSpec spec = feature_spec(bucket_bits, word_pairs, characters);
    const auto buckets = py::ssize_t{1} << bucket_bits;
    if (weights.ndim() != 1 || weights.shape(0) != buckets || table.ndim() != 2 ||
        table.shape(0) != buckets || table.shape(1) < 1 || count_weights.ndim() != 1 ||
        count_weights.shape(0) < 1) {
        throw std::invalid_argument("weights and table have one row per bucket");
    }
    for (py::ssize_t index = 0; index < count_weights.shape(0); ++index) {
        if (count_weights.at(index) > 4095) {
            throw std::invalid_argument("weights of counts are at most 4095");
        }
    }
    const Projection projection{weights.data(), count_weights.data(),
                                static_cast<uint32_t>(count_weights.shape(0)), table.data(),
                                static_cast<uint32_t>(table.shape(1))};
    py::array_t<int8_t> embeddings({static_cast<py::ssize_t>(rows), table.shape(1)});
    int8_t* out = embeddings.mutable_data();
    py::gil_scoped_release release;
    embedded_features(text.view(), spec, projection, out);
    return embeddings;
}

}  // namespace

void bind_hashed_features(py::module_& module) {
    module.def("hashed_features", &call_hashed_features);
    module.def("embedded_features", &call_embedded_features);
}

}  // namespace curate
