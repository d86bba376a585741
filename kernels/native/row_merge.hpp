// Merging sorted streams of rows by their encoded sort keys (row_order.hpp): a loser tree that holds
// one batch per stream and says which row comes next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace curate {

class RowMerge {
public:
    // What `advance` returns when no stream has to be fed.
    static constexpr int64_t FULL = -1, FINISHED = -2;

    RowMerge(size_t streams, size_t width);

    // The next batch of a stream that is dry: `rows` > 0 sort keys that stay where they are until
    // the stream is dry again, the number by which the plan names the batch, and its bytes per row.
    void feed(size_t stream, const uint64_t* words, size_t rows, uint32_t batch, double row_bytes);

    // A stream that is dry has ended.
    void close(size_t stream);

    // Adds rows to the plan until it holds `bytes`. Returns the number of a stream that is dry (feed
    // or close it, then go on), FULL or FINISHED.
    int64_t advance(double bytes);

    // The rows in order since the last call: batch number and row in it. The current batch of stream
    // n is named n from then on.
    void take(std::vector<uint32_t>& batches, std::vector<uint32_t>& rows);

private:
    // The row of a stream that is next in line; `next` is nullptr for a stream that has ended.
    struct Head {
        uint64_t first;
        const uint64_t* next;
    };
    struct Source {
        const uint64_t* end;
        uint32_t batch, row;
        double row_bytes;
    };

    bool before(uint32_t left, uint32_t right) const;
    bool before_in_tie(uint32_t left, uint32_t right) const;
    void set_up();
    void replay(uint32_t stream);

    size_t width_;
    std::vector<Head> heads_;
    std::vector<Source> sources_;
    std::vector<uint32_t> losers_;
    std::vector<uint32_t> dry_;
    uint32_t winner_ = 0;
    bool is_set_up_ = false;
    double bytes_ = 0;
    std::vector<uint32_t> batches_, rows_;
};

}  // namespace curate
