// Finds many phrases at once: an Aho-Corasick automaton over UTF-8 bytes, built once from a list.
//
// States are numbered breadth-first, so the shallow ones, where text spends its time, are the first:
// they have a full row of the transition table (one load per byte), deeper ones only their edges and
// a failure link. Where few bytes begin a phrase, those that do not are skipped at the root: a
// look-up without the latency of the table, but a branch that is hard to guess where many do.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "phrase_beginnings.hpp"
#include "text_view.hpp"

namespace curate {

struct PhraseOptions {
    bool ignore_case;
    bool whole_words;
};

class PhraseAutomaton {
public:
    // groups[row] of phrase `row` is in [0, group_count). Throws std::invalid_argument for an empty
    // phrase, invalid UTF-8, a group out of range, or more than 2^31 bytes of phrases.
    PhraseAutomaton(const TextView& phrases, const int32_t* groups, int32_t group_count,
                    PhraseOptions options);

    int32_t group_count() const { return group_count_; }
    bool ignores_case() const { return options_.ignore_case; }
    int32_t group_of(int32_t phrase) const { return groups_[static_cast<size_t>(phrase)]; }
    int64_t characters_of(int32_t phrase) const { return characters_[static_cast<size_t>(phrase)]; }

    // False only where no phrase is in `text`, which is not folded: cheaper than folding it.
    bool may_occur(Bytes text) const { return beginnings_.may_occur(text); }

    // Calls `report(end, state)` for every position behind a byte where some phrase ends, in order.
    // `text` is folded already when case is ignored. Time O(bytes + reports).
    template <class Report>
    void scan(Bytes text, Report report) const {
        if (few_begin_) {
            scan_from_root<true>(text, report);
        } else {
            scan_from_root<false>(text, report);
        }
    }

    // Whether a phrase that ends at `end` may count: most that end inside a word are done with here.
    bool may_end(Bytes text, size_t end) const {
        if (!options_.whole_words || end == text.size) return true;
        const uint8_t next = text.data[end];
        if (next >= 0x80) return !word_goes_on(text, end);
        return !(static_cast<uint8_t>((next | 0x20) - 'a') < 26 ||
                 static_cast<uint8_t>(next - '0') < 10 || next == '_');
    }

    // Calls `found(begin, phrase)` for every phrase that ends at `end`, longest first, when it may
    // count there: with whole words only where no letter, number, `_` or mark touches it.
    template <class Found>
    void phrases_at(Bytes text, size_t end, uint32_t state, Found found) const {
        if (!may_end(text, end)) return;
        uint32_t suffix = terminal_[state] >= 0 ? state : suffix_[state];
        for (; suffix != 0; suffix = suffix_[suffix]) {
            const size_t begin = end - depth_[suffix];
            if (options_.whole_words && !word_may_begin(text, begin)) continue;
            for (int32_t phrase = terminal_[suffix]; phrase >= 0;
                 phrase = same_[static_cast<size_t>(phrase)]) {
                found(begin, phrase);
            }
        }
    }

    // No phrase that is still to be reported begins before `end - depth(state)`.
    size_t depth(uint32_t state) const { return depth_[state]; }

private:
    // A move is where the next state's row begins in `table_` or, for a state without a row, the
    // size of the table plus its distance from the first such state; and whether a phrase ends.
    // One comparison finds what is not plain: `move >= plain_`.
    static constexpr uint32_t kEndsPhrase = 0x80000000u;

    template <bool skip, class Report>
    void scan_from_root(Bytes text, Report& report) const {
        const uint8_t* at = text.data;
        const uint8_t* const end = text.data + text.size;
        const uint32_t* const table = table_.data();
        uint32_t row = 0;
        while (at < end) {
            if (skip && row == 0) {
                while (at < end && !begins_[*at]) ++at;
                if (at == end) return;
            }
            uint32_t move = table[row + class_of_[*at++]];
            if (move < plain_) {
                row = move;
                continue;
            }
            // Off the plain path: a phrase ended, or the state is a deep one.
            for (;;) {
                const uint32_t state = state_of(move & ~kEndsPhrase);
                if (move & kEndsPhrase) report(static_cast<size_t>(at - text.data), state);
                if (state < dense_states_) {
                    row = move & ~kEndsPhrase;
                    break;
                }
                if (at == end) return;
                move = deep_move(state, class_of_[*at++]);
            }
        }
    }

    uint32_t state_of(uint32_t move) const {
        return move < plain_ ? move / row_size_ : move - plain_ + dense_states_;
    }

    uint32_t move_to(uint32_t state) const {
        const uint32_t flag = terminal_[state] >= 0 || suffix_[state] != 0 ? kEndsPhrase : 0;
        return flag | (state < dense_states_ ? state * row_size_ : state - dense_states_ + plain_);
    }

    uint32_t deep_move(uint32_t state, uint8_t byte_class) const {
        while (state >= dense_states_) {
            for (uint32_t edge = first_edge_[state]; edge < first_edge_[state + 1]; ++edge) {
                if (edge_class_[edge] == byte_class) return move_to(edge_target_[edge]);
            }
            state = failure_[state];
        }
        return table_[state * row_size_ + byte_class];
    }

    static bool word_may_begin(Bytes text, size_t position);
    static bool word_goes_on(Bytes text, size_t position);

    void number_classes(const std::vector<std::vector<uint8_t>>& folded);
    void build(const std::vector<std::vector<uint8_t>>& folded);
    void fill_table();

    PhraseOptions options_;
    int32_t group_count_;
    std::vector<int32_t> groups_;
    std::vector<int64_t> characters_;
    std::vector<int32_t> same_;  // next phrase of equal (folded) text, or -1

    PhraseBeginnings beginnings_;
    std::array<uint8_t, 256> class_of_{};  // 0: in no phrase
    std::array<bool, 256> begins_{};
    bool few_begin_ = false;
    uint32_t row_size_ = 1;  // classes

    std::vector<uint32_t> depth_;     // bytes from the root
    std::vector<int32_t> terminal_;   // first phrase that is the whole path of the state, or -1
    std::vector<uint32_t> suffix_;    // longest proper suffix that is a phrase, 0 for none
    std::vector<uint32_t> failure_;   // longest proper suffix that is a state
    std::vector<uint32_t> first_edge_;
    std::vector<uint8_t> edge_class_;
    std::vector<uint32_t> edge_target_;
    uint32_t dense_states_ = 0;
    uint32_t plain_ = 0;  // size of the table
    std::vector<uint32_t> table_;  // moves
};

// The text in lower case, one character for one: Unicode's simple mapping (U+0130 becomes i), and
// final sigma becomes sigma. Appends nothing: `out` is overwritten. Throws InvalidUtf8.
void fold_case(Bytes text, std::vector<uint8_t>& out);

}  // namespace curate
