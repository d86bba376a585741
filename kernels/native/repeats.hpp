// One forward pass over sorted rows (key, fragment, keeping order, address): which windows are repeated.
//
// State: places of the first fragment of a key, until a second fragment shows that its windows must be
// compared (at most copies x window places), and, where all copies go, as many of the current fragment.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "substrings.hpp"

namespace curate {

struct RepeatRules {
    size_t window;    // units
    int64_t copies;   // that stay
    bool keep_first;  // false: where there are more copies, none stays
    bool compare;     // fragments of one key that differ go on to be compared window by window
};

// Sorted rows; first_place[r] to first_place[r + 1] are the places of row r.
struct RepeatView {
    int64_t rows;
    const uint8_t* keys;
    const int64_t* fragment;  // null: all equal
    const uint64_t* address;
    const uint64_t* carried;  // goes along with the spans of a row; null: nothing does
    const uint32_t* windows;
    const int32_t* first_place;
    const uint32_t* places;
};

struct SettledSpans {
    std::vector<uint64_t> address;
    std::vector<uint8_t> kind;
    std::vector<uint32_t> begin;
    std::vector<uint32_t> end;
    std::vector<uint32_t> documents;
    std::vector<uint64_t> carried;
};

class RepeatSettler {
public:
    explicit RepeatSettler(const RepeatRules& rules) : rules_(rules) {}

    // A batch of rows; what is decided goes to `out`.
    void feed(const RepeatView& rows, SettledSpans& out);

    // After the last batch.
    void finish(SettledSpans& out);

private:
    struct Place {
        uint64_t address;
        uint64_t carried;
        uint32_t begin;
        uint32_t windows;
    };

    void begin_key(const uint8_t* key, int64_t fragment);
    void begin_fragment(int64_t fragment);
    void end_fragment(SettledSpans& out);
    void pass_known(const RepeatView& rows, int64_t row, SettledSpans& out);
    void note_first(const Place& place);
    bool is_copy_of_last(const Place& place) const;
    void keep_first_copies(const Place& place, SettledSpans& out);
    void keep_none(const Place& place, SettledSpans& out);
    void to_compare(const Place& place, SettledSpans& out);
    void write(const Place& place, SpanKind kind, uint32_t documents, SettledSpans& out) const;
    static void append(const Place& place, SpanKind kind, uint32_t end, uint32_t documents,
                       SettledSpans& out);

    RepeatRules rules_;
    bool has_key_ = false;
    uint8_t key_[16] = {};
    int64_t fragment_ = 0;
    bool differs_ = false;  // a second fragment of the key was seen
    std::vector<Place> first_fragment_;

    int64_t copies_ = 0;  // counted; copies that begin within a window of one are part of it
    Place last_copy_{};
    Place first_place_{};
    uint32_t documents_ = 0;
    std::vector<Place> held_;  // keep_first = false: until there are more than `copies`
};

}  // namespace curate
