#include "sentences.hpp"

#include "rows.hpp"
#include "sentence_segmenter.hpp"

namespace curate {
namespace {

struct Counter {
    Bytes text;
    int64_t count = 0;

    void sentence(size_t begin, size_t end) {
        while (begin < end) {
            const CodePoint point = decode(text, begin);
            if (!is_space(point.value)) {
                count += 1;
                return;
            }
            begin += point.bytes;
        }
    }
};

struct Collector {
    SentenceSpans* spans;
    int64_t offset;

    void sentence(size_t begin, size_t end) {
        spans->begin.push_back(offset + static_cast<int64_t>(begin));
        spans->end.push_back(offset + static_cast<int64_t>(end));
    }
};

}  // namespace

int64_t count_sentences(Bytes text) {
    Counter counter{text};
    SentenceSegmenter<Counter>(text, counter).run();
    return counter.count;
}

void sentence_counts(const TextView& text, int64_t* counts) {
    for_each_row(text,
                 [&](int64_t row, Bytes document) { counts[row] = count_sentences(document); });
}

SentenceSpans sentence_spans(const TextView& text) {
    SentenceSpans spans;
    spans.first.reserve(static_cast<size_t>(text.rows) + 1);
    spans.first.push_back(0);
    for_each_row(text, [&](int64_t row, Bytes document) {
        Collector collector{&spans, text.offsets[row]};
        SentenceSegmenter<Collector>(document, collector).run();
        spans.first.push_back(static_cast<int64_t>(spans.begin.size()));
    });
    return spans;
}

}  // namespace curate
