#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "held_text.hpp"
#include "owned_array.hpp"
#include "pretoken_merge.hpp"
#include "pretokens.hpp"

namespace curate {
namespace {

py::tuple as_columns(CountedRows&& rows) {
    return py::make_tuple(owned_array(std::move(rows.offsets)), owned_array(std::move(rows.data)),
                          owned_array(std::move(rows.counts)));
}

class PretokenCounter {
public:
    PretokenCounter(int pattern, int digits)
        : pattern_(static_cast<PretokenPattern>(pattern)), digits_(static_cast<DigitRuns>(digits)) {
        if (pattern < 0 || pattern > 3) throw std::invalid_argument("no such pattern");
        if (digits != 0 && digits != 1 && digits != 3) {
            throw std::invalid_argument("no such cut of digits");
        }
    }

    void add(const py::buffer& offsets, const py::buffer& data, int64_t first, int64_t rows) {
        const HeldText text(offsets, data, first, rows);
        if (table_.sorted()) throw std::invalid_argument("the counts were read, no text is added");
        py::gil_scoped_release release;
        count_pretokens(text.view(), pattern_, digits_, table_);
    }

    uint64_t distinct() const { return table_.distinct(); }
    uint64_t memory_bytes() const { return table_.memory_bytes(); }

    void sort() {
        py::gil_scoped_release release;
        table_.sort();
    }

    py::tuple take(uint64_t rows) {
        CountedRows found;
        {
            py::gil_scoped_release release;
            found = table_.take(rows);
        }
        return as_columns(std::move(found));
    }

private:
    PretokenPattern pattern_;
    DigitRuns digits_;
    PretokenTable table_;
};

// streams: tuples of offsets, data, first, rows, counts (uint64), last.
py::tuple call_merge_counted(const std::vector<py::tuple>& streams) {
    std::vector<std::unique_ptr<HeldText>> held;
    std::vector<py::buffer_info> counts;
    std::vector<CountedBatch> batches;
    for (const py::tuple& stream : streams) {
        held.push_back(std::make_unique<HeldText>(
            stream[0].cast<py::buffer>(), stream[1].cast<py::buffer>(), stream[2].cast<int64_t>(),
            stream[3].cast<int64_t>()));
        counts.push_back(stream[4].cast<py::buffer>().request());
        const TextView& view = held.back()->view();
        if (counts.back().size * counts.back().itemsize <
            view.rows * static_cast<py::ssize_t>(sizeof(uint64_t))) {
            throw std::invalid_argument("fewer counts than pre-tokens");
        }
        batches.push_back({view, static_cast<const uint64_t*>(counts.back().ptr),
                           stream[5].cast<bool>(), 0});
    }
    CountedRows merged;
    {
        py::gil_scoped_release release;
        merged = merge_counted(batches);
    }
    py::list taken;
    for (const CountedBatch& batch : batches) taken.append(batch.taken);
    return py::make_tuple(as_columns(std::move(merged)), taken);
}

}  // namespace

void bind_pretokens(py::module_& module) {
    py::class_<PretokenCounter>(module, "PretokenCounter")
        .def(py::init<int, int>())
        .def("add", &PretokenCounter::add)
        .def("sort", &PretokenCounter::sort)
        .def("take", &PretokenCounter::take)
        .def_property_readonly("distinct", &PretokenCounter::distinct)
        .def_property_readonly("memory_bytes", &PretokenCounter::memory_bytes);
    module.def("merge_counted", &call_merge_counted);
}

}  // namespace curate
