#include "lines.hpp"

#include "line_ends.hpp"
#include "rows.hpp"

namespace curate {
namespace {

bool three(const uint8_t* at, uint8_t first, uint8_t second, uint8_t third) {
    return at[0] == first && at[1] == second && at[2] == third;
}

struct Counter {
    int64_t lines = 0;
    int64_t bullets = 0;
    int64_t ellipses = 0;

    void line(Bytes line) {
        lines += 1;
        const size_t begin = skip_spaces(line);
        if (begin == line.size) return;
        const Bytes text{line.data + begin, line.size - begin};
        bullets += text.data[0] == '-' || (text.size >= 3 && three(text.data, 0xe2, 0x80, 0xa2));
        const size_t size = strip_spaces(text);
        const uint8_t* last = text.data + size - 3;
        ellipses += size >= 3 && (three(last, '.', '.', '.') || three(last, 0xe2, 0x80, 0xa6));
    }
};

Counter count_lines(Bytes text) {
    Counter counter;
    for_each_line(text, [&](Bytes line, size_t) { counter.line(line); });
    return counter;
}

}  // namespace

void line_statistics(const TextView& text, const LineStatisticsColumns& columns) {
    for_each_row(text, [&](int64_t row, Bytes document) {
        const Counter counter = count_lines(document);
        const double lines = counter.lines > 0 ? static_cast<double>(counter.lines) : 1.0;
        columns.count[row] = counter.lines;
        columns.bullet_fraction[row] = static_cast<double>(counter.bullets) / lines;
        columns.ellipsis_fraction[row] = static_cast<double>(counter.ellipses) / lines;
    });
}

}  // namespace curate
