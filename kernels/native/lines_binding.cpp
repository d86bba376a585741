#include <cstdint>

#include "bindings.hpp"
#include "held_text.hpp"
#include "lines.hpp"

namespace curate {
namespace {

py::tuple call_line_statistics(const py::buffer& offsets, const py::buffer& data, int64_t first,
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

}  // namespace

void bind_lines(py::module_& module) {
    module.def("line_statistics", &call_line_statistics);
}

}  // namespace curate
