// The pieces of a unigram model as a trie over symbols. A symbol is the rank of a character in the
// alphabet, plus one; 0 ends a word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace curate {

using Symbol = uint32_t;

// Pieces in ascending order of their symbols, each at least one symbol long.
struct Pieces {
    std::vector<Symbol> symbols;
    std::vector<uint64_t> offsets{0};

    size_t size() const { return offsets.size() - 1; }
    size_t length(size_t piece) const { return offsets[piece + 1] - offsets[piece]; }
    const Symbol* begin(size_t piece) const { return symbols.data() + offsets[piece]; }

    void add(const Symbol* first, size_t length) {
        symbols.insert(symbols.end(), first, first + length);
        offsets.push_back(symbols.size());
    }
};

// Children of a node lie side by side, in the order of their symbols, so a node needs no pointer for
// each: 12 bytes per node. The first symbol is looked up in a table.
class PieceTrie {
public:
    static constexpr uint32_t kNone = UINT32_MAX;

    PieceTrie(const Pieces& pieces, Symbol alphabet) : roots_(alphabet + 1, kNone) {
        struct Range {
            size_t first, last;  // pieces that begin with the path to the node
        };
        std::vector<Range> level, next;
        const auto add_children = [&](Range parent, size_t depth) {
            for (size_t first = parent.first; first < parent.last;) {
                const Symbol symbol = pieces.begin(first)[depth];
                size_t last = first + 1;
                while (last < parent.last && pieces.begin(last)[depth] == symbol) ++last;
                const bool ends_here = pieces.length(first) == depth + 1;
                if (depth == 0) roots_[symbol] = static_cast<uint32_t>(symbol_.size());
                symbol_.push_back(symbol);
                piece_.push_back(ends_here ? static_cast<uint32_t>(first) : kNone);
                next.push_back({first + ends_here, last});
                first = last;
            }
        };
        add_children({0, pieces.size()}, 0);
        for (size_t depth = 1; !next.empty(); ++depth) {
            level.swap(next);
            next.clear();
            for (const Range& node : level) {
                children_.push_back(static_cast<uint32_t>(symbol_.size()));
                add_children(node, depth);
            }
        }
        children_.push_back(static_cast<uint32_t>(symbol_.size()));
    }

    // Calls found(length, piece) for every piece that `text` begins with, shortest first.
    template <class Found>
    void walk(const Symbol* text, size_t size, const Found& found) const {
        uint32_t node = roots_[text[0]];
        for (size_t length = 1; node != kNone; ++length) {
            if (piece_[node] != kNone) found(length, piece_[node]);
            if (length == size) return;
            node = child(node, text[length]);
        }
    }

private:
    uint32_t child(uint32_t node, Symbol symbol) const {
        uint32_t first = children_[node], count = children_[node + 1] - first;
        if (count == 0) return kNone;
        while (count > 1) {
            const uint32_t half = count / 2;
            if (symbol_[first + half] <= symbol) first += half;
            count -= half;
        }
        return symbol_[first] == symbol ? first : kNone;
    }

    std::vector<uint32_t> roots_;
    std::vector<Symbol> symbol_;
    std::vector<uint32_t> piece_;
    std::vector<uint32_t> children_;
};

}  // namespace curate
