#include "bpe_train.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace curate {
namespace {

constexpr size_t kExactSlots = size_t{1} << 20;
constexpr size_t kEstimateSlots = size_t{1} << 24;
constexpr size_t kBatch = 32;

}  // namespace

void BpeTrainer::Side::clear() {
    for (const Token token : touched) {
        change[token] = 0;
        list[token] = kNoList;
    }
    touched.clear();
}

BpeTrainer::BpeTrainer(std::vector<std::string> tokens) {
    for (std::string& bytes : tokens) make_token(std::move(bytes));
}

Token BpeTrainer::make_token(std::string bytes) {
    bytes_.push_back(static_cast<uint32_t>(bytes.size()));
    cells_.push_back(1);
    taken_.insert(bytes);
    tokens_.push_back(std::move(bytes));
    lefts_.resize(tokens_.size());
    rights_.resize(tokens_.size());
    return static_cast<Token>(tokens_.size() - 1);
}

void BpeTrainer::train(Words words, const BpeLimits& limits) {
    if (tokens_.size() + limits.merges >= kHole) throw std::invalid_argument("too many tokens");
    words_ = std::move(words);
    for (uint64_t cell = 0; cell < words_.cells.size(); ++cell) {
        const Token token = words_.cells.data()[cell];
        if (token != kWordEnd && token >= tokens_.size()) {
            throw std::invalid_argument("a word holds a token that is not in the vocabulary");
        }
    }
    threshold_ = std::numeric_limits<int64_t>::max();
    while (merges_.size() < limits.merges) {
        if (candidates_.empty()) {
            if (!start_phase(limits)) break;
            continue;
        }
        const Candidate best = candidates_.top();
        candidates_.pop();
        Pair& pair = *pairs_.find(best.key);
        if (pair.count != best.count) {
            if (pair.count >= threshold_) {
                candidates_.push({pair.count, best.key});
            } else {
                lists_[pair.list] = PositionList();
            }
            continue;
        }
        const PositionList places = std::move(lists_[pair.list]);
        pair.count = 0;
        const BpeMerge merge{static_cast<Token>(best.key >> 32), static_cast<Token>(best.key)};
        std::string bytes = tokens_[merge.left] + tokens_[merge.right];
        if (taken_.count(bytes) != 0) {
            if (refused_keys_.insert(best.key).second) refused_.push_back(merge);
            continue;
        }
        const Token made = make_token(std::move(bytes));
        cells_[made] = cells_[merge.left] + cells_[merge.right];
        merges_.push_back(merge);
        merge_all(places, merge.left, merge.right, made);
        settle(merge.left, merge.right, made, limits);
    }
}

void BpeTrainer::merge_all(const PositionList& list, Token left, Token right, Token made) {
    Token* const cells = words_.cells.data();
    const uint64_t left_cells = cells_[left];
    const uint64_t all_cells = cells_[made];
    PositionList::Reader reader(list);
    CountCursor count_of(words_.groups);
    uint64_t batch[kBatch];
    while (const size_t size = reader.take(batch, kBatch)) {
        for (size_t index = 0; index < size; ++index) __builtin_prefetch(cells + batch[index], 1);
        for (size_t index = 0; index < size; ++index) {
            const uint64_t cell = batch[index];
            // Places whose tokens went into others stay in the list.
            if (cells[cell] != left || cells[cell + left_cells] != right) continue;
            cells[cell + left_cells - 1] = kHole;
            cells[cell + left_cells] = kHole;
            cells[cell] = made;
            cells[cell + all_cells - 1] = made;
            const int64_t count = count_of(cell);
            const Token before = cells[cell - 1];
            const Token after = cells[cell + all_cells];
            if (before != kWordEnd) {
                lefts_.add(before, count);
                if (before == made) rejoined_ += count;
            }
            if (after != kWordEnd) rights_.add(after, count);
            places_.push_back({cell, before, after});
        }
    }
}

void BpeTrainer::settle(Token left, Token right, Token made, const BpeLimits& limits) {
    opened_.clear();
    for (const Token before : lefts_.touched) {
        const int64_t count = lefts_.change[before];
        if (before != made) lose(before, left, count);
        lefts_.list[before] = open_list(before, made, count, limits);
    }
    for (const Token after : rights_.touched) {
        const int64_t count = rights_.change[after];
        lose(right, after, count);
        // Where the pair stands twice in a row, the left token after the first was merged with it.
        const int64_t gained = after == left ? count - rejoined_ : count;
        rights_.list[after] = open_list(made, after, gained, limits);
    }
    if (!opened_.empty()) {
        each_place([&](uint32_t list, uint64_t cell) { lists_[list].measure(cell); });
        const size_t first = lists_.size() - opened_.size();
        for (size_t list = first; list < lists_.size(); ++list) lists_[list].allocate();
        each_place([&](uint32_t list, uint64_t cell) { lists_[list].write(cell); });
        for (size_t index = 0; index < opened_.size(); ++index) {
            Pair& pair = pairs_.add(opened_[index].key);
            pair.count = opened_[index].count;
            pair.list = static_cast<uint32_t>(first + index);
            candidates_.push(opened_[index]);
        }
    }
    lefts_.clear();
    rights_.clear();
    rejoined_ = 0;
    places_.clear();
}

template <class Visit>
void BpeTrainer::each_place(Visit visit) {
    for (const Place& place : places_) {
        if (place.left != kWordEnd && lefts_.list[place.left] != kNoList) {
            visit(lefts_.list[place.left], place.cell - cells_[place.left]);
        }
        if (place.right != kWordEnd && rights_.list[place.right] != kNoList) {
            visit(rights_.list[place.right], place.cell);
        }
    }
}

void BpeTrainer::lose(Token left, Token right, int64_t count) {
    Pair* const pair = pairs_.find(pair_key(left, right));
    if (pair != nullptr) pair->count -= count;
}

uint32_t BpeTrainer::open_list(Token left, Token right, int64_t count, const BpeLimits& limits) {
    if (count < threshold_ || bytes_[left] + uint64_t{bytes_[right]} > limits.max_token_bytes) {
        return kNoList;
    }
    opened_.push_back({count, pair_key(left, right)});
    lists_.emplace_back();
    return static_cast<uint32_t>(lists_.size() - 1);
}

bool BpeTrainer::start_phase(const BpeLimits& limits) {
    if (threshold_ <= limits.min_frequency) return false;
    const bool first = threshold_ == std::numeric_limits<int64_t>::max();
    pairs_.clear();
    std::vector<PositionList>().swap(lists_);
    std::vector<Place>().swap(places_);
    if (!first) pack_words();
    bool exact = false;
    const std::vector<int64_t> estimates = estimate_counts(limits.max_token_bytes, exact);
    const int64_t highest =
        estimates.empty() ? 0 : *std::max_element(estimates.begin(), estimates.end());
    threshold_ = std::max(limits.min_frequency,
                          std::min(highest, threshold_ - 1) / limits.phase_ratio);
    const auto each_hopeful = [&](auto visit) {
        each_pair([&](Token left, Token right, uint64_t cell, int64_t count) {
            if (bytes_[left] + uint64_t{bytes_[right]} > limits.max_token_bytes) return;
            const uint64_t key = pair_key(left, right);
            if (estimates[estimate_slot(key, estimates.size(), exact)] >= threshold_) {
                visit(key, cell, count);
            }
        });
    };
    each_hopeful([&](uint64_t key, uint64_t cell, int64_t count) {
        Pair& pair = pairs_.add(key);
        if (pair.list == kNoList) {
            pair.list = static_cast<uint32_t>(lists_.size());
            lists_.emplace_back();
        }
        pair.count += count;
        lists_[pair.list].measure(cell);
    });
    pairs_.each([&](Pair& pair) {
        if (pair.count < threshold_) {
            pair.list = kNoList;
            return;
        }
        lists_[pair.list].allocate();
        candidates_.push({pair.count, pair.key});
    });
    each_hopeful([&](uint64_t key, uint64_t cell, int64_t) {
        const Pair* const pair = pairs_.find(key);
        if (pair->list != kNoList) lists_[pair->list].write(cell);
    });
    return true;
}

// A cell per token; words that have become one token leave.
void BpeTrainer::pack_words() {
    Token* const cells = words_.cells.data();
    uint64_t to = 1;
    for (WordGroup& group : words_.groups) {
        uint64_t cell = group.begin;
        group.begin = to;
        while (cell < group.end) {
            const uint64_t word = to;
            for (; cells[cell] != kWordEnd;) {
                const Token token = cells[cell];
                cell += cells_[token];
                cells[to++] = token;
            }
            ++cell;
            if (to - word < 2) {
                to = word;
            } else {
                cells[to++] = kWordEnd;
            }
        }
        group.end = to;
    }
    words_.cells.resize(to);
    words_.groups.erase(
        std::remove_if(words_.groups.begin(), words_.groups.end(),
                       [](const WordGroup& group) { return group.begin == group.end; }),
        words_.groups.end());
    std::fill(cells_.begin(), cells_.end(), 1);
}

// Of words in which every token is one cell: (left, right, cell of left, count).
template <class Visit>
void BpeTrainer::each_pair(Visit visit) const {
    const Token* const cells = words_.cells.data();
    for (const WordGroup& group : words_.groups) {
        for (uint64_t cell = group.begin; cell < group.end; ++cell) {
            if (cells[cell] != kWordEnd && cells[cell + 1] != kWordEnd) {
                visit(cells[cell], cells[cell + 1], cell, group.count);
            }
        }
    }
}

// Per slot the counts of all its pairs: at least the count of each. exact: a slot per pair.
std::vector<int64_t> BpeTrainer::estimate_counts(uint64_t max_token_bytes, bool& exact) const {
    const size_t tokens = tokens_.size();
    exact = tokens * tokens <= kExactSlots;
    size_t size = tokens * tokens;
    if (!exact) {
        size = 1024;
        while (size < kEstimateSlots && size < words_.cells.size() / 2) size *= 2;
    }
    std::vector<int64_t> estimates(size, 0);
    each_pair([&](Token left, Token right, uint64_t, int64_t count) {
        if (bytes_[left] + uint64_t{bytes_[right]} > max_token_bytes) return;
        estimates[estimate_slot(pair_key(left, right), size, exact)] += count;
    });
    return estimates;
}

size_t BpeTrainer::estimate_slot(uint64_t key, size_t size, bool exact) const {
    if (exact) return (key >> 32) * tokens_.size() + (key & 0xffffffffu);
    return static_cast<size_t>(mix_pair(key) >> 20) & (size - 1);
}

}  // namespace curate
