// One document and its parts: words, lines, characters. Each part is computed when it is first
// asked for; its memory is kept for the next document.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dictionary_words.hpp"
#include "stamp_table.hpp"
#include "text_view.hpp"

namespace curate {

struct Word {
    uint32_t begin;  // bytes from the start of the document
    uint32_t end;
    uint32_t characters;
    bool has_letter;
    bool is_symbol;  // only punctuation (symbols.hpp); never so for UAX #29 words
};

struct Words {
    const Word* words;
    size_t count;
    bool known;  // false: the segmenter cannot tell the words of this text, and `count` is 0

    const Word* begin() const { return words; }
    const Word* end() const { return words + count; }
};

// A line between line feeds; a carriage return before the line feed belongs to the line end.
struct Line {
    uint32_t begin;
    uint32_t end;
    uint32_t characters;
    bool is_blank;     // white space only
    bool is_repeated;  // equals an earlier line that is not blank; never so for blank lines
};

// Words that the caller found, as bytes from the start of each document; row r has those from
// first[r] to first[r + 1]; known[r] is 0 where the caller does not know the words of row r.
struct GivenWords {
    const int64_t* first;
    const int64_t* begin;
    const int64_t* end;
    const uint8_t* known;
};

enum class Segmenter : uint8_t { Uax29, Uax29Alone, WhiteSpace, Given };

struct WordSource {
    Segmenter segmenter;
    GivenWords given;
    const Dictionary* dictionary;  // of scripts without spaces, for Uax29; may be null
};

// Memory for `count` values that keep no content when it grows.
template <class Value>
class Buffer {
public:
    Value* reserve(size_t count) {
        if (count > size_) {
            size_ = count + count / 2;
            values_.reset();
            values_.reset(new Value[size_]);
        }
        return values_.get();
    }
    Value* data() const { return values_.get(); }

private:
    std::unique_ptr<Value[]> values_;
    size_t size_ = 0;
};

class Document {
public:
    explicit Document(const WordSource& source) : source_(source) {}

    // Throws std::invalid_argument for 4 GiB and more.
    void open(int64_t row, Bytes text);

    Bytes text() const { return text_; }
    Bytes bytes(const Word& word) const { return {text_.data + word.begin, word.end - word.begin}; }
    Bytes bytes(const Line& line) const { return {text_.data + line.begin, line.end - line.begin}; }

    // Code points.
    int64_t characters();

    // In text order. Throws InvalidUtf8.
    const Words& words();

    // Split at every line feed, so n line feeds make n + 1 lines, some of them empty.
    const std::vector<Line>& lines();

private:
    void segment();

    WordSource source_;
    Bytes text_{nullptr, 0};
    int64_t row_ = 0;
    int64_t characters_ = -1;
    bool has_words_ = false;
    bool has_lines_ = false;
    Words words_{};
    Buffer<Word> word_buffer_;
    std::vector<Line> lines_;
    StampTable table_;
    RunMemory run_memory_;
};

// The lines of `text` (see Document::lines), `begin` and `end` counted from its start.
void split_lines(Bytes text, bool is_ascii, std::vector<Line>& lines, StampTable& table);

}  // namespace curate
