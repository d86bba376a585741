// The 13 repetition fractions of Rae et al. 2021, table A1, as datatrove's GopherRepetitionFilter
// reads them, except that blank lines and paragraphs are no duplicates and CR LF is a line end.
//
// An n-gram is named by its first occurrence, so that equal names mean equal n-grams without
// comparing text: an n-gram of three words and more is the pair of names of its two
// (n-1)-grams, an exact 64-bit key. Pairs of words are found by a hash and compared. An n-gram can only
// repeat where both its (n-1)-grams do, so that the list of candidates shrinks from n to n + 1:
// prose costs little more than one round of look-ups, and no text more than nine.
//
// Option: the longest window in words. A longer document is cut into windows, and a fraction is the
// mean over them, weighted by their characters.
#define XXH_INLINE_ALL
#include "third_party/xxhash.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <stdexcept>

#include "line_ends.hpp"
#include "measure.hpp"

namespace curate {
namespace {

constexpr size_t kFractions = 13;
using Fractions = std::array<double, kFractions>;

// A document or a window of it.
struct Passage {
    Bytes text;
    int64_t characters;
    const Word* words;  // positions from the start of the document
    size_t word_count;
    Bytes document;
    const std::vector<Line>* lines;
};

uint64_t little_endian(const uint8_t* data, size_t bytes) {
    uint64_t value = 0;
    std::memcpy(&value, data, bytes);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

// Equal for equal words.
uint64_t key_of(Bytes document, const Word& word) {
    const uint8_t* const data = document.data + word.begin;
    const size_t bytes = word.end - word.begin, left = document.size - word.begin;
    if (bytes > 16 || left < 8) {
        return bytes > 8 ? XXH3_64bits(data, bytes) : little_endian(data, bytes);
    }
    const uint64_t first = little_endian(data, 8);
    const uint64_t last = little_endian(data + (bytes > 8 ? bytes - 8 : 0), 8);
    const unsigned unused = bytes < 8 ? 8 * (8 - static_cast<unsigned>(bytes)) : 0;
    return (first << unused >> unused) ^ (bytes > 8 ? last * 0x9e3779b97f4a7c15ull : 0);
}

uint64_t key_of_pair(uint64_t first, uint64_t second) {
    return (first * 0x9fb21c651e98df25ull) ^ (second << 32 | second >> 32);
}

// Finds equal keys without a branch to guess wrong: in prose most n-grams occur once, some again, and
// a hash table would guess at each of them. A slot belongs to the key that comes to it first.
class FirstMet {
public:
    static constexpr size_t kMost = 65'535;  // keys at most; their slots stay in a cache

    // names[index] becomes the index of the first key of the same slot, which may be another key.
    // Returns how many keys were not the first; `later` lists them, it has room for all.
    size_t find(const uint64_t* keys, size_t count, uint32_t* names, uint32_t* later) {
        unsigned bits = 6;
        while (size_t{1} << bits < kRoom * count) ++bits;
        uint16_t* const slots = slots_.reserve(size_t{1} << bits);
        std::memset(slots, 0xff, sizeof(uint16_t) << bits);
        size_t found = 0;
        for (uint32_t index = 0; index < count; ++index) {
            const uint64_t key = keys[index];
            uint16_t& slot = slots[(key ^ key >> 29) * 0xbf58476d1ce4e5b9ull >> (64 - bits)];
            const bool is_first = slot == kFree;
            const uint32_t name = is_first ? index : slot;
            slot = static_cast<uint16_t>(name);
            names[index] = name;
            later[found] = index;
            found += !is_first;
        }
        return found;
    }

private:
    static constexpr size_t kRoom = 8;  // slots per key: one in sixteen finds another key in its slot
    static constexpr uint16_t kFree = 0xffff;

    Buffer<uint16_t> slots_;
};

class Repetition {
public:
    Fractions measure(const Passage& passage) {
        Fractions found{};
        const double characters =
            passage.characters > 0 ? static_cast<double>(passage.characters) : 1.0;
        measure_lines(passage, characters, found);
        measure_paragraphs(passage, characters, found);
        measure_grams(passage, characters, found);
        return found;
    }

private:
    void measure_lines(const Passage& passage, double characters, Fractions& found) const {
        const std::vector<Line>& lines = *passage.lines;
        int64_t pieces = 0, repeated = 0, repeated_characters = 0;
        for (const Line& line : lines) {
            pieces += line.end > line.begin;
            repeated += line.is_repeated;
            repeated_characters += line.is_repeated ? line.characters : 0;
        }
        // Splitting at runs of line ends leaves an empty piece before the first and after the last.
        const bool many = lines.size() > 1;
        pieces += many && lines.front().end == lines.front().begin;
        pieces += many && lines.back().end == lines.back().begin;
        found[0] = static_cast<double>(repeated) / static_cast<double>(pieces > 0 ? pieces : 1);
        found[2] = static_cast<double>(repeated_characters) / characters;
    }

    // Paragraphs are what two or more line ends separate, in the stripped text.
    void measure_paragraphs(const Passage& passage, double characters, Fractions& found) {
        const std::vector<Line>& lines = *passage.lines;
        const Bytes body = strip(passage.text);
        const uint32_t first = static_cast<uint32_t>(body.data - passage.text.data);
        const uint32_t last = first + static_cast<uint32_t>(body.size);
        paragraphs_.clear();
        bool open = false;
        for (const Line& line : lines) {
            if (line.end <= first || line.begin >= last) continue;
            const uint32_t begin = std::max(line.begin, first), end = std::min(line.end, last);
            if (end == begin) {
                open = false;
            } else if (open) {
                paragraphs_.back().end = end;
            } else {
                paragraphs_.push_back({begin, end});
                open = true;
            }
        }
        if (paragraphs_.size() < 2) return;
        int64_t repeated = 0, repeated_characters = 0;
        table_.reset(paragraphs_.size());
        for (size_t index = 0; index < paragraphs_.size(); ++index) {
            const Bytes text = bytes(passage, paragraphs_[index]);
            if (strip(text).size == 0) continue;
            const auto same = [&](uint32_t other) {
                const Bytes earlier = bytes(passage, paragraphs_[other]);
                return earlier.size == text.size &&
                       std::memcmp(earlier.data, text.data, text.size) == 0;
            };
            const uint32_t own = static_cast<uint32_t>(index);
            if (table_.find_or_add(XXH3_64bits(text.data, text.size), own, same) == own) continue;
            repeated += 1;
            repeated_characters += count_code_points(text);
        }
        found[1] = static_cast<double>(repeated) / static_cast<double>(paragraphs_.size());
        found[3] = static_cast<double>(repeated_characters) / characters;
    }

    // Names the pairs of words, the first candidates; returns how many.
    size_t name_pairs(const Passage& passage) {
        if (passage.word_count < 2) return 0;
        const Word* const words = passage.words;
        const size_t pairs = passage.word_count - 1;
        names_.reserve(pairs);
        counts_.reserve(pairs);
        later_.reserve(pairs);
        uint64_t* const word_keys = word_keys_.reserve(passage.word_count);
        uint64_t* const keys = keys_.reserve(pairs);
        uint32_t* const positions = positions_.reserve(pairs);
        word_keys[0] = key_of(passage.document, words[0]);
        for (size_t index = 0; index < pairs; ++index) {
            word_keys[index + 1] = key_of(passage.document, words[index + 1]);
            keys[index] = key_of_pair(word_keys[index], word_keys[index + 1]);
            positions[index] = static_cast<uint32_t>(index);
        }
        const auto are_equal = [&](uint32_t one, uint32_t other) {
            const Word &first = words[one], &second = words[other];
            const size_t bytes = first.end - first.begin;
            return word_keys[one] == word_keys[other] && second.end - second.begin == bytes &&
                   (bytes <= 8 || std::memcmp(passage.document.data + first.begin,
                                              passage.document.data + second.begin, bytes) == 0);
        };
        name_all(pairs, [&](uint32_t one, uint32_t other) {
            return are_equal(one, other) && are_equal(one + 1, other + 1);
        });
        return pairs;
    }

    // Names and counts the candidates. same(index, other) says whether two candidates of equal keys
    // are equal n-grams.
    template <class Same>
    void name_all(size_t count, Same same) {
        const uint64_t* const keys = keys_.data();
        uint32_t* const names = names_.data();
        uint32_t* const counts = counts_.data();
        std::fill_n(counts, count, 1u);
        const auto look_up = [&](uint32_t index) {
            const auto same_as_this = [&](uint32_t other) { return same(index, other); };
            const uint32_t name = table_.find_or_add(keys[index], index, same_as_this);
            names[index] = name;
            if (name != index) counts[name] += 1;
        };
        if (count > FirstMet::kMost) {
            table_.reset(count);
            const size_t prefetched = count - kAhead;
            for (size_t index = 0; index < count; ++index) {
                if (index < prefetched) table_.prefetch(keys[index + kAhead]);
                look_up(static_cast<uint32_t>(index));
            }
            return;
        }
        uint32_t* const later = later_.data();
        const size_t found = first_met_.find(keys, count, names, later);
        size_t strangers = 0;  // in the slots of others, as all their equals
        for (size_t at = 0; at < found; ++at) {
            const uint32_t index = later[at], name = names[index];
            if (keys[index] == keys[name] && same(index, name)) {
                counts[name] += 1;
            } else {
                later[strangers++] = index;
            }
        }
        table_.reset(strangers);
        for (size_t at = 0; at < strangers; ++at) look_up(later[at]);
    }

    void measure_grams(const Passage& passage, double characters, Fractions& found) {
        size_t candidates = name_pairs(passage);
        for (size_t words = 2; words <= 10; ++words) {
            if (words > 2) candidates = name_grams(candidates);
            const Top top = keep_repeated(candidates);
            candidates = top.candidates;
            int64_t covered = 0;
            if (words >= 5) {
                covered = repeated_characters(passage, candidates, words);
            } else if (passage.word_count >= words) {
                covered = gram_characters(passage, top.position, words) +
                          static_cast<int64_t>(words) - 1;
                covered *= top.count;
            }
            found[words + 2] = static_cast<double>(covered) / characters;
        }
    }

    // From candidates of n - 1 words to those of n: both parts of a pair must be candidates.
    size_t name_grams(size_t candidates) {
        const uint32_t* const names = names_.data();
        uint64_t* const keys = keys_.data();
        uint32_t* const positions = positions_.data();
        size_t pairs = 0;
        for (size_t index = 0; index + 1 < candidates; ++index) {
            const uint32_t position = positions[index];
            keys[pairs] = uint64_t{names[index]} << 32 | names[index + 1];
            positions[pairs] = position;
            pairs += positions[index + 1] == position + 1;
        }
        name_all(pairs, [](uint32_t, uint32_t) { return true; });
        return pairs;
    }

    static constexpr size_t kAhead = 16;  // look-ups whose memory is fetched in advance

    struct Top {
        size_t candidates = 0;
        uint32_t position = 0;  // of the most frequent n-gram, the earliest among equals
        uint32_t count = 1;
    };

    // Drops the candidates that occur once.
    Top keep_repeated(size_t candidates) {
        const uint32_t* const counts = counts_.data();
        uint32_t* const names = names_.data();
        uint32_t* const positions = positions_.data();
        Top top;
        for (size_t index = 0; index < candidates; ++index) {
            const uint32_t name = names[index], position = positions[index];
            const uint32_t count = counts[name];
            if (count > top.count) {
                top.count = count;
                top.position = position;
            }
            names[top.candidates] = name;
            positions[top.candidates] = position;
            top.candidates += count > 1;
        }
        return top;
    }

    // Walks from left to right and jumps over every n-gram that it has met before.
    int64_t repeated_characters(const Passage& passage, size_t candidates, size_t words) {
        constexpr uint32_t kMet = std::numeric_limits<uint32_t>::max();
        uint32_t* const counts = counts_.data();
        int64_t characters = 0;
        size_t next = 0;
        for (size_t index = 0; index < candidates; ++index) {
            const uint32_t position = positions_.data()[index];
            if (position < next) continue;
            uint32_t& count = counts[names_.data()[index]];
            if (count == kMet) {
                characters += gram_characters(passage, position, words);
                next = position + words;
            }
            count = kMet;
        }
        return characters;
    }

    static int64_t gram_characters(const Passage& passage, size_t position, size_t words) {
        int64_t characters = 0;
        for (size_t index = position; index < position + words; ++index)
            characters += passage.words[index].characters;
        return characters;
    }

    struct Paragraph {
        uint32_t begin;
        uint32_t end;
    };

    static Bytes bytes(const Passage& passage, const Paragraph& paragraph) {
        return {passage.text.data + paragraph.begin, paragraph.end - paragraph.begin};
    }

    StampTable table_;
    FirstMet first_met_;
    std::vector<Paragraph> paragraphs_;
    Buffer<uint64_t> word_keys_;
    Buffer<uint64_t> keys_;       // of the candidates while they get names
    Buffer<uint32_t> names_;      // of the candidates: which of them, when named, was the first equal
    Buffer<uint32_t> positions_;  // of the candidates, ascending
    Buffer<uint32_t> counts_;     // by name
    Buffer<uint32_t> later_;      // candidates that were not the first
};

// Windows of equal numbers of words, at most `window_words` each (0: one window).
class Windows {
public:
    Fractions measure(Document& document, size_t window_words) {
        const Words& words = document.words();
        const Bytes text = document.text();
        if (window_words == 0 || words.count <= window_words) {
            return repetition_.measure({text, document.characters(), words.words, words.count, text,
                                        &document.lines()});
        }
        const size_t windows = (words.count + window_words - 1) / window_words;
        Fractions sum{};
        size_t begin = 0;
        for (size_t index = 0; index < windows; ++index) {
            const size_t first = words.count * index / windows;
            const size_t after = words.count * (index + 1) / windows;
            const size_t end = index + 1 < windows ? words.words[after].begin : text.size;
            const Bytes part{text.data + begin, end - begin};
            const int64_t characters = count_code_points(part);
            split_lines(part, characters == static_cast<int64_t>(part.size), lines_, table_);
            const Fractions found = repetition_.measure(
                {part, characters, words.words + first, after - first, text, &lines_});
            for (size_t fraction = 0; fraction < kFractions; ++fraction)
                sum[fraction] += found[fraction] * static_cast<double>(characters);
            begin = end;
        }
        for (double& value : sum) value /= static_cast<double>(document.characters());
        return sum;
    }

private:
    Repetition repetition_;
    std::vector<Line> lines_;
    StampTable table_;
};

}  // namespace

const Family repetition_family{
    "repetition",
    {{"duplicate_line_fraction", Signal::Kind::Fraction, false},
     {"duplicate_paragraph_fraction", Signal::Kind::Fraction, false},
     {"duplicate_line_characters", Signal::Kind::Fraction, false},
     {"duplicate_paragraph_characters", Signal::Kind::Fraction, false},
     {"top_2gram_characters", Signal::Kind::Fraction, true},
     {"top_3gram_characters", Signal::Kind::Fraction, true},
     {"top_4gram_characters", Signal::Kind::Fraction, true},
     {"duplicate_5gram_characters", Signal::Kind::Fraction, true},
     {"duplicate_6gram_characters", Signal::Kind::Fraction, true},
     {"duplicate_7gram_characters", Signal::Kind::Fraction, true},
     {"duplicate_8gram_characters", Signal::Kind::Fraction, true},
     {"duplicate_9gram_characters", Signal::Kind::Fraction, true},
     {"duplicate_10gram_characters", Signal::Kind::Fraction, true}},
    [](const Options& options, Columns columns) {
        if (options.size() > 1 || (options.size() == 1 && options[0] < 1))
            throw std::invalid_argument("repetition takes a window of one word or more, or none");
        const size_t window_words = options.empty() ? 0 : static_cast<size_t>(options[0]);
        return [columns, window_words, windows = std::make_shared<Windows>()](Document& document,
                                                                              int64_t row) {
            const Fractions found = windows->measure(document, window_words);
            for (size_t index = 0; index < kFractions; ++index)
                columns[index].fractions[row] = found[index];
        };
    },
};

}  // namespace curate
