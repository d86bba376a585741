// Number, length and kinds of words, as datatrove's GopherQualityFilter reads them: symbols (which
// only its own tokenizers return) count in the denominators, not in the number and the length.
#include <array>
#include <cstring>
#include <stdexcept>

#include "measure.hpp"

namespace curate {
namespace {

constexpr uint32_t packed(const char* word) {
    uint32_t value = 0;
    for (int index = 0; word[index] != 0; ++index)
        value |= uint32_t{static_cast<uint8_t>(word[index])} << (8 * index);
    return value;
}

inline uint32_t little_endian(uint32_t value) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap32(value);
#else
    return value;
#endif
}

// Gopher's stop words (Rae et al. 2021, A1.1), case-sensitive, each in the slot that `slot_of`
// gives it: comparing with one slot has no branch that the processor could guess wrong (1.4 x as
// fast).
constexpr uint32_t slot_of(uint32_t word) { return word * 0x8f27bac9u >> 29; }

constexpr std::array<uint32_t, 8> kStopWords = {packed("to"),   packed("with"), packed("and"),
                                                packed("be"),   packed("have"), packed("the"),
                                                packed("that"), packed("of")};

constexpr bool slots_are_right() {
    for (uint32_t slot = 0; slot < 8; ++slot) {
        if (slot_of(kStopWords[slot]) != slot) return false;
    }
    return true;
}

static_assert(slots_are_right());

// Bytes of a word of up to four; longer words become 0, which is no stop word.
constexpr std::array<uint32_t, 6> kByteMasks = {0, 0xff, 0xffff, 0xffffff, 0xffffffff, 0};

struct Counter {
    int64_t words = 0;
    int64_t alphabetic = 0;
    int64_t characters = 0;
    uint32_t stop_words = 0;
};

Counter count(Bytes text, const Words& words) {
    Counter counter;
    for (const Word& word : words) {
        counter.words += !word.is_symbol;
        counter.alphabetic += word.has_letter;
        counter.characters += word.is_symbol ? 0 : word.characters;
        const size_t bytes = word.end - word.begin;
        uint32_t value = 0;
        if (text.size - word.begin >= 4) {
            std::memcpy(&value, text.data + word.begin, 4);
        } else {
            std::memcpy(&value, text.data + word.begin, text.size - word.begin);
        }
        value = little_endian(value) & kByteMasks[bytes < 5 ? bytes : 5];
        const uint32_t slot = slot_of(value);
        counter.stop_words |= uint32_t{kStopWords[slot] == value} << slot;
    }
    return counter;
}

int64_t count_byte(Bytes text, uint8_t wanted) {
    int64_t found = 0;
    for (size_t index = 0; index < text.size; ++index) found += text.data[index] == wanted;
    return found;
}

// "..." without overlap, as Python's str.count, plus U+2026.
int64_t count_ellipses(Bytes text) {
    int64_t found = 0;
    const uint8_t* end = text.data + text.size;
    const auto next = [end](const uint8_t* from, int byte) {
        return from == end ? nullptr
                           : static_cast<const uint8_t*>(
                                 std::memchr(from, byte, static_cast<size_t>(end - from)));
    };
    for (const uint8_t* at = next(text.data, '.'); at != nullptr;) {
        const uint8_t* stop = at;
        while (stop < end && *stop == '.') ++stop;
        found += (stop - at) / 3;
        at = next(stop, '.');
    }
    for (const uint8_t* at = next(text.data, 0xe2); at != nullptr; at = next(at + 1, 0xe2)) {
        found += end - at >= 3 && at[1] == 0x80 && at[2] == 0xa6;
    }
    return found;
}

}  // namespace

const Family words_family{
    "words",
    {{"count", Signal::Kind::Count, true},
     {"mean_length", Signal::Kind::Fraction, true},
     {"alphabetic_fraction", Signal::Kind::Fraction, true},
     {"hash_per_word", Signal::Kind::Fraction, true},
     {"ellipsis_per_word", Signal::Kind::Fraction, true},
     {"stop_words", Signal::Kind::Count, true}},
    [](const Options& options, Columns columns) {
        if (!options.empty()) throw std::invalid_argument("words takes no options");
        return [columns](Document& document, int64_t row) {
            const Words& words = document.words();
            const Counter counter = count(document.text(), words);
            const double all = words.count > 0 ? static_cast<double>(words.count) : 1.0;
            const double counted = counter.words > 0 ? static_cast<double>(counter.words) : 1.0;
            const auto per_word = [all](int64_t number) {
                return static_cast<double>(number) / all;
            };
            columns[0].counts[row] = counter.words;
            columns[1].fractions[row] = static_cast<double>(counter.characters) / counted;
            columns[2].fractions[row] = per_word(counter.alphabetic);
            columns[3].fractions[row] = per_word(count_byte(document.text(), '#'));
            columns[4].fractions[row] = per_word(count_ellipses(document.text()));
            columns[5].counts[row] = __builtin_popcount(counter.stop_words);
        };
    },
};

}  // namespace curate
