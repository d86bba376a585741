#include "document.hpp"

#define XXH_INLINE_ALL
#include "third_party/xxhash.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

#include "line_ends.hpp"
#include "symbols.hpp"
#include "word_segmenter.hpp"

namespace curate {
namespace {

struct Collector {
    Word* next;

    void word(size_t begin, size_t end, size_t characters, bool has_letter) {
        *next++ = {static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
                   static_cast<uint32_t>(characters), has_letter, false};
    }
};

// Bytes of a text whose lines are counted first: moving them as their number grows would double the
// memory. The memory of smaller texts is that of the texts before.
constexpr size_t kManyLines = size_t{1} << 20;

// A token that is not made by UAX #29.
Word described(Bytes text, size_t begin, size_t end) {
    Word word{static_cast<uint32_t>(begin), static_cast<uint32_t>(end), 0, false, true};
    for (size_t position = begin; position < end;) {
        const CodePoint point = decode({text.data, end}, position);
        word.characters += 1;
        word.has_letter |= (properties(point.value) & kLetter) != 0;
        word.is_symbol &= is_symbol(point.value);
        position += point.bytes;
    }
    return word;
}

// The words of Python's str.split().
Word* split_at_spaces(Bytes text, Word* next) {
    size_t begin = 0;
    bool inside = false;
    for (size_t position = 0; position < text.size;) {
        const CodePoint point = decode(text, position);
        const bool space = is_space(point.value);
        if (space && inside) *next++ = described(text, begin, position);
        if (!space && !inside) begin = position;
        inside = !space;
        position += point.bytes;
    }
    if (inside) *next++ = described(text, begin, text.size);
    return next;
}

Word* copy_given(Bytes text, const GivenWords& given, int64_t row, Word* next) {
    int64_t before = 0;
    for (int64_t index = given.first[row]; index < given.first[row + 1]; ++index) {
        const int64_t begin = given.begin[index], end = given.end[index];
        if (begin < before || end <= begin || end > static_cast<int64_t>(text.size)) {
            throw std::invalid_argument("word " + std::to_string(index - given.first[row]) +
                                        " is empty, out of order or outside of the text");
        }
        *next++ = described(text, static_cast<size_t>(begin), static_cast<size_t>(end));
        before = begin;
    }
    return next;
}

}  // namespace

void Document::open(int64_t row, Bytes text) {
    if (text.size > std::numeric_limits<uint32_t>::max()) {
        throw std::invalid_argument("a document of 4 GiB or more cannot be measured");
    }
    text_ = text;
    row_ = row;
    characters_ = -1;
    has_words_ = has_lines_ = false;
}

int64_t Document::characters() {
    if (characters_ < 0) characters_ = count_code_points(text_);
    return characters_;
}

const Words& Document::words() {
    if (!has_words_) segment();
    has_words_ = true;
    return words_;
}

const std::vector<Line>& Document::lines() {
    if (!has_lines_) {
        split_lines(text_, characters() == static_cast<int64_t>(text_.size), lines_, table_);
    }
    has_lines_ = true;
    return lines_;
}

void Document::segment() {
    // A word has a byte; memory that is never written costs nothing.
    size_t at_most = text_.size;
    if (source_.segmenter == Segmenter::Given) {
        at_most = static_cast<size_t>(source_.given.first[row_ + 1] - source_.given.first[row_]);
    }
    Word* const first = word_buffer_.reserve(at_most);
    Word* after = first;
    switch (source_.segmenter) {
        case Segmenter::Uax29: {
            Collector collector{first};
            if (!may_need_dictionary(text_)) {
                WordSegmenter<Collector>(text_, collector).run();
                after = collector.next;
                break;
            }
            DictionaryWords<Collector> divided(text_, source_.dictionary, run_memory_, collector);
            WordSegmenter<DictionaryWords<Collector>>(text_, divided).run();
            divided.finish();
            if (divided.words_unknown()) {
                words_ = {first, 0, false};
                return;
            }
            after = collector.next;
            break;
        }
        case Segmenter::Uax29Alone: {
            Collector collector{first};
            WordSegmenter<Collector>(text_, collector).run();
            after = collector.next;
            break;
        }
        case Segmenter::WhiteSpace: after = split_at_spaces(text_, first); break;
        case Segmenter::Given: after = copy_given(text_, source_.given, row_, first); break;
    }
    const bool known = source_.segmenter != Segmenter::Given || source_.given.known[row_] != 0;
    words_ = {first, static_cast<size_t>(after - first), known};
}

void split_lines(Bytes text, bool is_ascii, std::vector<Line>& lines, StampTable& table) {
    lines.clear();
    if (text.size > kManyLines) {
        lines.reserve(1 + static_cast<size_t>(std::count(text.data, text.data + text.size, '\n')));
    }
    size_t begin = 0;
    for (bool last = false; !last;) {
        const void* found =
            begin == text.size ? nullptr : std::memchr(text.data + begin, '\n', text.size - begin);
        last = found == nullptr;
        const size_t feed =
            last ? text.size : static_cast<size_t>(static_cast<const uint8_t*>(found) - text.data);
        const size_t end = !last && feed > begin && text.data[feed - 1] == '\r' ? feed - 1 : feed;
        const Bytes line{text.data + begin, end - begin};
        const int64_t characters =
            is_ascii ? static_cast<int64_t>(line.size) : count_code_points(line);
        lines.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
                         static_cast<uint32_t>(characters), skip_spaces(line) == line.size, false});
        begin = feed + 1;
    }
    if (lines.size() == 1) return;
    table.reset(lines.size());
    for (size_t index = 0; index < lines.size(); ++index) {
        Line& line = lines[index];
        if (line.is_blank) continue;
        const uint8_t* data = text.data + line.begin;
        const size_t size = line.end - line.begin;
        const auto same = [&](uint32_t other) {
            const Line& earlier = lines[other];
            return earlier.end - earlier.begin == size &&
                   std::memcmp(text.data + earlier.begin, data, size) == 0;
        };
        const uint32_t own = static_cast<uint32_t>(index);
        line.is_repeated = table.find_or_add(XXH3_64bits(data, size), own, same) != own;
    }
}

}  // namespace curate
