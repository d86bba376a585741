// A large_string array that grows document by document: for editors whose text may grow.
#pragma once

#include <cstdint>
#include <vector>

#include "text_view.hpp"

namespace curate {

struct GrowingText {
    std::vector<uint8_t> data;
    std::vector<int64_t> offsets{0};

    void reserve(const TextView& text) {
        offsets.reserve(static_cast<size_t>(text.rows) + 1);
        if (text.rows > 0)
            data.reserve(static_cast<size_t>(text.offsets[text.rows] - text.offsets[0]));
    }

    void append(Bytes piece) { data.insert(data.end(), piece.data, piece.data + piece.size); }

    // First byte of the open document.
    size_t begin() const { return static_cast<size_t>(offsets.back()); }

    void close() { offsets.push_back(static_cast<int64_t>(data.size())); }
};

}  // namespace curate
