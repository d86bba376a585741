// What an editing kernel hands to Python: the new texts and what was done to them. Editing kernels only
// shrink, so the input's size is room enough.
#pragma once

#include <cstdint>

#include "held_text.hpp"
#include "rows.hpp"

namespace curate {

// edit(Bytes document, uint8_t* out, int64_t* counts) -> end of what it wrote; it must write at most
// document.size bytes. Returns (offsets, bytes, counts[kinds, rows]), of which the last kind is the
// number of characters before the edit.
template <int kKinds, class Edit>
py::tuple edited_text(const HeldText& held, Edit edit) {
    const TextView& text = held.view();
    const int64_t rows = text.rows;
    const int64_t room = rows == 0 ? 0 : text.offsets[rows] - text.offsets[0];
    py::array_t<uint8_t> bytes(room);
    py::array_t<int64_t> offsets(rows + 1);
    py::array_t<int64_t> counts({int64_t{kKinds} + 1, rows});
    uint8_t* const begin = bytes.mutable_data();
    int64_t* const ends = offsets.mutable_data();
    int64_t* const counted = counts.mutable_data();
    uint8_t* out = begin;
    {
        py::gil_scoped_release release;
        ends[0] = 0;
        for_each_row(text, [&](int64_t row, Bytes document) {
            int64_t found[kKinds] = {};
            out = edit(document, out, found);
            ends[row + 1] = out - begin;
            for (int kind = 0; kind < kKinds; ++kind) counted[kind * rows + row] = found[kind];
            counted[kKinds * rows + row] = count_code_points(document);
        });
    }
    bytes.resize({static_cast<py::ssize_t>(out - begin)});
    return py::make_tuple(offsets, bytes, counts);
}

}  // namespace curate
