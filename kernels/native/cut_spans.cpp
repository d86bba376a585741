#include "cut_spans.hpp"

#include <cstring>
#include <stdexcept>

namespace curate {
namespace {

bool inside_character(Bytes text, size_t position) {
    return position < text.size && (text.data[position] & 0xc0) == 0x80;
}

}  // namespace

uint8_t* cut_spans(Bytes document, SpanPairs spans, size_t merge_gap, uint8_t* out,
                   CutCounts& counts) {
    if (spans.count % 2 != 0) throw std::invalid_argument("a span has no end");
    size_t written = 0;
    const auto copy_until = [&](size_t end) {
        if (end > written) std::memcpy(out, document.data + written, end - written);
        out += end - written;
    };
    for (int64_t index = 0; index < spans.count;) {
        size_t begin = spans.values[index], end = spans.values[index + 1];
        if (begin < written || end < begin || end > document.size) {
            throw std::invalid_argument("spans are out of order or outside of the text");
        }
        for (index += 2; index < spans.count && spans.values[index] >= end &&
                         spans.values[index] - end <= merge_gap;
             index += 2) {
            if (spans.values[index + 1] < spans.values[index]) break;
            end = spans.values[index + 1];
        }
        if (end > document.size) throw std::invalid_argument("a span ends behind its text");
        while (begin < end && inside_character(document, begin)) ++begin;
        while (end > begin && inside_character(document, end)) --end;
        if (begin == end) continue;
        copy_until(begin);
        written = end;
        counts.spans += 1;
        counts.characters += count_code_points({document.data + begin, end - begin});
    }
    copy_until(document.size);
    return out;
}

}  // namespace curate
