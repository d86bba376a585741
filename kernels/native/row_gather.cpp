#include "row_gather.hpp"

#include <cstring>
#include <limits>
#include <stdexcept>

namespace curate {
namespace {

// A sorted order jumps through memory: a value is asked for long before it is copied.
constexpr size_t AHEAD = 24;

template <size_t WIDTH>
void gather_values(const RowChoice& choice, const std::vector<const uint8_t*>& values,
                   uint8_t* out) {
    const auto place = [&](size_t index) {
        return values[choice.batches[index]] + choice.rows[index] * WIDTH;
    };
    for (size_t index = 0; index < choice.count; ++index) {
        if (index + AHEAD < choice.count) __builtin_prefetch(place(index + AHEAD));
        std::memcpy(out + index * WIDTH, place(index), WIDTH);
    }
}

template <class Offset>
Offset offset_at(const uint8_t* offsets, size_t index) {
    Offset value;
    std::memcpy(&value, offsets + index * sizeof(Offset), sizeof value);
    return value;
}

}  // namespace

void check_choice(const RowChoice& choice, const std::vector<size_t>& batch_rows) {
    for (size_t index = 0; index < choice.count; ++index) {
        const uint32_t batch = choice.batches[index];
        if (batch >= batch_rows.size() || choice.rows[index] >= batch_rows[batch]) {
            throw std::out_of_range("a chosen row is outside its batch");
        }
    }
}

void gather_fixed(const RowChoice& choice, const std::vector<const uint8_t*>& values, size_t width,
                  uint8_t* out) {
    switch (width) {
        case 1: return gather_values<1>(choice, values, out);
        case 2: return gather_values<2>(choice, values, out);
        case 4: return gather_values<4>(choice, values, out);
        case 8: return gather_values<8>(choice, values, out);
        case 16: return gather_values<16>(choice, values, out);
        default: break;
    }
    for (size_t index = 0; index < choice.count; ++index) {
        std::memcpy(out + index * width,
                    values[choice.batches[index]] + choice.rows[index] * width, width);
    }
}

size_t gather_bits(const RowChoice& choice, const std::vector<const uint8_t*>& bitmaps,
                   const std::vector<size_t>& first_bits, uint8_t* out) {
    std::memset(out, 0, (choice.count + 7) / 8);
    size_t unset = 0;
    for (size_t index = 0; index < choice.count; ++index) {
        const uint32_t batch = choice.batches[index];
        const size_t bit = first_bits[batch] + choice.rows[index];
        const bool is_set =
            bitmaps[batch] == nullptr || (bitmaps[batch][bit / 8] >> (bit % 8) & 1) != 0;
        out[index / 8] |= static_cast<uint8_t>(is_set ? 1u << (index % 8) : 0u);
        unset += !is_set;
    }
    return unset;
}

template <class Offset>
size_t gather_offsets(const RowChoice& choice, const std::vector<const uint8_t*>& offsets,
                      const std::vector<size_t>& item_counts, Offset* out) {
    uint64_t total = 0;
    out[0] = 0;
    for (size_t index = 0; index < choice.count; ++index) {
        const uint32_t batch = choice.batches[index];
        const auto start = offset_at<Offset>(offsets[batch], choice.rows[index]);
        const auto end = offset_at<Offset>(offsets[batch], choice.rows[index] + size_t{1});
        if (start < 0 || end < start || static_cast<uint64_t>(end) > item_counts[batch]) {
            throw std::invalid_argument("offsets of a column are damaged");
        }
        total += static_cast<uint64_t>(end - start);
        if (total > static_cast<uint64_t>(std::numeric_limits<Offset>::max())) {
            throw std::overflow_error("chosen rows hold more than the column's offsets can count");
        }
        out[index + 1] = static_cast<Offset>(total);
    }
    return total;
}

template <class Offset>
void gather_items(const RowChoice& choice, const std::vector<const uint8_t*>& offsets,
                  const std::vector<const uint8_t*>& items, size_t item_bytes, uint8_t* out) {
    for (size_t index = 0; index < choice.count; ++index) {
        const uint32_t batch = choice.batches[index];
        const auto start = offset_at<Offset>(offsets[batch], choice.rows[index]);
        const auto end = offset_at<Offset>(offsets[batch], choice.rows[index] + size_t{1});
        const size_t bytes = static_cast<size_t>(end - start) * item_bytes;
        if (bytes == 0) continue;
        std::memcpy(out, items[batch] + static_cast<size_t>(start) * item_bytes, bytes);
        out += bytes;
    }
}

template size_t gather_offsets<int32_t>(const RowChoice&, const std::vector<const uint8_t*>&,
                                        const std::vector<size_t>&, int32_t*);
template size_t gather_offsets<int64_t>(const RowChoice&, const std::vector<const uint8_t*>&,
                                        const std::vector<size_t>&, int64_t*);
template void gather_items<int32_t>(const RowChoice&, const std::vector<const uint8_t*>&,
                                    const std::vector<const uint8_t*>&, size_t, uint8_t*);
template void gather_items<int64_t>(const RowChoice&, const std::vector<const uint8_t*>&,
                                    const std::vector<const uint8_t*>&, size_t, uint8_t*);

}  // namespace curate
