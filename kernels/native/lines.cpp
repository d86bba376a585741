#include "lines.hpp"

#include <array>

#include "rows.hpp"
#include "unicode.hpp"

namespace curate {
namespace {

// First bytes of line ends: LF VT FF CR, FS GS RS, and of U+0085 (C2 85), U+2028 and U+2029 (E2 80
// A8, E2 80 A9).
constexpr std::array<bool, 256> make_line_ends() {
    std::array<bool, 256> ends{};
    for (int byte : {0x0a, 0x0b, 0x0c, 0x0d, 0x1c, 0x1d, 0x1e, 0xc2, 0xe2}) ends[byte] = true;
    return ends;
}

constexpr std::array<bool, 256> kMayEndLine = make_line_ends();

// Bytes of the line end at `position`, 0 if there is none.
size_t line_end_bytes(Bytes text, size_t position) {
    const uint8_t* at = text.data + position;
    const size_t left = text.size - position;
    if (at[0] == 0xc2) return left >= 2 && at[1] == 0x85 ? 2 : 0;
    if (at[0] == 0xe2)
        return left >= 3 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9) ? 3 : 0;
    if (at[0] == '\r') return left >= 2 && at[1] == '\n' ? 2 : 1;
    return 1;
}

// First position of the line that is not white space; the line's end if there is none.
size_t skip_spaces(Bytes line) {
    size_t position = 0;
    while (position < line.size) {
        const CodePoint point = decode(line, position);
        if (!is_space(point.value)) break;
        position += point.bytes;
    }
    return position;
}

// Size of the line without white space at its end. The first character is known not to be white
// space.
size_t strip_spaces(Bytes line) {
    size_t size = line.size;
    while (size > 0) {
        size_t start = size - 1;
        while (start > 0 && (line.data[start] & 0xc0) == 0x80) --start;
        if (!is_space(decode({line.data, size}, start).value)) break;
        size = start;
    }
    return size;
}

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
    size_t begin = 0;
    for (size_t position = 0; position < text.size;) {
        const size_t ending = kMayEndLine[text.data[position]] ? line_end_bytes(text, position) : 0;
        if (ending == 0) {
            ++position;
            continue;
        }
        counter.line({text.data + begin, position - begin});
        position += ending;
        begin = position;
    }
    if (begin < text.size) counter.line({text.data + begin, text.size - begin});
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
