#include "text_set.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "rows.hpp"

#define XXH_INLINE_ALL
#include "third_party/xxhash.h"

namespace curate {
namespace {

uint64_t hash_of(Bytes text) { return XXH3_64bits(text.data, text.size); }

bool equal(Bytes left, Bytes right) {
    return left.size == right.size &&
           (left.size == 0 || std::memcmp(left.data, right.data, left.size) == 0);
}

bool is_token(uint8_t byte) {
    return static_cast<uint8_t>(byte - '0') < 10 || static_cast<uint8_t>((byte | 0x20) - 'a') < 26;
}

}  // namespace

TextSet::TextSet(const TextView& entries) {
    if (entries.rows >= 0x7fffffff) throw std::invalid_argument("too many entries");
    const auto rows = static_cast<size_t>(entries.rows);
    offsets_.assign(rows + 1, 0);
    if (rows > 0) {
        const int64_t start = entries.offsets[0];
        for (size_t row = 0; row <= rows; ++row) offsets_[row] = entries.offsets[row] - start;
        data_.assign(entries.data + start, entries.data + entries.offsets[rows]);
    }
    size_t slots = 16;
    while (slots < 2 * rows) slots *= 2;
    slots_.assign(slots, 0);
    mask_ = slots - 1;
    for (uint32_t row = 0; row < rows; ++row) {
        uint64_t slot = hash_of(entry(row)) & mask_;
        while (slots_[slot] != 0 && !equal(entry(slots_[slot] - 1), entry(row))) {
            slot = (slot + 1) & mask_;
        }
        if (slots_[slot] == 0) slots_[slot] = row + 1;
    }
}

int64_t TextSet::find(Bytes text) const {
    for (uint64_t slot = hash_of(text) & mask_; slots_[slot] != 0; slot = (slot + 1) & mask_) {
        if (equal(entry(slots_[slot] - 1), text)) return slots_[slot] - 1;
    }
    return -1;
}

void find_texts(const TextSet& set, const TextView& text, int64_t* found) {
    for_each_row(text, [&](int64_t row, Bytes each) { found[row] = set.find(each); });
}

void find_parents(const TextSet& set, const TextView& text, int64_t* found) {
    for_each_row(text, [&](int64_t row, Bytes each) {
        found[row] = set.find(each);
        for (size_t at = 0; at < each.size && found[row] < 0; ++at) {
            if (each.data[at] != '.') continue;
            found[row] = set.find({each.data + at + 1, each.size - at - 1});
        }
    });
}

void count_tokens(const TextSet& set, const TextView& text, int64_t* count) {
    std::vector<int64_t> tokens;
    for_each_row(text, [&](int64_t row, Bytes each) {
        tokens.clear();
        for (size_t begin = 0; begin < each.size;) {
            size_t end = begin;
            while (end < each.size && is_token(each.data[end])) ++end;
            const int64_t entry = end > begin ? set.find({each.data + begin, end - begin}) : -1;
            if (entry >= 0) tokens.push_back(entry);
            begin = end + 1;
        }
        std::sort(tokens.begin(), tokens.end());
        count[row] = std::unique(tokens.begin(), tokens.end()) - tokens.begin();
    });
}

}  // namespace curate
