// Documents as bags of hashed words, word pairs and character n-grams, and the projection of such
// bags by a table of small integers: latent semantic indexing without a vocabulary.
#pragma once

#include <cstdint>
#include <vector>

#include "document.hpp"
#include "text_view.hpp"

namespace curate {

struct FeatureSpec {
    uint32_t bucket_bits;  // 2^bucket_bits buckets, 1 to 24
    bool word_pairs;
    uint32_t characters;  // of a character n-gram; 0: none
};

// The bags of one document after the other, in memory that is used again.
class FeatureCounter {
public:
    explicit FeatureCounter(const FeatureSpec& spec);

    // Throws InvalidUtf8.
    void open(int64_t row, Bytes text);

    // Buckets of the document in the order in which they first occur.
    const std::vector<uint32_t>& buckets() const { return buckets_; }
    uint32_t count(uint32_t bucket) const { return counts_[bucket]; }

private:
    void add(Bytes feature, uint64_t kind);
    uint8_t* append(Bytes text, const Word& word, uint8_t* out);

    FeatureSpec spec_;
    Document document_;
    Buffer<uint8_t> normal_;
    std::vector<uint32_t> ends_;    // of the words in the normalised text
    std::vector<uint32_t> starts_;  // of its last characters
    std::vector<uint32_t> counts_;
    std::vector<uint32_t> buckets_;
};

struct Features {
    std::vector<int64_t> first;  // rows + 1
    std::vector<uint32_t> buckets;
    std::vector<uint32_t> counts;
};

Features hashed_features(const TextView& text, const FeatureSpec& spec);

// `weights`: one per bucket. `count_weights`: by count - 1, the last one for all higher counts, at
// most 4095. `table`: buckets × dimensions.
struct Projection {
    const uint16_t* weights;
    const uint16_t* count_weights;
    uint32_t count_weight_count;
    const int8_t* table;
    uint32_t dimensions;
};

// Writes rows × dimensions: the weighted sum of the table's rows, scaled so that its largest value
// is ±127 and rounded half up; zeros where the sum is zero. Integers all the way.
void embedded_features(const TextView& text, const FeatureSpec& spec, const Projection& projection,
                       int8_t* embeddings);

}  // namespace curate
