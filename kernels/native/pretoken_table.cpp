#include "pretoken_table.hpp"

#include <algorithm>
#include <stdexcept>

#define XXH_INLINE_ALL
#include "third_party/xxhash.h"

namespace curate {
namespace {

constexpr uint32_t kFirstBits = 12;
// Three quarters of the slots that 32 bits of hash can tell apart.
constexpr uint64_t kMaxEntries = 0xbfffffff;

void add_to(uint64_t& sum, uint64_t count) {
    if (__builtin_add_overflow(sum, count, &sum)) {
        throw std::overflow_error("a count of pre-tokens exceeds 64 bits");
    }
}

uint64_t big_endian_prefix(Bytes text) {
    uint8_t padded[8] = {};
    std::memcpy(padded, text.data, std::min<size_t>(text.size, 8));
    return __builtin_bswap64(load_8(padded));
}

int compare(Bytes left, Bytes right) {
    const int found = std::memcmp(left.data, right.data, std::min(left.size, right.size));
    if (found != 0) return found;
    return left.size < right.size ? -1 : left.size > right.size ? 1 : 0;
}

}  // namespace

PretokenTable::PretokenTable() : bits_(kFirstBits), slots_(size_t{1} << kFirstBits, 0) {}

uint64_t PretokenTable::memory_bytes() const {
    return chunks_.size() * (sizeof(Entry) << kChunkBits) + arena_.size() * kArenaChunk +
           slots_.size() * sizeof(uint64_t);
}

void PretokenTable::flush() {
    const size_t mask = slots_.size() - 1;
    for (size_t index = 0; index < waiting_count_; ++index) {
        const uint32_t tag = waiting_[index].tag;
        for (size_t slot = slot_of(tag); slots_[slot] != 0; slot = (slot + 1) & mask) {
            if (slots_[slot] >> 32 != tag) continue;
            __builtin_prefetch(&entry(static_cast<uint32_t>(slots_[slot]) - 1));
            break;
        }
    }
    for (size_t index = 0; index < waiting_count_; ++index) count_short(waiting_[index]);
    waiting_count_ = 0;
}

void PretokenTable::count_short(const Waiting& waiting) {
    const size_t mask = slots_.size() - 1;
    size_t slot = slot_of(waiting.tag);
    for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
        if (slots_[slot] >> 32 != waiting.tag) continue;
        Entry& found = entry(static_cast<uint32_t>(slots_[slot]) - 1);
        if (found.low == waiting.key.low && found.high == waiting.key.high) {
            return add_to(found.count, waiting.count);
        }
    }
    new_entry({waiting.key.low, waiting.key.high, waiting.count}, waiting.tag, slot);
}

void PretokenTable::add(Bytes piece, uint64_t count) {
    if (piece.size <= kMaxShortBytes) return add(short_key(piece.data, piece.size, false), count);
    const uint64_t hash = XXH3_64bits(piece.data, piece.size);
    const auto tag = static_cast<uint32_t>(hash >> 32);
    const size_t mask = slots_.size() - 1;
    size_t slot = slot_of(tag);
    for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
        if (slots_[slot] >> 32 != tag) continue;
        Entry& found = entry(static_cast<uint32_t>(slots_[slot]) - 1);
        if (found.low != hash || found.high < kLong) continue;
        if (compare(text_of(found, nullptr), piece) == 0) return add_to(found.count, count);
    }
    if (arena_used_ + piece.size + 1 > kArenaChunk) {
        arena_.emplace_back(new uint8_t[kArenaChunk]);
        arena_used_ = 0;
    }
    uint8_t* at = arena_.back().get() + arena_used_;
    at[0] = static_cast<uint8_t>(piece.size - 1);
    std::memcpy(at + 1, piece.data, piece.size);
    const uint64_t place = (arena_.size() - 1) * kArenaChunk + arena_used_;
    arena_used_ += piece.size + 1;
    new_entry({hash, kLong | place, count}, tag, slot);
}

uint32_t PretokenTable::new_entry(const Entry& made, uint32_t tag, size_t slot) {
    if (entries_count_ >= kMaxEntries) throw std::length_error("too many distinct pre-tokens");
    const auto number = static_cast<uint32_t>(entries_count_);
    if (number >> kChunkBits == chunks_.size()) {
        chunks_.emplace_back(new Entry[size_t{1} << kChunkBits]);
    }
    entry(number) = made;
    slots_[slot] = static_cast<uint64_t>(tag) << 32 | (number + 1);
    ++entries_count_;
    if (entries_count_ * 4 > slots_.size() * 3) grow();
    return number;
}

void PretokenTable::grow() {
    std::vector<uint64_t> old(slots_.size() * 2, 0);
    old.swap(slots_);
    ++bits_;
    const size_t mask = slots_.size() - 1;
    for (const uint64_t value : old) {
        if (value == 0) continue;
        size_t slot = slot_of(static_cast<uint32_t>(value >> 32));
        while (slots_[slot] != 0) slot = (slot + 1) & mask;
        slots_[slot] = value;
    }
}

Bytes PretokenTable::text_of(const Entry& entry, uint8_t* room) const {
    if (entry.high >= kLong) {
        const uint64_t place = entry.high & ~kLong;
        const uint8_t* at = arena_[place / kArenaChunk].get() + place % kArenaChunk;
        return {at + 1, static_cast<size_t>(at[0]) + 1};
    }
    for (size_t index = 0; index < 8; ++index) {
        room[index] = static_cast<uint8_t>(entry.low >> (8 * index));
        room[8 + index] = static_cast<uint8_t>(entry.high >> (8 * index));
    }
    return {room, static_cast<size_t>(entry.high >> 56)};
}

uint64_t PretokenTable::prefix_of(const Entry& entry) const {
    if (entry.high < kLong) return __builtin_bswap64(entry.low);
    return big_endian_prefix(text_of(entry, nullptr));
}

void PretokenTable::sort() {
    taken_ = 0;
    if (sorted_) return;
    flush();
    std::vector<uint64_t>().swap(slots_);
    sorted_ = true;
    order_.resize(entries_count_);
    for (uint32_t number = 0; number < entries_count_; ++number) {
        order_[number] = {prefix_of(entry(number)), number};
    }
    std::sort(order_.begin(), order_.end(), [this](const Ordered& left, const Ordered& right) {
        if (left.prefix != right.prefix) return left.prefix < right.prefix;
        const Entry& first = entry(left.entry);
        const Entry& second = entry(right.entry);
        if (first.high < kLong && second.high < kLong) {
            // The length is the last byte: of two that differ only in zeros at the end, the
            // shorter is first.
            return __builtin_bswap64(first.high) < __builtin_bswap64(second.high);
        }
        uint8_t room[2][16];
        return compare(text_of(first, room[0]), text_of(second, room[1])) < 0;
    });
}

CountedRows PretokenTable::take(uint64_t rows) {
    if (!sorted_) throw std::logic_error("rows are taken after sorting");
    const size_t end = std::min<uint64_t>(order_.size(), taken_ + rows);
    CountedRows found;
    found.offsets.reserve(end - taken_ + 1);
    found.counts.reserve(end - taken_);
    uint8_t room[16];
    for (; taken_ < end; ++taken_) {
        const Entry& each = entry(order_[taken_].entry);
        const Bytes text = text_of(each, room);
        found.data.insert(found.data.end(), text.data, text.data + text.size);
        found.offsets.push_back(static_cast<int64_t>(found.data.size()));
        found.counts.push_back(each.count);
    }
    return found;
}

}  // namespace curate
