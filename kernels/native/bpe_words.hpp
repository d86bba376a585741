// The distinct words that byte-pair encoding is trained on, as one array of cells.
//
// A token of w cells has its number in its first and its last cell, so its neighbours are found without links: the
// next token begins w cells further on, and the cell before a token says which token ends there. Words of equal
// count lie side by side (highest count first), so the count of a cell needs no memory per word.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "text_view.hpp"

namespace curate {

using Token = uint32_t;

inline constexpr Token kWordEnd = 0xffffffffu;  // the cell between two words
inline constexpr Token kHole = 0xfffffffeu;     // a cell inside a token

// Where the tokens of words come from.
class WordSource {
public:
    virtual ~WordSource() = default;
    virtual int64_t rows() const = 0;
    // Appends the words of a row, each of two tokens or more and followed by kWordEnd.
    virtual void read(int64_t row, std::vector<Token>& out) const = 0;
};

// A token per byte. tokens: 256 of them.
class ByteWords : public WordSource {
public:
    ByteWords(const TextView& text, const Token* tokens) : text_(text), tokens_(tokens) {}
    int64_t rows() const override { return text_.rows; }
    void read(int64_t row, std::vector<Token>& out) const override;

private:
    TextView text_;
    const Token* tokens_;
};

// A token per character. A character without a token ends a word: nothing is merged across it.
class CharacterWords : public WordSource {
public:
    CharacterWords(const TextView& text, const uint32_t* characters, const Token* tokens,
                   size_t size);
    int64_t rows() const override { return text_.rows; }
    void read(int64_t row, std::vector<Token>& out) const override;

private:
    TextView text_;
    std::vector<Token> token_of_;
};

// Words that are given as tokens: row r has those from offsets[r] to offsets[r + 1].
class TokenWords : public WordSource {
public:
    TokenWords(const int64_t* offsets, const Token* tokens, int64_t rows)
        : offsets_(offsets), tokens_(tokens), rows_(rows) {}
    int64_t rows() const override { return rows_; }
    void read(int64_t row, std::vector<Token>& out) const override;

private:
    const int64_t* offsets_;
    const Token* tokens_;
    int64_t rows_;
};

struct FreeMemory {
    void operator()(void* memory) const { std::free(memory); }
};

// Cells that can give memory back.
class Cells {
public:
    void resize(uint64_t size);
    Token* data() { return cells_.get(); }
    const Token* data() const { return cells_.get(); }
    uint64_t size() const { return size_; }

private:
    std::unique_ptr<Token[], FreeMemory> cells_;
    uint64_t size_ = 0;
};

struct WordGroup {
    uint64_t begin;
    uint64_t end;
    int64_t count;
};

struct Words {
    Cells cells;  // begins with kWordEnd
    std::vector<WordGroup> groups;
};

// Words that occur 0 times are left out. Throws std::overflow_error where the tokens of all words, each as often as
// it occurs, are 2^63 or more.
Words gather_words(const WordSource& source, const uint64_t* counts);

// The count of the word of a cell; asked for ascending cells.
class CountCursor {
public:
    explicit CountCursor(const std::vector<WordGroup>& groups) : groups_(groups) {}

    int64_t operator()(uint64_t cell) {
        if (cell >= groups_[at_].end) advance(cell);
        return groups_[at_].count;
    }

private:
    void advance(uint64_t cell);

    const std::vector<WordGroup>& groups_;
    size_t at_ = 0;
};

}  // namespace curate
