// Training of a unigram language model of pieces (Kudo 2018) on words and how often each occurs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text_view.hpp"
#include "unigram_trie.hpp"

namespace curate {

// Occurrences of each character, ascending by code point.
struct CharacterCounts {
    std::vector<uint32_t> code_points;
    std::vector<uint64_t> counts;
};

CharacterCounts count_characters(const TextView& words, const uint64_t* counts);

struct UnigramSettings {
    size_t pieces;            // wanted, characters included
    size_t seed_pieces;       // most pieces to begin with
    size_t seed_symbols;      // most symbols of words that seeds are looked for in
    size_t piece_characters;  // longest piece
    size_t piece_bytes;       // longest piece, UTF-8
    uint64_t min_frequency;   // fewest occurrences of a seed
    double shrinking_factor;  // share of pieces that outlives a round
    int sub_iterations;       // rounds of expectation and maximisation between two cuts
};

// Words as symbols with a 0 behind each, most frequent first; cut at characters outside the alphabet.
struct Words {
    std::vector<Symbol> symbols;
    std::vector<uint64_t> offsets{0};  // word w is symbols[offsets[w]] to symbols[offsets[w + 1] - 1]
    std::vector<uint64_t> counts;
    std::vector<uint8_t> symbol_bytes;  // UTF-8 length of each symbol's character
    Symbol alphabet = 0;

    size_t size() const { return counts.size(); }
    size_t length(size_t word) const { return offsets[word + 1] - offsets[word] - 1; }
    const Symbol* begin(size_t word) const { return symbols.data() + offsets[word]; }
};

// All characters of the alphabet, and the substrings with the largest frequency x length, in order;
// `weights` is that product.
Pieces seed_pieces(const Words& words, const UnigramSettings& settings,
                   std::vector<double>& weights);

// A trained model: pieces as UTF-8 in order of their code points, natural logarithms of probabilities.
struct UnigramModel {
    std::string pieces;
    std::vector<int64_t> offsets{0};
    std::vector<double> log_probabilities;
};

// alphabet: ascending code points; each becomes a piece.
UnigramModel train_unigram(const TextView& words, const uint64_t* counts, const uint32_t* alphabet,
                           size_t alphabet_size, const UnigramSettings& settings);

}  // namespace curate
