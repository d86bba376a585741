#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include <pybind11/pybind11.h>

#include "cut_spans.hpp"
#include "edited_text.hpp"
#include "held_text.hpp"
#include "owned_array.hpp"
#include "repeats.hpp"
#include "substrings.hpp"

namespace curate {
namespace {

template <class Value>
using Column = py::array_t<Value, py::array::c_style>;

template <class Value>
void expect_size(const Column<Value>& column, int64_t size, const char* name) {
    if (column.size() != size) {
        throw std::invalid_argument(std::string(name) + " has " + std::to_string(column.size()) +
                                    " values, not " + std::to_string(size));
    }
}

// Starts of rows: ascending from 0, the last at most `size`.
template <class Index>
void expect_starts(const Column<Index>& starts, int64_t rows, int64_t size, const char* name) {
    expect_size(starts, rows + 1, name);
    Index before = 0;
    for (int64_t row = 0; row <= rows; ++row) {
        if (starts.data()[row] < before) throw std::invalid_argument(std::string(name) + " decrease");
        before = starts.data()[row];
    }
    if (before > size) throw std::invalid_argument(std::string(name) + " point past the values");
}

SubstringShape checked(int64_t unit_bytes, int64_t window, int64_t gram, int64_t part,
                       int64_t told_apart) {
    if (unit_bytes != 1 && unit_bytes != 4) throw std::invalid_argument("a unit has 1 or 4 bytes");
    if (gram < 1 || window < gram || window > (int64_t{1} << 24)) {
        throw std::invalid_argument("an anchor needs 1 to `window` units, a window at most 2^24");
    }
    if (part < 1 || part > window) throw std::invalid_argument("a part has 1 to `window` windows");
    return {{static_cast<size_t>(window), static_cast<size_t>(gram)},
            static_cast<size_t>(unit_bytes),
            static_cast<size_t>(part),
            told_apart};
}

py::tuple columns_of(SubstringRows&& rows) {
    return py::make_tuple(owned_array(std::move(rows.row)), owned_array(std::move(rows.keys)),
                          owned_array(std::move(rows.fragment)),
                          owned_array(std::move(rows.windows)),
                          owned_array(std::move(rows.first_place)),
                          owned_array(std::move(rows.places)));
}

py::tuple columns_of(SettledSpans&& spans) {
    return py::make_tuple(owned_array(std::move(spans.address)), owned_array(std::move(spans.kind)),
                          owned_array(std::move(spans.begin)), owned_array(std::move(spans.end)),
                          owned_array(std::move(spans.documents)),
                          owned_array(std::move(spans.carried)));
}

py::tuple call_anchors(const py::buffer& offsets, const py::buffer& data, int64_t first, int64_t rows,
                       int64_t unit_bytes, int64_t window, int64_t gram,
                       const Column<uint64_t>& seeds) {
    const HeldText text(offsets, data, first, rows);
    const SubstringShape shape = checked(unit_bytes, window, gram, 1, 1);
    expect_size(seeds, rows, "seeds");
    AnchorRows found;
    {
        py::gil_scoped_release release;
        anchor_rows(text.view(), shape, seeds.data(), found);
    }
    return py::make_tuple(owned_array(std::move(found.row)), owned_array(std::move(found.keys)));
}

py::tuple call_fragments(const py::buffer& offsets, const py::buffer& data, int64_t first,
                         int64_t rows, int64_t unit_bytes, int64_t window, int64_t gram,
                         int64_t part, int64_t told_apart, const Column<uint64_t>& seeds,
                         const Column<int64_t>& starts, const Column<uint64_t>& marks) {
    const HeldText text(offsets, data, first, rows);
    const SubstringShape shape = checked(unit_bytes, window, gram, part, told_apart);
    expect_size(seeds, rows, "seeds");
    expect_starts(starts, rows, marks.size(), "starts of marks");
    SubstringRows found;
    {
        py::gil_scoped_release release;
        fragment_rows(text.view(), shape, seeds.data(), starts.data(), marks.data(), found);
    }
    return columns_of(std::move(found));
}

py::tuple call_windows(const py::buffer& offsets, const py::buffer& data, int64_t first, int64_t rows,
                       int64_t unit_bytes, int64_t window, int64_t told_apart,
                       const Column<uint64_t>& seeds, const Column<int64_t>& starts,
                       const Column<uint8_t>& kind, const Column<uint32_t>& begin,
                       const Column<uint32_t>& end, const Column<uint32_t>& documents) {
    const HeldText text(offsets, data, first, rows);
    const SubstringShape shape = checked(unit_bytes, window, window, 1, told_apart);
    expect_size(seeds, rows, "seeds");
    expect_size(begin, kind.size(), "begin");
    expect_size(end, kind.size(), "end");
    expect_size(documents, kind.size(), "documents");
    expect_starts(starts, rows, kind.size(), "starts of spans");
    const SpanView spans{starts.data(), kind.data(), begin.data(), end.data(), documents.data()};
    SubstringRows found;
    {
        py::gil_scoped_release release;
        window_rows(text.view(), shape, seeds.data(), spans, found);
    }
    return columns_of(std::move(found));
}

class BoundSettler {
public:
    BoundSettler(int64_t window, int64_t copies, bool keep_first, bool compare)
        : settler_({static_cast<size_t>(window), copies, keep_first, compare}) {}

    py::tuple feed(const Column<uint8_t>& keys, const Column<int64_t>& fragment,
                   const Column<uint64_t>& address, const Column<uint64_t>& carried,
                   const Column<uint32_t>& windows, const Column<int32_t>& starts, const Column<uint32_t>& places) {
        const int64_t rows = address.size();
        expect_size(keys, 16 * rows, "keys");
        if (fragment.size() != 0) expect_size(fragment, rows, "fragment");
        if (carried.size() != 0) expect_size(carried, rows, "carried");
        expect_size(windows, rows, "windows");
        expect_starts(starts, rows, places.size(), "starts of places");
        const RepeatView view{rows,
                              keys.data(),
                              fragment.size() == 0 ? nullptr : fragment.data(),
                              address.data(),
                              carried.size() == 0 ? nullptr : carried.data(),
                              windows.data(),
                              starts.data(),
                              places.data()};
        SettledSpans out;
        {
            py::gil_scoped_release release;
            settler_.feed(view, out);
        }
        return columns_of(std::move(out));
    }

    py::tuple finish() {
        SettledSpans out;
        settler_.finish(out);
        return columns_of(std::move(out));
    }

private:
    RepeatSettler settler_;
};

py::tuple call_cut_spans(const py::buffer& offsets, const py::buffer& data, int64_t first,
                         int64_t rows, const Column<int64_t>& starts, const Column<uint32_t>& values,
                         int64_t merge_gap) {
    const HeldText text(offsets, data, first, rows);
    expect_starts(starts, rows, values.size(), "starts of spans");
    if (merge_gap < 0) throw std::invalid_argument("merge_gap is negative");
    const int64_t* begins = starts.data();
    const uint32_t* all = values.data();
    int64_t row = 0;
    return edited_text<2>(text, [&](Bytes document, uint8_t* out, int64_t* counts) {
        const SpanPairs spans{all + begins[row], begins[row + 1] - begins[row]};
        row += 1;
        CutCounts found{0, 0};
        out = cut_spans(document, spans, static_cast<size_t>(merge_gap), out, found);
        counts[0] = found.spans;
        counts[1] = found.characters;
        return out;
    });
}

}  // namespace

void bind_substrings(py::module_& module) {
    module.def("substring_anchors", &call_anchors);
    module.def("substring_fragments", &call_fragments);
    module.def("substring_windows", &call_windows);
    module.def("cut_spans", &call_cut_spans);
    py::class_<BoundSettler>(module, "RepeatSettler")
        .def(py::init<int64_t, int64_t, bool, bool>())
        .def("feed", &BoundSettler::feed)
        .def("finish", &BoundSettler::finish);
}

}  // namespace curate
