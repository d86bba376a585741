// A hash table for many small rounds: to empty it costs nothing, and it never moves its entries.
//
// Open addressing with linear probing at a load of at most two thirds. An entry is valid when its
// stamp is the current one. Keys may collide: the caller compares what they stand for.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace curate {

class StampTable {
public:
    struct Entry {
        uint64_t key;
        uint32_t value;
        uint32_t stamp;
    };

    // Empties the table and makes room for `entries`.
    void reset(size_t entries) {
        unsigned bits = 4;
        while ((size_t{2} << bits) < 3 * entries) ++bits;
        if (bits > bits_ || ++stamp_ == 0) {
            // calloc: pages of a large table that are never touched cost no memory.
            if (bits > bits_) bits_ = bits;
            entries_.reset();
            entries_.reset(static_cast<Entry*>(std::calloc(size_t{1} << bits_, sizeof(Entry))));
            if (!entries_) throw std::bad_alloc();
            stamp_ = 1;
        }
        shift_ = 64 - bits;
        mask_ = (size_t{1} << bits) - 1;
    }

    // The value stored for an equal key, or `fresh` after storing it. same(value) says whether the
    // thing behind an entry of equal key is the wanted one.
    template <class Same>
    uint32_t find_or_add(uint64_t key, uint32_t fresh, Same same) {
        for (size_t slot = key * 0x9e3779b97f4a7c15ull >> shift_;; slot = (slot + 1) & mask_) {
            Entry& entry = entries_.get()[slot];
            if (entry.stamp != stamp_) {
                entry = {key, fresh, stamp_};
                return fresh;
            }
            if (entry.key == key && same(entry.value)) return entry.value;
        }
    }

    // Whether the table is larger than a cache, so that `prefetch` pays.
    bool is_large() const { return mask_ >= size_t{1} << 16; }

    void prefetch(uint64_t key) const {
        __builtin_prefetch(entries_.get() + (key * 0x9e3779b97f4a7c15ull >> shift_));
    }

private:
    struct Free {
        void operator()(Entry* entries) const { std::free(entries); }
    };
    std::unique_ptr<Entry, Free> entries_;
    unsigned bits_ = 0;
    unsigned shift_ = 64;
    size_t mask_ = 0;
    uint32_t stamp_ = 0;
};

}  // namespace curate
