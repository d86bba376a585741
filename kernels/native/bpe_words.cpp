#include "bpe_words.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <new>
#include <stdexcept>

#include "unicode.hpp"

namespace curate {
namespace {

constexpr uint64_t kSmallCounts = 1 << 16;

// A word of one token has no pair.
void end_word(std::vector<Token>& out, size_t begin) {
    if (out.size() - begin < 2) {
        out.resize(begin);
    } else {
        out.push_back(kWordEnd);
    }
}

// The place of every count among the distinct ones, highest first.
class CountOrder {
public:
    CountOrder(const uint64_t* counts, int64_t rows) : distinct_(counts, counts + rows) {
        std::sort(distinct_.begin(), distinct_.end(), std::greater<>());
        distinct_.erase(std::unique(distinct_.begin(), distinct_.end()), distinct_.end());
        if (!distinct_.empty() && distinct_.back() == 0) distinct_.pop_back();
        distinct_.shrink_to_fit();
        small_.resize(kSmallCounts);
        for (uint64_t count = 0; count < kSmallCounts; ++count) small_[count] = search(count);
    }

    size_t operator()(uint64_t count) const {
        return count < kSmallCounts ? small_[count] : search(count);
    }
    const std::vector<uint64_t>& distinct() const { return distinct_; }

private:
    size_t search(uint64_t count) const {
        return static_cast<size_t>(
            std::lower_bound(distinct_.begin(), distinct_.end(), count, std::greater<>()) -
            distinct_.begin());
    }

    std::vector<uint64_t> distinct_;
    std::vector<size_t> small_;
};

}  // namespace

void ByteWords::read(int64_t row, std::vector<Token>& out) const {
    const Bytes word = text_[row];
    const size_t begin = out.size();
    for (size_t index = 0; index < word.size; ++index) out.push_back(tokens_[word.data[index]]);
    end_word(out, begin);
}

CharacterWords::CharacterWords(const TextView& text, const uint32_t* characters,
                               const Token* tokens, size_t size)
    : text_(text), token_of_(0x110000, kWordEnd) {
    for (size_t index = 0; index < size; ++index) {
        if (characters[index] >= token_of_.size()) throw std::invalid_argument("no code point");
        token_of_[characters[index]] = tokens[index];
    }
}

void CharacterWords::read(int64_t row, std::vector<Token>& out) const {
    const Bytes word = text_[row];
    size_t begin = out.size();
    for (size_t position = 0; position < word.size;) {
        const CodePoint character = decode(word, position);
        position += character.bytes;
        const Token token = token_of_[character.value];
        if (token == kWordEnd) {
            end_word(out, begin);
            begin = out.size();
        } else {
            out.push_back(token);
        }
    }
    end_word(out, begin);
}

void TokenWords::read(int64_t row, std::vector<Token>& out) const {
    const size_t begin = out.size();
    out.insert(out.end(), tokens_ + offsets_[row], tokens_ + offsets_[row + 1]);
    end_word(out, begin);
}

void Cells::resize(uint64_t size) {
    // realloc of so large a block moves no byte and returns pages.
    void* moved = std::realloc(cells_.get(), std::max<uint64_t>(size, 1) * sizeof(Token));
    if (moved == nullptr) throw std::bad_alloc();
    static_cast<void>(cells_.release());
    cells_.reset(static_cast<Token*>(moved));
    size_ = size;
}

Words gather_words(const WordSource& source, const uint64_t* counts) {
    const int64_t rows = source.rows();
    const CountOrder order(counts, rows);
    std::vector<uint64_t> sizes(order.distinct().size());
    std::vector<Token> tokens;
    for (int64_t row = 0; row < rows; ++row) {
        if (counts[row] == 0) continue;
        tokens.clear();
        source.read(row, tokens);
        sizes[order(counts[row])] += tokens.size();
    }
    Words words;
    uint64_t end = 1;
    int64_t room = std::numeric_limits<int64_t>::max();
    for (size_t group = 0; group < sizes.size(); ++group) {
        const uint64_t count = order.distinct()[group];
        if (sizes[group] > static_cast<uint64_t>(room) / count) {
            throw std::overflow_error("the words hold 2^63 tokens or more");
        }
        room -= static_cast<int64_t>(sizes[group] * count);
        words.groups.push_back({end, end + sizes[group], static_cast<int64_t>(count)});
        end += sizes[group];
    }
    words.cells.resize(end);
    Token* cells = words.cells.data();
    cells[0] = kWordEnd;
    std::vector<uint64_t> next;
    for (const WordGroup& group : words.groups) next.push_back(group.begin);
    for (int64_t row = 0; row < rows; ++row) {
        if (counts[row] == 0) continue;
        tokens.clear();
        source.read(row, tokens);
        uint64_t& to = next[order(counts[row])];
        std::copy(tokens.begin(), tokens.end(), cells + to);
        to += tokens.size();
    }
    return words;
}

void CountCursor::advance(uint64_t cell) {
    size_t low = at_ + 1;
    size_t step = 1;
    while (low + step < groups_.size() && groups_[low + step].end <= cell) {
        low += step;
        step *= 2;
    }
    const size_t high = std::min(low + step, groups_.size() - 1);
    at_ = static_cast<size_t>(std::upper_bound(groups_.begin() + static_cast<int64_t>(low),
                                               groups_.begin() + static_cast<int64_t>(high), cell,
                                               [](uint64_t sought, const WordGroup& group) {
                                                   return sought < group.end;
                                               }) -
                              groups_.begin());
}

}  // namespace curate
