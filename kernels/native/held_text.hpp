// A text array that Python passes in, as the kernels see it.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "text_view.hpp"

namespace curate {

namespace py = pybind11;

// Keeps the buffers of one array alive and checks the offsets that the kernels will trust.
class HeldText {
public:
    HeldText(const py::buffer& offsets, const py::buffer& data, int64_t first, int64_t rows)
        : offsets_(offsets.request()), data_(data.request()) {
        const auto bytes = data_.size * data_.itemsize;
        const auto words =
            offsets_.size * offsets_.itemsize / static_cast<py::ssize_t>(sizeof(int64_t));
        view_.rows = rows;
        view_.data = static_cast<const uint8_t*>(data_.ptr);
        if (rows == 0) {
            view_.offsets = nullptr;
            return;
        }
        if (first < 0 || rows < 0 || first + rows + 1 > words) {
            throw std::invalid_argument("text offsets are shorter than the array");
        }
        view_.offsets = static_cast<const int64_t*>(offsets_.ptr) + first;
        int64_t previous = view_.offsets[0];
        if (previous < 0) throw std::invalid_argument("text offsets start below zero");
        for (int64_t row = 1; row <= rows; ++row) {
            if (view_.offsets[row] < previous) {
                throw std::invalid_argument("text offsets decrease at row " +
                                            std::to_string(row - 1));
            }
            previous = view_.offsets[row];
        }
        if (previous > bytes) throw std::invalid_argument("text offsets point past the data");
    }

    const TextView& view() const { return view_; }

private:
    py::buffer_info offsets_;
    py::buffer_info data_;
    TextView view_{};
};

}  // namespace curate
