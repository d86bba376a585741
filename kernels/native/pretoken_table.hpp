// Exact 64-bit counts of short byte strings, in about 40 bytes per distinct string.
//
// An entry of 24 bytes holds the string itself up to 15 bytes, or its hash and where it lies in the
// arena. Entries are appended to chunks and never move; an open-addressing table of 8-byte slots (32
// bits of hash, 32 bits of entry number) finds them. Strings are compared, so no hash collision
// changes a count. New strings wait in a small queue while their cache lines are fetched.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "text_view.hpp"

namespace curate {

inline uint64_t load_8(const uint8_t* at) {
    uint64_t word;
    std::memcpy(&word, at, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

inline constexpr size_t kMaxPretokenBytes = 256;
inline constexpr size_t kMaxShortBytes = 15;

// Up to 15 bytes, zero-padded, as two little-endian words; the top byte of `high` is the length.
struct ShortKey {
    uint64_t low;
    uint64_t high;
};

// Needs 1 <= size <= 15; may read 16 bytes where `readable` says that they can be read.
inline ShortKey short_key(const uint8_t* at, size_t size, bool readable) {
    uint8_t padded[16];
    if (!readable) {
        std::memset(padded, 0, sizeof padded);
        std::memcpy(padded, at, size);
        at = padded;
    }
    uint64_t low = load_8(at), high = load_8(at + 8);
    if (size < 8) {
        low &= (uint64_t{1} << (8 * size)) - 1;
        high = 0;
    } else {
        high &= (uint64_t{1} << (8 * (size - 8))) - 1;
    }
    return {low, high | static_cast<uint64_t>(size) << 56};
}

// Columns of sorted rows, as Arrow wants them.
struct CountedRows {
    std::vector<int64_t> offsets{0};
    std::vector<uint8_t> data;
    std::vector<uint64_t> counts;
};

class PretokenTable {
public:
    PretokenTable();

    void add(const ShortKey& key, uint64_t count = 1) {
        const uint64_t hash = hash_of(key);
        __builtin_prefetch(&slots_[slot_of(static_cast<uint32_t>(hash >> 32))]);
        waiting_[waiting_count_++] = {key, count, static_cast<uint32_t>(hash >> 32)};
        if (waiting_count_ == waiting_.size()) flush();
    }

    // Needs 1 <= piece.size <= kMaxPretokenBytes.
    void add(Bytes piece, uint64_t count = 1);

    uint64_t distinct() const { return entries_count_; }
    // Bytes of the table now; growing takes half as much again for a moment.
    uint64_t memory_bytes() const;

    void flush();
    // Ends counting: frees the slots and puts the entries in order of their bytes. Called again, it
    // starts from the first row.
    void sort();
    bool sorted() const { return sorted_; }
    // The next rows in that order, none at the end.
    CountedRows take(uint64_t rows);

private:
    struct Entry {
        uint64_t low;
        uint64_t high;
        uint64_t count;
    };
    struct Waiting {
        ShortKey key;
        uint64_t count;
        uint32_t tag;
    };
    struct Ordered {
        uint64_t prefix;
        uint32_t entry;
    };

    static constexpr uint32_t kChunkBits = 14;
    static constexpr size_t kArenaChunk = size_t{1} << 20;
    static constexpr uint64_t kLong = uint64_t{0xff} << 56;

    // The words of the keys are multiplied apart and mixed; no valid UTF-8 makes a factor zero.
    static uint64_t hash_of(const ShortKey& key) {
        uint64_t hash = (key.low ^ 0xa0fe9d4f1c7bd3f5ull) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 32;
        hash = (hash ^ key.high) * 0xd6e8feb86659fd93ull;
        hash ^= hash >> 32;
        return hash * 0xc2b2ae3d27d4eb4full;
    }
    size_t slot_of(uint32_t tag) const { return tag >> (32 - bits_); }
    Entry& entry(uint32_t number) const {
        return chunks_[number >> kChunkBits][number & ((1u << kChunkBits) - 1)];
    }
    Bytes text_of(const Entry& entry, uint8_t* room) const;
    uint64_t prefix_of(const Entry& entry) const;
    uint32_t new_entry(const Entry& entry, uint32_t tag, size_t slot);
    void count_short(const Waiting& waiting);
    void grow();

    uint32_t bits_;
    std::vector<uint64_t> slots_;
    std::vector<std::unique_ptr<Entry[]>> chunks_;
    uint64_t entries_count_ = 0;
    std::vector<std::unique_ptr<uint8_t[]>> arena_;
    size_t arena_used_ = kArenaChunk;
    std::array<Waiting, 32> waiting_;
    size_t waiting_count_ = 0;
    std::vector<Ordered> order_;
    size_t taken_ = 0;
    bool sorted_ = false;
};

}  // namespace curate
