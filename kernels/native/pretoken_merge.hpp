// Merges sorted streams of counted pre-tokens.
#pragma once

#include <cstdint>
#include <vector>

#include "pretoken_table.hpp"
#include "text_view.hpp"

namespace curate {

// A batch of one stream: strings that ascend strictly, and their counts. `last` says that no batch
// follows. `taken` is set to the rows that went into the result.
struct CountedBatch {
    TextView pretokens;
    const uint64_t* counts;
    bool last;
    int64_t taken;
};

// Adds equal strings up, in ascending order, until a batch that is not the last of its stream is
// used up. Throws std::overflow_error when a sum exceeds 64 bits, std::invalid_argument for rows
// out of order.
CountedRows merge_counted(std::vector<CountedBatch>& batches);

}  // namespace curate
