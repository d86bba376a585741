// Pairs of neighbouring tokens: how often they occur, and in which cells.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace curate {

inline constexpr uint32_t kNoList = 0xffffffffu;

// Ascending cells as differences of 7 bits a byte: about 1.3 bytes each for frequent pairs. Filled in two passes:
// `measure` every cell, `allocate`, `write` the same cells.
class PositionList {
public:
    void measure(uint64_t cell) {
        uint64_t difference = cell - last_;
        last_ = cell;
        do {
            ++size_;
            difference >>= 7;
        } while (difference != 0);
    }

    void allocate() {
        bytes_.reset(new uint8_t[size_]);
        size_ = last_ = 0;
    }

    void write(uint64_t cell) {
        uint64_t difference = cell - last_;
        last_ = cell;
        while (difference >= 0x80) {
            bytes_[size_++] = static_cast<uint8_t>(difference | 0x80);
            difference >>= 7;
        }
        bytes_[size_++] = static_cast<uint8_t>(difference);
    }

    // Reads the cells, some at a time.
    class Reader {
    public:
        explicit Reader(const PositionList& list)
            : at_(list.bytes_.get()), end_(at_ + list.size_) {}

        // Fills `cells` with up to `room` of them; how many there were.
        size_t take(uint64_t* cells, size_t room) {
            size_t taken = 0;
            while (taken < room && at_ != end_) {
                uint64_t difference = 0;
                int shift = 0;
                while (*at_ & 0x80) {
                    difference |= static_cast<uint64_t>(*at_++ & 0x7f) << shift;
                    shift += 7;
                }
                difference |= static_cast<uint64_t>(*at_++) << shift;
                last_ += difference;
                cells[taken++] = last_;
            }
            return taken;
        }

    private:
        const uint8_t* at_;
        const uint8_t* end_;
        uint64_t last_ = 0;
    };

private:
    std::unique_ptr<uint8_t[]> bytes_;
    uint64_t size_ = 0;
    uint64_t last_ = 0;
};

struct Pair {
    uint64_t key;  // left token << 32 | right token
    int64_t count;
    uint32_t list;  // kNoList: its places are not kept
};

inline uint64_t pair_key(uint32_t left, uint32_t right) {
    return static_cast<uint64_t>(left) << 32 | right;
}

inline uint64_t mix_pair(uint64_t key) {
    key *= 0x9e3779b97f4a7c15ull;
    key ^= key >> 32;
    return key * 0xd6e8feb86659fd93ull;
}

// Open addressing; nothing is ever taken out, only everything.
class PairTable {
public:
    PairTable() { clear(); }

    void clear() {
        used_ = 0;
        std::vector<Pair>(kSmallest, kFreePair).swap(pairs_);
    }

    // Null where the pair is not in the table. Valid until the next `add`.
    Pair* find(uint64_t key) {
        Pair& pair = pairs_[place(key)];
        return pair.key == key ? &pair : nullptr;
    }

    // The pair, with a count of 0 and no list where it is new. Valid until the next `add`.
    Pair& add(uint64_t key) {
        if (2 * used_ >= pairs_.size()) grow();
        Pair& pair = pairs_[place(key)];
        if (pair.key != key) {
            pair = {key, 0, kNoList};
            ++used_;
        }
        return pair;
    }

    template <class Visit>
    void each(Visit visit) {
        for (Pair& pair : pairs_) {
            if (pair.key != kFree) visit(pair);
        }
    }

private:
    static constexpr size_t kSmallest = 1024;
    static constexpr uint64_t kFree = ~0ull;  // a key that no pair has: tokens are below kHole
    static constexpr Pair kFreePair{kFree, 0, kNoList};

    size_t place(uint64_t key) const {
        const size_t mask = pairs_.size() - 1;
        size_t slot = static_cast<size_t>(mix_pair(key) >> 20) & mask;
        while (pairs_[slot].key != key && pairs_[slot].key != kFree) slot = (slot + 1) & mask;
        return slot;
    }

    void grow() {
        std::vector<Pair> before(2 * pairs_.size(), kFreePair);
        before.swap(pairs_);
        for (const Pair& pair : before) {
            if (pair.key != kFree) pairs_[place(pair.key)] = pair;
        }
    }

    std::vector<Pair> pairs_;
    size_t used_ = 0;
};

}  // namespace curate
