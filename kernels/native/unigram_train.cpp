#include "unigram_train.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "portable_math.hpp"
#include "unicode.hpp"
#include "unigram_lattice.hpp"
#include "utf8_encode.hpp"

namespace curate {
namespace {

constexpr double kFewestUses = 0.5;  // pieces expected less often are dropped; characters are kept
constexpr double kLastRound = 1.1;   // times the pieces wanted, when rounds of cutting end

Words read_words(const TextView& text, const uint64_t* counts, const uint32_t* alphabet,
                 size_t alphabet_size) {
    std::vector<Symbol> symbol_of(0x110000, 0);
    Words words;
    words.alphabet = static_cast<Symbol>(alphabet_size);
    words.symbol_bytes.assign(alphabet_size + 1, 0);
    for (size_t rank = 0; rank < alphabet_size; ++rank) {
        uint8_t buffer[4];
        symbol_of[alphabet[rank]] = static_cast<Symbol>(rank + 1);
        words.symbol_bytes[rank + 1] = static_cast<uint8_t>(encode(alphabet[rank], buffer) - buffer);
    }
    size_t symbols = 0;
    for (int64_t row = 0; row < text.rows; ++row) {
        symbols += static_cast<size_t>(count_code_points(text[row])) + 1;
    }
    words.symbols.reserve(symbols);
    std::vector<int64_t> order(static_cast<size_t>(text.rows));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t left, int64_t right) { return counts[left] > counts[right]; });
    for (const int64_t row : order) {
        if (counts[row] == 0) break;
        const auto end_word = [&] {
            if (words.symbols.size() == words.offsets.back()) return;
            words.symbols.push_back(0);
            words.offsets.push_back(words.symbols.size());
            words.counts.push_back(counts[row]);
        };
        const Bytes bytes = text[row];
        for (size_t at = 0; at < bytes.size;) {
            const CodePoint character = decode(bytes, at);
            at += character.bytes;
            if (const Symbol symbol = symbol_of[character.value]) {
                words.symbols.push_back(symbol);
            } else {
                end_word();
            }
        }
        end_word();
    }
    return words;
}

class Trainer {
public:
    Trainer(const Words& words, const UnigramSettings& settings) : words_(words), settings_(settings) {
        std::vector<double> weights;
        pieces_ = seed_pieces(words, settings, weights);
        double sum = 0;
        for (double& weight : weights) sum += weight = std::max(weight, kFewestUses);
        for (double& weight : weights) weight /= sum;
        probability_ = std::move(weights);
    }

    void run() {
        const auto last = static_cast<size_t>(kLastRound * static_cast<double>(settings_.pieces));
        for (;;) {
            for (int iteration = 0; iteration < settings_.sub_iterations; ++iteration) expect(true);
            if (pieces_.size() <= last) break;
            const auto share = settings_.shrinking_factor * static_cast<double>(pieces_.size());
            cut_to(std::max(last, static_cast<size_t>(share)));
        }
        if (pieces_.size() > settings_.pieces) cut_to(settings_.pieces);
        for (int iteration = 0; iteration < settings_.sub_iterations; ++iteration) expect(false);
    }

    const Pieces& pieces() const { return pieces_; }
    std::vector<double> log_probabilities() const {
        std::vector<double> logs(probability_.size());
        std::transform(probability_.begin(), probability_.end(), logs.begin(), portable_log);
        return logs;
    }

private:
    // One round of expectation and maximisation. Sums run in the order of words and pieces.
    void expect(bool drop_rare) {
        std::vector<double> expected(pieces_.size(), 0.0), scaled(pieces_.size());
        for (size_t piece = 0; piece < pieces_.size(); ++piece) {
            const auto power = Lattice::kScaleBits * static_cast<int>(pieces_.length(piece));
            scaled[piece] = std::ldexp(probability_[piece], power);
        }
        const PieceTrie trie(pieces_, words_.alphabet);
        Lattice lattice(trie);
        for (size_t word = 0; word < words_.size(); ++word) {
            lattice.expect(words_.begin(word), words_.length(word),
                           static_cast<double>(words_.counts[word]), scaled, expected);
        }
        std::vector<uint8_t> keep(pieces_.size(), 1);
        double sum = 0;
        for (size_t piece = 0; piece < pieces_.size(); ++piece) {
            if (drop_rare && pieces_.length(piece) > 1) keep[piece] = expected[piece] >= kFewestUses;
            if (!keep[piece]) continue;
            expected[piece] = std::max(expected[piece], kFewestUses);
            sum += expected[piece];
        }
        const double total = exp_digamma(sum);
        for (size_t piece = 0; piece < pieces_.size(); ++piece) {
            if (keep[piece]) probability_[piece] = exp_digamma(expected[piece]) / total;
        }
        select(keep);
    }

    // Keeps characters and the pieces whose loss would cost most likelihood, `most` in all.
    void cut_to(size_t most) {
        const std::vector<double> logs = log_probabilities();
        const PieceTrie trie(pieces_, words_.alphabet);
        Lattice lattice(trie);
        std::vector<uint64_t> uses(pieces_.size(), 0);
        for (size_t word = 0; word < words_.size(); ++word) {
            for (const uint32_t piece : lattice.best(words_.begin(word), words_.length(word), logs)) {
                uses[piece] += words_.counts[word];
            }
        }
        const double sum = static_cast<double>(std::accumulate(uses.begin(), uses.end(), uint64_t{0}));
        std::vector<uint8_t> keep(pieces_.size(), 0);
        struct Candidate {
            double loss;
            uint32_t piece;
        };
        std::vector<Candidate> candidates;
        size_t kept = 0;
        for (uint32_t piece = 0; piece < pieces_.size(); ++piece) {
            const size_t length = pieces_.length(piece);
            if (length == 1) {
                keep[piece] = 1;
                ++kept;
                continue;
            }
            if (uses[piece] == 0) continue;
            const auto& parts = lattice.best(pieces_.begin(piece), length, logs, piece);
            if (lattice.best_score() >= logs[piece]) continue;  // its parts are as good
            const auto own = static_cast<double>(uses[piece]);
            const double sum_without = portable_log(sum + own * static_cast<double>(parts.size() - 1));
            double without = 0;
            for (const uint32_t part : parts) {
                without += portable_log(static_cast<double>(uses[part]) + own) - sum_without;
            }
            candidates.push_back({own * (portable_log(own) - portable_log(sum) - without), piece});
        }
        std::sort(candidates.begin(), candidates.end(), [](const Candidate& left, const Candidate& right) {
            return left.loss != right.loss ? left.loss > right.loss : left.piece < right.piece;
        });
        for (const Candidate& candidate : candidates) {
            if (kept >= most) break;
            keep[candidate.piece] = 1;
            ++kept;
        }
        select(keep);
    }

    void select(const std::vector<uint8_t>& keep) {
        Pieces kept;
        size_t count = 0;
        for (size_t piece = 0; piece < pieces_.size(); ++piece) {
            if (!keep[piece]) continue;
            kept.add(pieces_.begin(piece), pieces_.length(piece));
            probability_[count++] = probability_[piece];
        }
        probability_.resize(count);
        pieces_ = std::move(kept);
    }

    const Words& words_;
    const UnigramSettings& settings_;
    Pieces pieces_;
    std::vector<double> probability_;
};

}  // namespace

CharacterCounts count_characters(const TextView& words, const uint64_t* counts) {
    std::vector<uint64_t> found(0x110000, 0);
    for (int64_t row = 0; row < words.rows; ++row) {
        const Bytes bytes = words[row];
        for (size_t at = 0; at < bytes.size;) {
            const CodePoint character = decode(bytes, at);
            found[character.value] += counts[row];
            at += character.bytes;
        }
    }
    CharacterCounts result;
    for (uint32_t code_point = 0; code_point < found.size(); ++code_point) {
        if (found[code_point] == 0) continue;
        result.code_points.push_back(code_point);
        result.counts.push_back(found[code_point]);
    }
    return result;
}

UnigramModel train_unigram(const TextView& text, const uint64_t* counts, const uint32_t* alphabet,
                           size_t alphabet_size, const UnigramSettings& settings) {
    const Words words = read_words(text, counts, alphabet, alphabet_size);
    Trainer trainer(words, settings);
    trainer.run();
    UnigramModel model;
    model.log_probabilities = trainer.log_probabilities();
    for (size_t piece = 0; piece < trainer.pieces().size(); ++piece) {
        for (size_t at = 0; at < trainer.pieces().length(piece); ++at) {
            uint8_t buffer[4];
            const uint8_t* end = encode(alphabet[trainer.pieces().begin(piece)[at] - 1], buffer);
            model.pieces.append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(end - buffer));
        }
        model.offsets.push_back(static_cast<int64_t>(model.pieces.size()));
    }
    return model;
}

}  // namespace curate
