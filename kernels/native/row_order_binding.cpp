#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "owned_array.hpp"
#include "row_gather.hpp"
#include "row_merge.hpp"
#include "row_order.hpp"

namespace curate {
namespace {

namespace py = pybind11;

using Words = py::array_t<uint64_t, py::array::c_style>;
using Numbers = py::array_t<uint32_t, py::array::c_style>;
// A buffer (None for nothing), the first item that counts, and how many follow.
using Column = std::tuple<std::optional<py::buffer>, size_t, size_t>;
// A column, bytes per value, and the kind of its values (OrderKind).
using OrderColumn = std::tuple<Column, size_t, int>;

constexpr uint8_t NOTHING[1] = {0};

// A column's buffer, checked and kept alive.
class HeldColumn {
public:
    HeldColumn(const Column& column, size_t item_bits)
        : first_(std::get<1>(column)), count_(std::get<2>(column)) {
        const auto& buffer = std::get<0>(column);
        size_t bits = 0;
        if (buffer.has_value()) {
            info_ = buffer->request();
            bits = static_cast<size_t>(info_.size * info_.itemsize) * 8;
        }
        const size_t room = bits / item_bits;
        if (first_ > room || count_ > room - first_) {
            throw std::invalid_argument("a column's buffer is shorter than the column");
        }
        data_ = bits == 0 ? NOTHING : static_cast<const uint8_t*>(info_.ptr);
    }

    const uint8_t* data() const { return data_; }
    size_t first() const { return first_; }
    size_t count() const { return count_; }

private:
    py::buffer_info info_;
    const uint8_t* data_;
    size_t first_, count_;
};

std::vector<HeldColumn> hold(const std::vector<Column>& columns, size_t item_bits) {
    std::vector<HeldColumn> held;
    held.reserve(columns.size());
    for (const Column& column : columns) held.emplace_back(column, item_bits);
    return held;
}

// Where the first item that counts lies, for items of whole bytes.
std::vector<const uint8_t*> starts_of(const std::vector<HeldColumn>& columns, size_t item_bytes) {
    std::vector<const uint8_t*> starts;
    starts.reserve(columns.size());
    for (const HeldColumn& column : columns) {
        starts.push_back(column.data() + column.first() * item_bytes);
    }
    return starts;
}

std::vector<size_t> counts_of(const std::vector<HeldColumn>& columns) {
    std::vector<size_t> counts;
    counts.reserve(columns.size());
    for (const HeldColumn& column : columns) counts.push_back(column.count());
    return counts;
}

RowChoice choice_of(const Numbers& batches, const Numbers& rows) {
    if (batches.size() != rows.size()) throw std::invalid_argument("choices of unequal length");
    return {batches.data(), rows.data(), static_cast<size_t>(rows.size())};
}

// Fills `words`, rows of one word per column behind two of the key.
void call_encode_rows(const std::optional<Column>& keys, const std::vector<OrderColumn>& columns,
                      Words& words) {
    const size_t key_words = keys.has_value() ? 2 : 0;
    const size_t width = key_words + columns.size();
    if (words.ndim() != 2 || static_cast<size_t>(words.shape(1)) != width) {
        throw std::invalid_argument("sort keys of another width");
    }
    const auto rows = static_cast<size_t>(words.shape(0));
    std::vector<HeldColumn> held;
    if (keys.has_value()) held.emplace_back(*keys, 128);
    for (const auto& [column, item_bytes, kind] : columns) {
        if (item_bytes != 1 && item_bytes != 2 && item_bytes != 4 && item_bytes != 8) {
            throw std::invalid_argument("an order column has values of 1, 2, 4 or 8 bytes");
        }
        if (kind < 0 || kind > 2 || (kind == 2 && item_bytes != 8)) {
            throw std::invalid_argument("unknown kind of order column");
        }
        held.emplace_back(column, 8 * item_bytes);
    }
    for (const HeldColumn& column : held) {
        if (column.count() != rows) throw std::invalid_argument("columns of unequal length");
    }
    uint64_t* out = words.mutable_data();
    py::gil_scoped_release release;
    if (keys.has_value()) encode_keys(held[0].data() + 16 * held[0].first(), rows, out, width);
    for (size_t index = 0; index < columns.size(); ++index) {
        const HeldColumn& column = held[index + (keys.has_value() ? 1 : 0)];
        const size_t item_bytes = std::get<1>(columns[index]);
        encode_column(column.data() + item_bytes * column.first(), item_bytes,
                      static_cast<OrderKind>(std::get<2>(columns[index])), rows,
                      out + key_words + index, width);
    }
}

Numbers call_order_rows(const Words& words) {
    if (words.ndim() != 2) throw std::invalid_argument("sort keys are rows of words");
    const auto rows = static_cast<size_t>(words.shape(0));
    const auto width = static_cast<size_t>(words.shape(1));
    if (rows > std::numeric_limits<uint32_t>::max()) {
        throw std::invalid_argument("more than 2^32 rows cannot be sorted at once");
    }
    Numbers order(static_cast<py::ssize_t>(rows));
    uint32_t* out = order.mutable_data();
    const uint64_t* data = words.data();
    py::gil_scoped_release release;
    if (rows > 0 && width > 0) order_rows(data, width, rows, out);
    return order;
}

py::array_t<int64_t> call_partition_rows(const Column& keys, uint64_t partitions) {
    if (partitions == 0 || partitions >> 32 != 0) {
        throw std::invalid_argument("partitions must be between 1 and 2^32 - 1");
    }
    const HeldColumn held(keys, 128);
    py::array_t<int64_t> numbers(static_cast<py::ssize_t>(held.count()));
    int64_t* out = numbers.mutable_data();
    py::gil_scoped_release release;
    partition_rows(held.data() + 16 * held.first(), held.count(), partitions, out);
    return numbers;
}

py::array_t<bool> call_group_starts(const Column& keys, const std::optional<std::string>& before) {
    static_assert(sizeof(bool) == 1);
    if (before.has_value() && before->size() != 16) {
        throw std::invalid_argument("a key has 16 bytes");
    }
    const HeldColumn held(keys, 128);
    py::array_t<bool> starts(static_cast<py::ssize_t>(held.count()));
    auto* out = reinterpret_cast<uint8_t*>(starts.mutable_data());
    const auto* previous =
        before.has_value() ? reinterpret_cast<const uint8_t*>(before->data()) : nullptr;
    py::gil_scoped_release release;
    group_starts(held.data() + 16 * held.first(), held.count(), previous, out);
    return starts;
}

py::array_t<uint8_t> call_gather_fixed(const Numbers& batches, const Numbers& rows,
                                       const std::vector<Column>& columns, size_t width) {
    const RowChoice choice = choice_of(batches, rows);
    const auto held = hold(columns, 8 * width);
    py::array_t<uint8_t> values(static_cast<py::ssize_t>(choice.count * width));
    uint8_t* out = values.mutable_data();
    py::gil_scoped_release release;
    check_choice(choice, counts_of(held));
    gather_fixed(choice, starts_of(held, width), width, out);
    return values;
}

// Column: a bitmap, None where every bit is set.
std::pair<py::array_t<uint8_t>, size_t> call_gather_bits(const Numbers& batches,
                                                         const Numbers& rows,
                                                         const std::vector<Column>& columns) {
    const RowChoice choice = choice_of(batches, rows);
    std::vector<HeldColumn> held;
    std::vector<const uint8_t*> bitmaps;
    std::vector<size_t> first_bits, counts;
    held.reserve(columns.size());
    for (const Column& column : columns) {
        counts.push_back(std::get<2>(column));
        first_bits.push_back(std::get<1>(column));
        if (!std::get<0>(column).has_value()) {
            bitmaps.push_back(nullptr);
            continue;
        }
        held.emplace_back(column, 1);
        bitmaps.push_back(held.back().data());
    }
    py::array_t<uint8_t> bits(static_cast<py::ssize_t>((choice.count + 7) / 8));
    uint8_t* out = bits.mutable_data();
    size_t unset = 0;
    {
        py::gil_scoped_release release;
        check_choice(choice, counts);
        unset = gather_bits(choice, bitmaps, first_bits, out);
    }
    return {bits, unset};
}

// offsets: rows of each batch (a buffer of rows + 1 offsets); items: what they point into.
template <class Offset>
std::pair<py::array_t<Offset>, py::array_t<uint8_t>> gather_variable(
    const Numbers& batches, const Numbers& rows, const std::vector<Column>& offsets,
    const std::vector<Column>& items, size_t item_bytes) {
    const RowChoice choice = choice_of(batches, rows);
    if (offsets.size() != items.size()) throw std::invalid_argument("batches of unequal number");
    const auto held_offsets = hold(offsets, 8 * sizeof(Offset));
    const auto held_items = hold(items, 8 * item_bytes);
    std::vector<size_t> batch_rows = counts_of(held_offsets);
    for (size_t& count : batch_rows) count -= count > 0;
    const auto offset_starts = starts_of(held_offsets, sizeof(Offset));
    const auto item_starts = starts_of(held_items, item_bytes);
    py::array_t<Offset> new_offsets(static_cast<py::ssize_t>(choice.count + 1));
    Offset* offsets_out = new_offsets.mutable_data();
    size_t total = 0;
    {
        py::gil_scoped_release release;
        check_choice(choice, batch_rows);
        total = gather_offsets<Offset>(choice, offset_starts, counts_of(held_items), offsets_out);
    }
    py::array_t<uint8_t> new_items(static_cast<py::ssize_t>(total * item_bytes));
    uint8_t* items_out = new_items.mutable_data();
    {
        py::gil_scoped_release release;
        gather_items<Offset>(choice, offset_starts, item_starts, item_bytes, items_out);
    }
    return {new_offsets, new_items};
}

// A merge that keeps the sort keys of the current batches alive.
class HeldMerge {
public:
    HeldMerge(size_t streams, size_t width)
        : merge_(streams, width), width_(width), held_(streams) {}

    void feed(size_t stream, const Words& words, uint32_t batch, double row_bytes) {
        if (words.ndim() != 2 || static_cast<size_t>(words.shape(1)) != width_) {
            throw std::invalid_argument("sort keys of another width");
        }
        merge_.feed(stream, words.data(), static_cast<size_t>(words.shape(0)), batch, row_bytes);
        held_[stream] = words;
    }

    void close(size_t stream) {
        merge_.close(stream);
        held_[stream] = py::none();
    }

    int64_t advance(double bytes) {
        py::gil_scoped_release release;
        return merge_.advance(bytes);
    }

    std::pair<Numbers, Numbers> take() {
        std::vector<uint32_t> batches, rows;
        merge_.take(batches, rows);
        return {owned_array(std::move(batches)), owned_array(std::move(rows))};
    }

private:
    RowMerge merge_;
    size_t width_;
    std::vector<py::object> held_;
};

}  // namespace

void bind_row_order(py::module_& module) {
    module.def("encode_rows", &call_encode_rows, py::arg(), py::arg(), py::arg().noconvert());
    module.def("order_rows", &call_order_rows);
    module.def("partition_rows", &call_partition_rows);
    module.def("group_starts", &call_group_starts);
    module.def("gather_fixed", &call_gather_fixed);
    module.def("gather_bits", &call_gather_bits);
    module.def("gather_variable_32", &gather_variable<int32_t>);
    module.def("gather_variable_64", &gather_variable<int64_t>);
    py::class_<HeldMerge>(module, "RowMerge")
        .def(py::init<size_t, size_t>())
        .def("feed", &HeldMerge::feed)
        .def("close", &HeldMerge::close)
        .def("advance", &HeldMerge::advance)
        .def("take", &HeldMerge::take);
}

}  // namespace curate
