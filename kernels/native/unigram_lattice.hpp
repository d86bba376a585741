// All ways to write a word with the pieces of a model: expected uses of each piece, and the best way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "unigram_trie.hpp"

namespace curate {

// Works on one word at a time and keeps its memory. Not thread-safe.
class Lattice {
public:
    explicit Lattice(const PieceTrie& trie) : trie_(trie) {}

    // Adds to `expected` the uses of every piece in a word that occurs `weight` times: the forward-backward
    // algorithm, in the order of the text. `scaled` holds probability x 2^(kScaleBits x length) per piece.
    void expect(const Symbol* word, size_t size, double weight, const std::vector<double>& scaled,
                std::vector<double>& expected);

    // The most probable pieces, last first. Of equally good ways, the piece that begins first wins, as in
    // SentencePiece and `tokenizers`. `without`: a piece that may not span the whole word.
    const std::vector<uint32_t>& best(const Symbol* word, size_t size,
                                      const std::vector<double>& log_probability,
                                      uint32_t without = PieceTrie::kNone);

    // Log probability of what `best` found last.
    double best_score() const { return score_.back(); }

    // Keeps products over a word of 64 characters of 0 to 21 bits each within the range of a double.
    static constexpr int kScaleBits = 6;

private:
    struct Edge {
        uint32_t begin, end, piece;
    };

    void expect_in_wide_range(size_t size, double weight, const std::vector<double>& scaled,
                              std::vector<double>& expected);

    const PieceTrie& trie_;
    std::vector<Edge> edges_;
    std::vector<double> forward_, backward_, score_;
    std::vector<uint32_t> from_, by_, path_;
};

}  // namespace curate
