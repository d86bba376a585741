// Which documents of a component of near-duplicates stay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace curate {

// Set in the address of a document of an index, which always stays.
inline constexpr uint64_t kIndexBit = uint64_t{1} << 63;

// One row: a document, an earlier document that it resembles, and how much. A row whose two
// documents are the same only says that the document is there.
struct Resemblance {
    uint64_t document;
    uint64_t other;
    double similarity;  // NaN: not measured
    int64_t content;    // of the document
    bool starts;        // the first row of a component
};

// copy 0: the document stays, with `members` including itself, and `content` is its own. Otherwise
// it is the copy of that number of its representative.
struct Choice {
    uint64_t document;
    uint64_t representative;
    int64_t copy;
    int64_t members;
    int64_t content;
    double similarity;
    bool chained;  // stays although it resembles documents that do not stay
};

// Takes the rows of components one after the other, documents in keeping order. Memory: about 80
// bytes for every document of one component that stays.
class ClusterChooser {
public:
    // verified: a document goes only if it resembles one that stays, and takes the most similar as
    // its representative (the earliest of equals). Otherwise every document but the first goes.
    explicit ClusterChooser(bool verified) : verified_(verified) {}

    void take(const Resemblance& row, std::vector<Choice>& choices);
    void finish(std::vector<Choice>& choices);

private:
    struct Kept {
        uint64_t document;
        int64_t content;
        int64_t copies;
        bool chained;
    };

    void close_document(std::vector<Choice>& choices);

    bool verified_;
    std::vector<Kept> kept_;                      // in keeping order
    std::unordered_map<uint64_t, size_t> place_;  // in kept_

    // The document whose rows arrive.
    bool open_ = false;
    uint64_t document_ = 0;
    int64_t content_ = 0;
    bool resembles_ = false;
    bool found_ = false;
    size_t best_ = 0;
    double similarity_ = 0;
};

}  // namespace curate
