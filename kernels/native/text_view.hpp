// A read-only view of an Arrow large_string array: n + 1 int64 offsets into one block of UTF-8
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace curate {

struct Bytes {
    const uint8_t* data;
    size_t size;
};

struct TextView {
    const int64_t* offsets;
    const uint8_t* data;
    int64_t rows;

    Bytes operator[](int64_t row) const {
        return {data + offsets[row], static_cast<size_t>(offsets[row + 1] - offsets[row])};
    }
};

// Number of code points of valid UTF-8.
inline int64_t count_code_points(Bytes text) {
    int64_t count = 0;
    for (size_t index = 0; index < text.size; ++index) count += (text.data[index] & 0xc0) != 0x80;
    return count;
}

}  // namespace curate
