#include "row_order.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace curate {
namespace {

constexpr uint64_t SIGN = uint64_t{1} << 63;
constexpr size_t BY_INSERTION = 24;
constexpr size_t BY_COMPARISON = 256;
constexpr unsigned RADIX_BITS = 11;

// One row while it is sorted, with the word that is looked at.
struct Item {
    uint64_t word;
    uint32_t row;
};

template <class Value>
Value load(const uint8_t* bytes) {
    Value value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

// Eight bytes whose order is that of the number (Arrow's own numbers are little-endian).
uint64_t big_endian(const uint8_t* bytes) { return __builtin_bswap64(load<uint64_t>(bytes)); }

template <class Value, class Encode>
void encode(const uint8_t* values, size_t rows, uint64_t* words, size_t width, Encode encoded) {
    for (size_t row = 0; row < rows; ++row) {
        words[row * width] = encoded(load<Value>(values + row * sizeof(Value)));
    }
}

template <class Signed, class Unsigned>
void encode_integers(const uint8_t* values, bool is_signed, size_t rows, uint64_t* words,
                     size_t width) {
    if (is_signed) {
        encode<Signed>(values, rows, words, width, [](Signed value) {
            return static_cast<uint64_t>(static_cast<int64_t>(value)) ^ SIGN;
        });
    } else {
        encode<Unsigned>(values, rows, words, width,
                         [](Unsigned value) { return static_cast<uint64_t>(value); });
    }
}

unsigned bit_length(uint64_t value) {
    unsigned bits = 0;
    for (; value != 0; value >>= 1) ++bits;
    return bits;
}

// Sorts items by their words from `word` on; every item holds that word.
class Sorter {
public:
    Sorter(const uint64_t* words, size_t width, size_t rows)
        : words_(words), width_(width), scratch_(rows) {}

    void sort(Item* items, size_t count, size_t word) {
        while (count > BY_COMPARISON) {
            uint64_t least = items[0].word, most = least;
            bool ascending = true;
            for (size_t index = 1; index < count; ++index) {
                const uint64_t value = items[index].word;
                ascending &= items[index - 1].word <= value;
                least = std::min(least, value);
                most = std::max(most, value);
            }
            if (least == most) {
                if (++word == width_) return;
                for (size_t index = 0; index < count; ++index) {
                    items[index].word = words_[items[index].row * width_ + word];
                }
                continue;
            }
            if (ascending) {
                sort_runs(items, count, word);
            } else {
                sort_by_radix(items, count, word, least, most);
            }
            return;
        }
        if (count <= BY_INSERTION) {
            sort_by_insertion(items, count, word);
        } else {
            std::sort(items, items + count, [this, word](const Item& left, const Item& right) {
                return before(left, right, word);
            });
        }
    }

private:
    // A total order: the last resort is the place in the input.
    bool before(const Item& left, const Item& right, size_t word) const {
        if (left.word != right.word) return left.word < right.word;
        const uint64_t* left_words = words_ + left.row * width_;
        const uint64_t* right_words = words_ + right.row * width_;
        for (size_t index = word + 1; index < width_; ++index) {
            if (left_words[index] != right_words[index]) {
                return left_words[index] < right_words[index];
            }
        }
        return left.row < right.row;
    }

    void sort_by_insertion(Item* items, size_t count, size_t word) const {
        for (size_t index = 1; index < count; ++index) {
            const Item item = items[index];
            size_t place = index;
            for (; place > 0 && before(item, items[place - 1], word); --place) {
                items[place] = items[place - 1];
            }
            items[place] = item;
        }
    }

    // The word ascends already: what is left is inside runs of equal words.
    void sort_runs(Item* items, size_t count, size_t word) {
        size_t start = 0;
        for (size_t index = 1; index <= count; ++index) {
            if (index < count && items[index].word == items[start].word) continue;
            if (index - start > 1) sort(items + start, index - start, word);
            start = index;
        }
    }

    // One stable pass over the highest bits in which the words differ, then bucket by bucket.
    void sort_by_radix(Item* items, size_t count, size_t word, uint64_t least, uint64_t most) {
        const unsigned bits = std::min(RADIX_BITS, bit_length(count) - 1);
        const unsigned range = bit_length(most - least);
        const unsigned shift = range > bits ? range - bits : 0;
        const size_t buckets = static_cast<size_t>((most - least) >> shift) + 1;
        std::vector<size_t> ends(buckets, 0);
        for (size_t index = 0; index < count; ++index) ++ends[(items[index].word - least) >> shift];
        size_t total = 0;
        for (size_t& end : ends) {
            const size_t size = end;
            end = total;
            total += size;
        }
        for (size_t index = 0; index < count; ++index) {
            scratch_[ends[(items[index].word - least) >> shift]++] = items[index];
        }
        std::copy(scratch_.begin(), scratch_.begin() + static_cast<std::ptrdiff_t>(count), items);
        size_t start = 0;
        for (const size_t end : ends) {
            if (end - start > 1) sort(items + start, end - start, word);
            start = end;
        }
    }

    const uint64_t* words_;
    size_t width_;
    std::vector<Item> scratch_;
};

}  // namespace

void encode_keys(const uint8_t* keys, size_t rows, uint64_t* words, size_t width) {
    for (size_t row = 0; row < rows; ++row) {
        words[row * width] = big_endian(keys + 16 * row);
        words[row * width + 1] = big_endian(keys + 16 * row + 8);
    }
}

void encode_column(const uint8_t* values, size_t item_bytes, OrderKind kind, size_t rows,
                   uint64_t* words, size_t width) {
    if (kind == OrderKind::float64) {
        encode<uint64_t>(values, rows, words, width, [](uint64_t value) {
            return (value & SIGN) != 0 ? ~value : value | SIGN;
        });
        return;
    }
    const bool is_signed = kind == OrderKind::signed_integer;
    if (item_bytes == 1) encode_integers<int8_t, uint8_t>(values, is_signed, rows, words, width);
    if (item_bytes == 2) encode_integers<int16_t, uint16_t>(values, is_signed, rows, words, width);
    if (item_bytes == 4) encode_integers<int32_t, uint32_t>(values, is_signed, rows, words, width);
    if (item_bytes == 8) encode_integers<int64_t, uint64_t>(values, is_signed, rows, words, width);
}

void order_rows(const uint64_t* words, size_t width, size_t rows, uint32_t* order) {
    std::vector<Item> items(rows);
    for (size_t row = 0; row < rows; ++row) {
        items[row] = {words[row * width], static_cast<uint32_t>(row)};
    }
    Sorter(words, width, rows).sort(items.data(), rows, 0);
    for (size_t row = 0; row < rows; ++row) order[row] = items[row].row;
}

void partition_rows(const uint8_t* keys, size_t rows, uint64_t partitions, int64_t* numbers) {
    for (size_t row = 0; row < rows; ++row) {
        const uint64_t high = big_endian(keys + 16 * row) >> 32;
        numbers[row] = static_cast<int64_t>((high * partitions) >> 32);
    }
}

void group_starts(const uint8_t* keys, size_t rows, const uint8_t* before, uint8_t* starts) {
    const uint8_t* previous = before;
    for (size_t row = 0; row < rows; ++row) {
        const uint8_t* key = keys + 16 * row;
        starts[row] = previous == nullptr || std::memcmp(previous, key, 16) != 0;
        previous = key;
    }
}

}  // namespace curate
