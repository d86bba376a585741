#include "pretoken_merge.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace curate {
namespace {

int compare(Bytes left, Bytes right) {
    const size_t shared = std::min(left.size, right.size);
    const int found = shared == 0 ? 0 : std::memcmp(left.data, right.data, shared);
    if (found != 0) return found;
    return left.size < right.size ? -1 : left.size > right.size ? 1 : 0;
}

struct Head {
    uint64_t prefix;
    Bytes text;
    size_t batch;
};

uint64_t prefix_of(Bytes text) {
    uint8_t padded[8] = {};
    if (text.size > 0) std::memcpy(padded, text.data, std::min<size_t>(text.size, 8));
    return __builtin_bswap64(load_8(padded));
}

// The heap's top is the smallest string; of equal ones the first stream.
bool later(const Head& left, const Head& right) {
    if (left.prefix != right.prefix) return left.prefix > right.prefix;
    const int found = compare(left.text, right.text);
    return found != 0 ? found > 0 : left.batch > right.batch;
}

}  // namespace

CountedRows merge_counted(std::vector<CountedBatch>& batches) {
    std::vector<Head> heap;
    for (size_t index = 0; index < batches.size(); ++index) {
        CountedBatch& batch = batches[index];
        batch.taken = 0;
        if (batch.pretokens.rows > 0) {
            heap.push_back({prefix_of(batch.pretokens[0]), batch.pretokens[0], index});
        } else if (!batch.last) {
            return {};
        }
    }
    std::make_heap(heap.begin(), heap.end(), later);
    CountedRows merged;
    const auto is_last_row = [&](Bytes text) {
        const auto rows = merged.counts.size();
        if (rows == 0) return false;
        const auto begin = static_cast<size_t>(merged.offsets[rows - 1]);
        return compare({merged.data.data() + begin, merged.data.size() - begin}, text) == 0;
    };
    bool used_up = false;
    while (!heap.empty()) {
        // Equal strings of other streams still belong to the last row.
        if (used_up && !is_last_row(heap.front().text)) break;
        std::pop_heap(heap.begin(), heap.end(), later);
        Head& head = heap.back();
        CountedBatch& batch = batches[head.batch];
        const uint64_t count = batch.counts[batch.taken];
        if (is_last_row(head.text)) {
            if (__builtin_add_overflow(merged.counts.back(), count, &merged.counts.back())) {
                throw std::overflow_error("a count of pre-tokens exceeds 64 bits");
            }
        } else {
            merged.data.insert(merged.data.end(), head.text.data,
                               head.text.data + head.text.size);
            merged.offsets.push_back(static_cast<int64_t>(merged.data.size()));
            merged.counts.push_back(count);
        }
        if (++batch.taken < batch.pretokens.rows) {
            const Bytes next = batch.pretokens[batch.taken];
            if (compare(head.text, next) >= 0) {
                throw std::invalid_argument("counted pre-tokens are out of order");
            }
            head.text = next;
            head.prefix = prefix_of(next);
            std::push_heap(heap.begin(), heap.end(), later);
        } else {
            used_up = used_up || !batch.last;
            heap.pop_back();
        }
    }
    return merged;
}

}  // namespace curate
