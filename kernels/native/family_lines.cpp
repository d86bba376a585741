// Lines of Python's str.splitlines, as datatrove's GopherQualityFilter reads them.
#include <stdexcept>

#include "line_ends.hpp"
#include "measure.hpp"

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

const Family lines_family{
    "lines",
    {{"count", Signal::Kind::Count, false},
     {"bullet_fraction", Signal::Kind::Fraction, false},
     {"ellipsis_fraction", Signal::Kind::Fraction, false}},
    [](const Options& options, Columns columns) {
        if (!options.empty()) throw std::invalid_argument("lines takes no options");
        return [columns](Document& document, int64_t row) {
            const Counter counter = count_lines(document.text());
            const double lines = counter.lines > 0 ? static_cast<double>(counter.lines) : 1.0;
            columns[0].counts[row] = counter.lines;
            columns[1].fractions[row] = static_cast<double>(counter.bullets) / lines;
            columns[2].fractions[row] = static_cast<double>(counter.ellipses) / lines;
        };
    },
};

}  // namespace curate
