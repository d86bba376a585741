#include "words.hpp"

#include <cstring>
#include <string>

#include "rows.hpp"
#include "word_segmenter.hpp"

namespace curate {
namespace {

constexpr uint32_t packed(const char* word) {
    uint32_t value = 0;
    for (int index = 0; word[index] != 0; ++index)
        value |= uint32_t{static_cast<uint8_t>(word[index])} << (8 * index);
    return value;
}

// Gopher's stop words (Rae et al. 2021, A1.1), case-sensitive. The result has one bit; 0 for other
// words.
uint32_t stop_word_bit(uint32_t word) {
    switch (word) {
        case packed("the"): return 1;
        case packed("be"): return 2;
        case packed("to"): return 4;
        case packed("of"): return 8;
        case packed("and"): return 16;
        case packed("that"): return 32;
        case packed("have"): return 64;
        case packed("with"): return 128;
        default: return 0;
    }
}

constexpr uint32_t kAllStopWords = 255;

struct Counter {
    Bytes text;
    int64_t words = 0;
    int64_t alphabetic = 0;
    int64_t code_points = 0;
    uint32_t stop_words = 0;

    void word(size_t begin, size_t end, size_t length, bool has_letter) {
        words += 1;
        alphabetic += has_letter;
        code_points += static_cast<int64_t>(length);
        const size_t bytes = end - begin;
        if (bytes - 2 > 2 || stop_words == kAllStopWords) return;
        uint32_t value = 0;
        for (size_t index = 0; index < bytes; ++index)
            value |= uint32_t{text.data[begin + index]} << (8 * index);
        stop_words |= stop_word_bit(value);
    }
};

struct Collector {
    WordSpans* spans;
    int64_t offset;

    void word(size_t begin, size_t end, size_t, bool) {
        spans->begin.push_back(offset + static_cast<int64_t>(begin));
        spans->end.push_back(offset + static_cast<int64_t>(end));
    }
};

int64_t count_byte(Bytes text, uint8_t wanted) {
    int64_t found = 0;
    for (size_t index = 0; index < text.size; ++index) found += text.data[index] == wanted;
    return found;
}

// "..." without overlap, as Python's str.count, plus U+2026.
int64_t count_ellipses(Bytes text) {
    int64_t found = 0;
    const uint8_t* end = text.data + text.size;
    const auto next = [end](const uint8_t* from, int byte) {
        return from == end ? nullptr
                           : static_cast<const uint8_t*>(
                                 std::memchr(from, byte, static_cast<size_t>(end - from)));
    };
    for (const uint8_t* at = next(text.data, '.'); at != nullptr;) {
        const uint8_t* stop = at;
        while (stop < end && *stop == '.') ++stop;
        found += (stop - at) / 3;
        at = next(stop, '.');
    }
    for (const uint8_t* at = next(text.data, 0xe2); at != nullptr; at = next(at + 1, 0xe2)) {
        found += end - at >= 3 && at[1] == 0x80 && at[2] == 0xa6;
    }
    return found;
}

}  // namespace

void word_statistics(const TextView& text, const WordStatisticsColumns& columns) {
    for_each_row(text, [&](int64_t row, Bytes document) {
        Counter counter{document};
        WordSegmenter<Counter>(document, counter).run();
        const double words = counter.words > 0 ? static_cast<double>(counter.words) : 1.0;
        columns.count[row] = counter.words;
        columns.mean_length[row] = static_cast<double>(counter.code_points) / words;
        columns.alphabetic_fraction[row] = static_cast<double>(counter.alphabetic) / words;
        columns.hash_per_word[row] = static_cast<double>(count_byte(document, '#')) / words;
        columns.ellipsis_per_word[row] = static_cast<double>(count_ellipses(document)) / words;
        columns.stop_words[row] = __builtin_popcount(counter.stop_words);
    });
}

WordSpans word_spans(const TextView& text) {
    WordSpans spans;
    spans.first.reserve(static_cast<size_t>(text.rows) + 1);
    spans.first.push_back(0);
    for_each_row(text, [&](int64_t row, Bytes document) {
        Collector collector{&spans, text.offsets[row]};
        WordSegmenter<Collector>(document, collector).run();
        spans.first.push_back(static_cast<int64_t>(spans.begin.size()));
    });
    return spans;
}

}  // namespace curate
