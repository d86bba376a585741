// Seeds: substrings of words by frequency x length, from the sorted suffixes of the words. Only substrings
// that are not always followed by the same character are looked at: the longer one stands for both.
#include <algorithm>
#include <numeric>

#include "unigram_train.hpp"

namespace curate {
namespace {

struct Suffix {
    uint64_t key;  // the first symbols
    uint32_t position;
};

struct Seed {
    uint64_t score;
    uint32_t position;
    uint32_t length;
};

// Suffixes of the first words, sorted by their first `depth` symbols, then by position.
class SortedSuffixes {
public:
    SortedSuffixes(const Words& words, size_t depth, size_t most_symbols)
        : symbols_(words.symbols.data()), depth_(depth) {
        size_t bits = 1;
        while ((uint64_t{1} << bits) <= words.alphabet) ++bits;
        in_key_ = std::min(depth, 64 / bits);
        size_t used = 0;
        while (used < words.size() && words.offsets[used + 1] <= most_symbols) ++used;
        suffixes_.reserve(words.offsets[used] - used);
        for (size_t word = 0; word < used; ++word) {
            const size_t end = words.offsets[word + 1] - 1;
            for (size_t position = words.offsets[word]; position < end; ++position) {
                uint64_t key = 0;
                for (size_t index = 0; index < in_key_; ++index) {
                    key = key << bits | (position + index < end ? symbols_[position + index] : 0);
                }
                suffixes_.push_back({key, static_cast<uint32_t>(position)});
            }
        }
        std::sort(suffixes_.begin(), suffixes_.end(), [this](const Suffix& left, const Suffix& right) {
            if (left.key != right.key) return left.key < right.key;
            const size_t same = shared(left, right);
            if (same < depth_ && symbols_[left.position + same] != symbols_[right.position + same]) {
                return symbols_[left.position + same] < symbols_[right.position + same];
            }
            return left.position < right.position;
        });
    }

    size_t size() const { return suffixes_.size(); }
    uint32_t position(size_t index) const { return suffixes_[index].position; }

    // Symbols of a suffix, at most depth.
    size_t length(size_t index) const {
        size_t length = 0;
        while (length < depth_ && symbols_[position(index) + length] != 0) ++length;
        return length;
    }

    // Symbols that two suffixes begin with together, at most depth.
    size_t shared(const Suffix& left, const Suffix& right) const {
        size_t length = 0;
        while (length < depth_ && symbols_[left.position + length] != 0 &&
               symbols_[left.position + length] == symbols_[right.position + length]) {
            ++length;
        }
        return length;
    }
    size_t shared_with_next(size_t index) const {
        return index + 1 < size() ? shared(suffixes_[index], suffixes_[index + 1]) : 0;
    }

private:
    const Symbol* symbols_;
    size_t depth_, in_key_;
    std::vector<Suffix> suffixes_;
};

bool by_score(const Seed& left, const Seed& right) {
    if (left.score != right.score) return left.score > right.score;
    if (left.position != right.position) return left.position < right.position;
    return left.length < right.length;
}

// Keeps the best seeds seen so far; memory is twice the number kept.
class BestSeeds {
public:
    explicit BestSeeds(size_t most) : most_(most) {}

    void add(Seed seed) {
        if (most_ == 0) return;
        seeds_.push_back(seed);
        if (seeds_.size() >= 2 * most_ + 1024) shrink();
    }

    std::vector<Seed> take() {
        shrink();
        return std::move(seeds_);
    }

private:
    void shrink() {
        if (seeds_.size() <= most_) return;
        std::nth_element(seeds_.begin(), seeds_.begin() + static_cast<ptrdiff_t>(most_), seeds_.end(),
                         by_score);
        seeds_.resize(most_);
    }

    size_t most_;
    std::vector<Seed> seeds_;
};

std::vector<uint64_t> counts_by_symbol(const Words& words) {
    std::vector<uint64_t> found(words.alphabet + 1);
    for (size_t word = 0; word < words.size(); ++word) {
        for (size_t index = 0; index < words.length(word); ++index) {
            found[words.begin(word)[index]] += words.counts[word];
        }
    }
    return found;
}

std::vector<Seed> frequent_substrings(const Words& words, const UnigramSettings& settings) {
    const SortedSuffixes suffixes(words, settings.piece_characters, settings.seed_symbols);
    const auto weight = [&](size_t index) {
        const auto after = std::upper_bound(words.offsets.begin(), words.offsets.end(),
                                            uint64_t{suffixes.position(index)});
        return words.counts[static_cast<size_t>(after - words.offsets.begin()) - 1];
    };
    BestSeeds best(settings.seed_pieces > words.alphabet ? settings.seed_pieces - words.alphabet : 0);
    // The longest piece of `shortest` to `longest` symbols, all of which are equally frequent.
    const auto offer = [&](size_t shortest, size_t longest, uint64_t frequency, size_t index) {
        const uint32_t position = suffixes.position(index);
        size_t length = 0, bytes = 0;
        for (; length < longest; ++length) {
            bytes += words.symbol_bytes[words.symbols[position + length]];
            if (bytes > settings.piece_bytes) break;
        }
        if (length < std::max<size_t>(shortest, 2) || frequency < settings.min_frequency) return;
        best.add({frequency * length, position, static_cast<uint32_t>(length)});
    };
    struct Group {
        size_t shared;
        uint64_t before;  // weight of all suffixes before its first
    };
    std::vector<Group> open;
    uint64_t before = 0;
    size_t shared_before = 0;
    for (size_t index = 0; index < suffixes.size(); ++index) {
        const uint64_t own = weight(index);
        const size_t shared_after = suffixes.shared_with_next(index);
        const size_t whole = suffixes.length(index);
        const size_t shared = std::max(shared_before, shared_after);
        if (whole > shared) offer(shared + 1, whole, own, index);
        uint64_t first = before;
        while (!open.empty() && open.back().shared > shared_after) {
            const Group group = open.back();
            open.pop_back();
            first = group.before;
            const size_t around = std::max(shared_after, open.empty() ? 0 : open.back().shared);
            offer(around + 1, group.shared, before + own - first, index);
        }
        if (shared_after > 0 && (open.empty() || open.back().shared < shared_after)) {
            open.push_back({shared_after, first});
        }
        before += own;
        shared_before = shared_after;
    }
    return best.take();
}

}  // namespace

Pieces seed_pieces(const Words& words, const UnigramSettings& settings,
                   std::vector<double>& weights) {
    std::vector<Seed> seeds = frequent_substrings(words, settings);
    const Symbol* symbols = words.symbols.data();
    std::sort(seeds.begin(), seeds.end(), [&](const Seed& left, const Seed& right) {
        const Symbol *a = symbols + left.position, *b = symbols + right.position;
        return std::lexicographical_compare(a, a + left.length, b, b + right.length);
    });
    const std::vector<uint64_t> characters = counts_by_symbol(words);
    Pieces pieces;
    weights.clear();
    auto seed = seeds.begin();
    for (Symbol symbol = 1; symbol <= words.alphabet; ++symbol) {
        pieces.add(&symbol, 1);
        weights.push_back(static_cast<double>(characters[symbol]));
        for (; seed != seeds.end() && symbols[seed->position] == symbol; ++seed) {
            pieces.add(symbols + seed->position, seed->length);
            weights.push_back(static_cast<double>(seed->score));
        }
    }
    return pieces;
}

}  // namespace curate
