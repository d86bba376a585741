// Training of byte-pair encoding on distinct words and their counts.
//
// The pair that occurs most is merged, again and again; of equally frequent ones that with the lower left, then the
// lower right token. Counts are 64-bit. Work goes in phases: a phase counts all pairs, keeps those that occur at
// least `threshold` times and where they are, and merges until none of them is left above it. A count never rises
// after its pair came to be, so nothing that is left out can be wanted in the same phase. Between two phases the words
// are packed (a cell per token, words of one token left out) and the threshold falls. So memory holds the words and
// the places of frequent pairs only.
#pragma once

#include <cstdint>
#include <queue>
#include <string>
#include <unordered_set>
#include <vector>

#include "bpe_pairs.hpp"
#include "bpe_words.hpp"

namespace curate {

struct BpeLimits {
    uint64_t merges;           // at most
    int64_t min_frequency;     // 1 or more
    uint64_t max_token_bytes;  // of a token that is made
    int64_t phase_ratio;       // highest count / threshold of a phase, 2 or more; changes no result
};

struct BpeMerge {
    Token left;
    Token right;
};

class BpeTrainer {
public:
    // tokens: the bytes of the tokens there are. The first merge makes the token after the last of them.
    explicit BpeTrainer(std::vector<std::string> tokens);

    // The words must hold no other tokens than those.
    void train(Words words, const BpeLimits& limits);

    const std::vector<BpeMerge>& merges() const { return merges_; }
    // Pairs that were wanted but left, because a token of these bytes exists already.
    const std::vector<BpeMerge>& refused() const { return refused_; }

private:
    struct Candidate {
        int64_t count;
        uint64_t key;
        bool operator<(const Candidate& other) const {
            return count != other.count ? count < other.count : key > other.key;
        }
    };
    // Around one place where a pair was merged: the cell of the new token, the tokens beside it.
    struct Place {
        uint64_t cell;
        Token left;
        Token right;
    };
    // What a merge does to the pairs with one neighbour.
    struct Side {
        std::vector<int64_t> change;  // by token: occurrences of the neighbour
        std::vector<uint32_t> list;   // by token: where its places go, or kNoList
        std::vector<Token> touched;

        void resize(size_t tokens) {
            change.resize(tokens, 0);
            list.resize(tokens, kNoList);
        }
        void add(Token token, int64_t count) {
            if (change[token] == 0) touched.push_back(token);
            change[token] += count;
        }
        void clear();
    };

    bool start_phase(const BpeLimits& limits);
    void pack_words();
    template <class Visit>
    void each_pair(Visit visit) const;
    std::vector<int64_t> estimate_counts(uint64_t max_token_bytes, bool& exact) const;
    size_t estimate_slot(uint64_t key, size_t size, bool exact) const;
    Token make_token(std::string bytes);
    void merge_all(const PositionList& places, Token left, Token right, Token made);
    void settle(Token left, Token right, Token made, const BpeLimits& limits);
    void lose(Token left, Token right, int64_t count);
    uint32_t open_list(Token left, Token right, int64_t count, const BpeLimits& limits);
    template <class Visit>
    void each_place(Visit visit);

    Words words_;
    std::vector<std::string> tokens_;
    std::unordered_set<std::string> taken_;
    std::vector<uint32_t> bytes_;  // by token
    std::vector<uint32_t> cells_;  // by token: how many it takes in this phase
    PairTable pairs_;
    std::vector<PositionList> lists_;
    std::priority_queue<Candidate> candidates_;
    int64_t threshold_ = 0;
    std::vector<Place> places_;
    Side lefts_;
    Side rights_;
    int64_t rejoined_ = 0;
    std::vector<Candidate> opened_;
    std::vector<BpeMerge> merges_;
    std::vector<BpeMerge> refused_;
    std::unordered_set<uint64_t> refused_keys_;
};

}  // namespace curate
