// Python bindings. Buffers come in by the buffer protocol, results go out as NumPy arrays; nothing
// here looks at a text.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "ascii_blocks.hpp"
#include "hashes.hpp"
#include "lines.hpp"
#include "normalize.hpp"
#include "text_view.hpp"
#include "words.hpp"

namespace py = pybind11;
using namespace curate;

namespace {

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

py::array_t<uint8_t> bind_text_hash_128(const py::buffer& offsets, const py::buffer& data,
                                        int64_t first, int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    py::array_t<uint8_t> digests(16 * rows);
    uint8_t* out = digests.mutable_data();
    py::gil_scoped_release release;
    text_hash_128(text.view(), out);
    return digests;
}

py::array_t<uint64_t> bind_prefixed_hash_64(const py::bytes& prefix, const py::buffer& offsets,
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

py::tuple bind_word_statistics(const py::buffer& offsets, const py::buffer& data, int64_t first,
                               int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    py::array_t<int64_t> count(rows), stop_words(rows);
    py::array_t<double> mean_length(rows), alphabetic(rows), hashes(rows), ellipses(rows);
    const WordStatisticsColumns columns{count.mutable_data(),      mean_length.mutable_data(),
                                        alphabetic.mutable_data(), hashes.mutable_data(),
                                        ellipses.mutable_data(),   stop_words.mutable_data()};
    {
        py::gil_scoped_release release;
        word_statistics(text.view(), columns);
    }
    return py::make_tuple(count, mean_length, alphabetic, hashes, ellipses, stop_words);
}

py::array_t<int64_t> as_array(const std::vector<int64_t>& values) {
    return py::array_t<int64_t>(static_cast<py::ssize_t>(values.size()), values.data());
}

py::tuple bind_word_spans(const py::buffer& offsets, const py::buffer& data, int64_t first,
                          int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    WordSpans spans;
    {
        py::gil_scoped_release release;
        spans = word_spans(text.view());
    }
    return py::make_tuple(as_array(spans.first), as_array(spans.begin), as_array(spans.end));
}

py::tuple bind_line_statistics(const py::buffer& offsets, const py::buffer& data, int64_t first,
                               int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    py::array_t<int64_t> count(rows);
    py::array_t<double> bullets(rows), ellipses(rows);
    const LineStatisticsColumns columns{count.mutable_data(), bullets.mutable_data(),
                                        ellipses.mutable_data()};
    {
        py::gil_scoped_release release;
        line_statistics(text.view(), columns);
    }
    return py::make_tuple(count, bullets, ellipses);
}

py::tuple bind_normalized_text(const py::buffer& offsets, const py::buffer& data, int64_t first,
                               int64_t rows) {
    const HeldText text(offsets, data, first, rows);
    py::array_t<uint8_t> bytes(static_cast<py::ssize_t>(normalized_capacity(text.view())));
    py::array_t<int64_t> starts(rows + 1);
    uint8_t* out = bytes.mutable_data();
    int64_t* out_starts = starts.mutable_data();
    size_t written = 0;
    {
        py::gil_scoped_release release;
        written = normalized_text(text.view(), out, out_starts);
    }
    bytes.resize({static_cast<py::ssize_t>(written)});
    return py::make_tuple(starts, bytes);
}

}  // namespace

PYBIND11_MODULE(_native, module) {
    module.doc() =
        "Text kernels over Arrow large_string buffers. Use the typed wrappers in curate.kernels.";
    module.def("text_hash_128", &bind_text_hash_128);
    module.def("prefixed_hash_64", &bind_prefixed_hash_64);
    module.def("word_statistics", &bind_word_statistics);
    module.def("word_spans", &bind_word_spans);
    module.def("line_statistics", &bind_line_statistics);
    module.def("normalized_text", &bind_normalized_text);
    module.def("instruction_set", &instruction_set);
}
