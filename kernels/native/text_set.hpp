// A set of texts for exact look-ups: open addressing over one copy of the bytes, collisions compared.
#pragma once

#include <cstdint>
#include <vector>

#include "text_view.hpp"

namespace curate {

class TextSet {
public:
    // Entry i is row i of `entries`; of equal ones the first counts. Throws std::invalid_argument
    // for 2^31 entries or more.
    explicit TextSet(const TextView& entries);

    // The entry equal to `text`, or -1.
    int64_t find(Bytes text) const;

private:
    Bytes entry(uint32_t index) const {
        return {data_.data() + offsets_[index],
                static_cast<size_t>(offsets_[index + 1] - offsets_[index])};
    }

    std::vector<int64_t> offsets_;
    std::vector<uint8_t> data_;
    std::vector<uint32_t> slots_;  // entry + 1, 0 for an empty slot
    uint64_t mask_;
};

// Entries equal to the texts, -1 for none.
void find_texts(const TextSet& set, const TextView& text, int64_t* found);

// The longest entry that is the text or follows one of its dots: of domains, the nearest parent.
void find_parents(const TextSet& set, const TextView& text, int64_t* found);

// How many different entries are tokens of the text: longest runs of ASCII letters and digits.
void count_tokens(const TextSet& set, const TextView& text, int64_t* count);

}  // namespace curate
