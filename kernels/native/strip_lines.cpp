#include "strip_lines.hpp"

#include <cstring>
#include <stdexcept>

#include "line_ends.hpp"
#include "rows.hpp"

namespace curate {
namespace {

bool is_symbol(uint8_t entry) {
    const uint8_t kind = entry & kWordBreakBits;
    const bool mark = kind == Extend || kind == Format || kind == ZeroWidthJoiner;
    return !mark && !(entry & (kLetter | kNumber));
}

void add_line(Bytes line, LineTable& table) {
    int64_t characters = 0, words = 0, symbols = 0;
    bool inside = false;
    for (size_t position = 0; position < line.size;) {
        const uint8_t byte = line.data[position];
        const CodePoint point = byte < 0x80 ? CodePoint{byte, 1} : decode(line, position);
        const bool space = is_space(point.value);
        characters += 1;
        words += !space && !inside;
        symbols += !space && is_symbol(properties(point.value));
        inside = !space;
        position += point.bytes;
    }
    table.lines.append(line);
    table.lines.close();
    table.characters.push_back(characters);
    table.words.push_back(words);
    table.symbols.push_back(symbols);
}

bool equal(Bytes left, Bytes right) {
    return left.size == right.size &&
           (left.size == 0 || std::memcmp(left.data, right.data, left.size) == 0);
}

}  // namespace

LineTable line_table(const TextView& text) {
    LineTable table;
    table.lines.reserve(text);
    table.first.push_back(0);
    for_each_row(text, [&](int64_t, Bytes document) {
        for_each_line(document, [&](Bytes line, size_t) {
            const Bytes stripped = strip(line);
            if (stripped.size > 0) add_line(stripped, table);
        });
        table.first.push_back(static_cast<int64_t>(table.words.size()));
    });
    return table;
}

void without_lines(const TextView& text, const uint8_t* drop, int64_t lines, bool drop_repeated,
                   uint8_t* repeated, GrowingText& edited) {
    edited.reserve(text);
    int64_t index = 0;
    for_each_row(text, [&](int64_t, Bytes document) {
        Bytes latest{nullptr, 0};
        for_each_line(document, [&](Bytes line, size_t ending) {
            const Bytes stripped = strip(line);
            if (stripped.size > 0) {
                if (index == lines) throw std::invalid_argument("more lines than flags");
                const int64_t at = index++;
                if (drop[at]) return;
                if (drop_repeated) {
                    repeated[at] = equal(stripped, latest);
                    if (repeated[at]) return;
                    latest = stripped;
                }
            }
            edited.append({line.data, line.size + ending});
        });
        edited.close();
    });
    if (index != lines) throw std::invalid_argument("fewer lines than flags");
}

}  // namespace curate
