// Vectors handed to NumPy without a copy.
#pragma once

#include <pybind11/numpy.h>

#include <memory>
#include <utility>
#include <vector>

namespace curate {

template <class Value>
pybind11::array_t<Value> owned_array(std::vector<Value>&& values) {
    auto held = std::make_unique<std::vector<Value>>(std::move(values));
    const auto size = static_cast<pybind11::ssize_t>(held->size());
    Value* data = held->data();
    const pybind11::capsule owner(
        held.get(), [](void* vector) { delete static_cast<std::vector<Value>*>(vector); });
    held.release();
    return pybind11::array_t<Value>(size, data, owner);
}

}  // namespace curate
