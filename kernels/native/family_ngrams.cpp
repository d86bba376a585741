// Shares of repeated n-grams as the filters of ROOTS have them (Laurençon et al. 2022, appendix;
// also in data-juicer): of character n-grams the most frequent ones, of word n-grams all that occur
// twice. Options: characters per n-gram, words per n-gram. Equal hashes are compared.
#define XXH_INLINE_ALL
#include "third_party/xxhash.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>

#include "measure.hpp"
#include "utf8_encode.hpp"

namespace curate {
namespace {

// Longer documents are measured in windows of as many characters, so that the table stays small.
constexpr size_t kWindow = size_t{1} << 20;

// How often each distinct n-gram of a passage occurs.
class Census {
public:
    void open(size_t ngrams) {
        table_.reset(ngrams);
        counts_.clear();
        firsts_.clear();
    }

    template <class Same>
    void add(uint64_t key, uint32_t position, Same same) {
        const uint32_t fresh = static_cast<uint32_t>(counts_.size());
        const uint32_t found = table_.find_or_add(
            key, fresh, [&](uint32_t other) { return same(firsts_[other]); });
        if (found == fresh) {
            counts_.push_back(0);
            firsts_.push_back(position);
        }
        counts_[found] += 1;
    }

    // Occurrences of the int(sqrt(distinct)) most frequent n-grams that occur twice or more.
    int64_t most_frequent() {
        const size_t repeated = static_cast<size_t>(std::count_if(
            counts_.begin(), counts_.end(), [](uint32_t count) { return count > 1; }));
        size_t wanted = static_cast<size_t>(std::sqrt(static_cast<double>(counts_.size())));
        wanted = std::min(wanted, repeated);
        const auto limit = counts_.begin() + static_cast<std::ptrdiff_t>(wanted);
        std::nth_element(counts_.begin(), limit, counts_.end(), std::greater<uint32_t>());
        int64_t total = 0;
        for (auto count = counts_.begin(); count != limit; ++count) total += *count;
        return total;
    }

    // Occurrences of all n-grams that occur twice or more.
    int64_t repeated() const {
        int64_t total = 0;
        for (const uint32_t count : counts_) total += count > 1 ? count : 0;
        return total;
    }

private:
    StampTable table_;
    std::vector<uint32_t> counts_;
    std::vector<uint32_t> firsts_;
};

class Ngrams {
public:
    Ngrams(size_t characters, size_t words) : characters_(characters), words_(words) {}

    double of_characters(Document& document) {
        const Bytes text = document.text();
        starts_.clear();
        int64_t repeated = 0, total = 0;
        for (size_t position = 0; position < text.size; ++position) {
            if ((text.data[position] & 0xc0) == 0x80) continue;
            if (starts_.size() == kWindow) {
                count_characters_in(text, position, repeated, total);
                starts_.clear();
            }
            starts_.push_back(static_cast<uint32_t>(position));
        }
        count_characters_in(text, text.size, repeated, total);
        return share(repeated, total);
    }

    double of_words(Document& document) {
        const Words& words = document.words();
        if (words.count < words_) return 0.0;
        name_words(document, words);
        const size_t ngrams = words.count - words_ + 1, bytes = words_ * sizeof(uint32_t);
        const uint32_t* const names = names_.data();
        census_.open(ngrams);
        for (size_t index = 0; index < ngrams; ++index) {
            census_.add(XXH3_64bits(names + index, bytes), static_cast<uint32_t>(index),
                        [&](uint32_t other) {
                            return std::memcmp(names + other, names + index, bytes) == 0;
                        });
        }
        return share(census_.repeated(), static_cast<int64_t>(ngrams));
    }

private:
    static double share(int64_t part, int64_t whole) {
        return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0.0;
    }

    // The n-grams that begin and end between starts_[0] and `end`.
    void count_characters_in(Bytes text, size_t end, int64_t& repeated, int64_t& total) {
        if (starts_.size() < characters_) return;
        const size_t ngrams = starts_.size() - characters_ + 1;
        census_.open(ngrams);
        for (size_t index = 0; index < ngrams; ++index) {
            const size_t after = index + characters_;
            const size_t stop = after < starts_.size() ? starts_[after] : end;
            const uint32_t begin = starts_[index];
            const size_t bytes = stop - begin;
            const uint8_t* const data = text.data + begin;
            census_.add(XXH3_64bits(data, bytes), begin, [&](uint32_t other) {
                return end - other >= bytes && std::memcmp(text.data + other, data, bytes) == 0;
            });
        }
        repeated += census_.most_frequent();
        total += static_cast<int64_t>(ngrams);
    }

    // Words that are equal in lower case get one name: the number of the first of them.
    void name_words(Document& document, const Words& words) {
        uint32_t* const names = names_.reserve(words.count);
        lower_.clear();
        ends_.clear();
        table_.reset(words.count);
        for (size_t index = 0; index < words.count; ++index) {
            const size_t begin = lower_.size();
            add_lower(document.bytes(words.begin()[index]));
            const uint8_t* const data = lower_.data() + begin;
            const size_t bytes = lower_.size() - begin;
            ends_.push_back(lower_.size());
            const auto same = [&](uint32_t other) {
                const size_t from = other == 0 ? 0 : ends_[other - 1];
                return ends_[other] - from == bytes &&
                       std::memcmp(lower_.data() + from, data, bytes) == 0;
            };
            const uint32_t own = static_cast<uint32_t>(index);
            names[index] = table_.find_or_add(XXH3_64bits(data, bytes), own, same);
        }
    }

    void add_lower(Bytes word) {
        const size_t begin = lower_.size();
        lower_.resize(begin + 2 * word.size);  // two bytes become at most three, none more than twice
        uint8_t* out = lower_.data() + begin;
        for (size_t position = 0; position < word.size;) {
            const CodePoint point = decode(word, position);
            position += point.bytes;
            out = encode_lower(point.value, out);
        }
        lower_.resize(static_cast<size_t>(out - lower_.data()));
    }

    size_t characters_;
    size_t words_;
    Census census_;
    StampTable table_;
    std::vector<uint32_t> starts_;  // of the characters of the window
    Buffer<uint32_t> names_;
    std::vector<uint8_t> lower_;  // all words in lower case, one behind the other
    std::vector<size_t> ends_;    // in lower_, by word
};

}  // namespace

const Family ngrams_family{
    "ngrams",
    {{"repeated_character_ngrams", Signal::Kind::Fraction, false},
     {"repeated_word_ngrams", Signal::Kind::Fraction, true}},
    [](const Options& options, Columns columns) {
        if (options.size() != 2 || options[0] < 1 || options[1] < 1) {
            throw std::invalid_argument("ngrams needs characters and words per n-gram");
        }
        const auto ngrams = std::make_shared<Ngrams>(static_cast<size_t>(options[0]),
                                                     static_cast<size_t>(options[1]));
        return [columns, ngrams](Document& document, int64_t row) {
            columns[0].fractions[row] = ngrams->of_characters(document);
            columns[1].fractions[row] = ngrams->of_words(document);
        };
    },
};

}  // namespace curate
