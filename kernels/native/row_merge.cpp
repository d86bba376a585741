#include "row_merge.hpp"

#include <limits>
#include <stdexcept>
#include <utility>

namespace curate {

RowMerge::RowMerge(size_t streams, size_t width)
    : width_(width), heads_(streams), sources_(streams), losers_(streams) {
    if (streams == 0 || streams > std::numeric_limits<uint32_t>::max() || width == 0) {
        throw std::invalid_argument("a merge needs streams and a sort key");
    }
    for (size_t stream = streams; stream > 0; --stream) {
        dry_.push_back(static_cast<uint32_t>(stream - 1));
    }
}

void RowMerge::feed(size_t stream, const uint64_t* words, size_t rows, uint32_t batch,
                    double row_bytes) {
    if (dry_.empty() || dry_.back() != stream || rows == 0) {
        throw std::invalid_argument("this stream is not dry, or the batch is empty");
    }
    heads_[stream] = {words[0], words};
    sources_[stream] = {words + rows * width_, batch, 0, row_bytes};
    dry_.pop_back();
    if (is_set_up_) replay(static_cast<uint32_t>(stream));
}

void RowMerge::close(size_t stream) {
    if (dry_.empty() || dry_.back() != stream) {
        throw std::invalid_argument("this stream is not dry");
    }
    heads_[stream] = {std::numeric_limits<uint64_t>::max(), nullptr};
    dry_.pop_back();
    if (is_set_up_) replay(static_cast<uint32_t>(stream));
}

int64_t RowMerge::advance(double bytes) {
    if (!dry_.empty()) return dry_.back();
    if (!is_set_up_) set_up();
    while (heads_[winner_].next != nullptr) {
        if (bytes_ >= bytes) return FULL;
        Head& head = heads_[winner_];
        Source& source = sources_[winner_];
        batches_.push_back(source.batch);
        rows_.push_back(source.row);
        bytes_ += source.row_bytes;
        ++source.row;
        head.next += width_;
        if (head.next == source.end) {
            dry_.push_back(winner_);
            return winner_;
        }
        head.first = head.next[0];
        replay(winner_);
    }
    return FINISHED;
}

void RowMerge::take(std::vector<uint32_t>& batches, std::vector<uint32_t>& rows) {
    batches = std::exchange(batches_, {});
    rows = std::exchange(rows_, {});
    bytes_ = 0;
    for (size_t stream = 0; stream < sources_.size(); ++stream) {
        sources_[stream].batch = static_cast<uint32_t>(stream);
    }
}

bool RowMerge::before(uint32_t left, uint32_t right) const {
    const uint64_t left_first = heads_[left].first, right_first = heads_[right].first;
    return left_first != right_first ? left_first < right_first : before_in_tie(left, right);
}

bool RowMerge::before_in_tie(uint32_t left, uint32_t right) const {
    const uint64_t* left_words = heads_[left].next;
    const uint64_t* right_words = heads_[right].next;
    if (left_words == nullptr || right_words == nullptr) {
        return right_words == nullptr && (left_words != nullptr || left < right);
    }
    for (size_t index = 1; index < width_; ++index) {
        if (left_words[index] != right_words[index]) return left_words[index] < right_words[index];
    }
    return left < right;
}

// Node n of the tree has the children 2n and 2n + 1; stream s is the leaf `streams` + s.
void RowMerge::set_up() {
    const size_t streams = heads_.size();
    std::vector<uint32_t> winners(2 * streams);
    for (size_t stream = 0; stream < streams; ++stream) {
        winners[streams + stream] = static_cast<uint32_t>(stream);
    }
    for (size_t node = streams - 1; node > 0; --node) {
        const uint32_t left = winners[2 * node], right = winners[2 * node + 1];
        const bool left_wins = before(left, right);
        winners[node] = left_wins ? left : right;
        losers_[node] = left_wins ? right : left;
    }
    winner_ = winners[1];
    is_set_up_ = true;
}

void RowMerge::replay(uint32_t stream) {
    uint32_t winner = stream;
    for (size_t node = (heads_.size() + stream) / 2; node > 0; node /= 2) {
        if (before(losers_[node], winner)) std::swap(losers_[node], winner);
    }
    winner_ = winner;
}

}  // namespace curate
