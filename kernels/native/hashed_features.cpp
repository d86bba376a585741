#define XXH_INLINE_ALL
#include "third_party/xxhash.h"

#include "hashed_features.hpp"

#include <algorithm>
#include <cstdlib>

#include "ascii_blocks.hpp"
#include "rows.hpp"
#include "utf8_encode.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#define CURATE_HAS_AVX2 1
#endif

namespace curate {
namespace {

// Seeds that keep words, pairs and character n-grams apart.
constexpr uint64_t kWord = 1, kPair = 2, kCharacters = 3;

// Weights have 15 bits, table entries 7: so many products fit into 32 bits with a sign.
constexpr size_t kProductsInInt32 = 512;

using AddRow = void (*)(const int8_t* row, int32_t weight, uint32_t dimensions, int32_t* sums);

inline void add_row(const int8_t* row, int32_t weight, uint32_t dimensions, int32_t* sums) {
    for (uint32_t index = 0; index < dimensions; ++index) sums[index] += weight * row[index];
}

void add_row_portable(const int8_t* row, int32_t weight, uint32_t dimensions, int32_t* sums) {
    add_row(row, weight, dimensions, sums);
}

#ifdef CURATE_HAS_AVX2
__attribute__((target("avx2"))) void add_row_avx2(const int8_t* row, int32_t weight,
                                                  uint32_t dimensions, int32_t* sums) {
    for (uint32_t index = 0; index < dimensions; ++index) sums[index] += weight * row[index];
}
#endif

AddRow choose_add_row() {
#ifdef CURATE_HAS_AVX2
    if (use_avx2()) return add_row_avx2;
#endif
    return add_row_portable;
}

void quantize(const std::vector<int64_t>& sums, int8_t* out) {
    int64_t largest = 0;
    for (const int64_t sum : sums) largest = std::max(largest, std::abs(sum));
    for (size_t index = 0; index < sums.size(); ++index) {
        if (largest == 0) {
            out[index] = 0;
            continue;
        }
        const int64_t twice = 2 * 127 * std::abs(sums[index]) + largest;
        const int64_t size = twice / (2 * largest);
        out[index] = static_cast<int8_t>(sums[index] < 0 ? -size : size);
    }
}

}  // namespace

FeatureCounter::FeatureCounter(const FeatureSpec& spec)
    : spec_(spec),
      document_({Segmenter::Uax29Alone, {}, nullptr}),
      counts_(size_t{1} << spec.bucket_bits) {
    starts_.resize(spec.characters);
}

void FeatureCounter::add(Bytes feature, uint64_t kind) {
    const uint64_t hash = XXH3_64bits_withSeed(feature.data, feature.size, kind);
    const auto bucket = static_cast<uint32_t>(hash >> (64 - spec_.bucket_bits));
    if (counts_[bucket]++ == 0) buckets_.push_back(bucket);
}

uint8_t* FeatureCounter::append(Bytes text, const Word& word, uint8_t* out) {
    for (size_t position = word.begin; position < word.end;) {
        const uint32_t byte = text.data[position];
        if (byte < 0x80) {
            *out++ = static_cast<uint8_t>(byte - 'A' < 26 ? byte + 32 : byte);
            ++position;
            continue;
        }
        const CodePoint point = decode(text, position);
        position += point.bytes;
        out = encode_lower(point.value, out);
    }
    return out;
}

void FeatureCounter::open(int64_t row, Bytes text) {
    for (const uint32_t bucket : buckets_) counts_[bucket] = 0;
    buckets_.clear();
    document_.open(row, text);
    const Words& words = document_.words();
    // Lower case may take half as many bytes again, and every word has a space behind it.
    uint8_t* const normal = normal_.reserve(text.size + text.size / 2 + words.count + 1);
    uint8_t* out = normal;
    size_t before = 0;
    bool first = true;
    for (const Word& word : words) {
        const auto begin = static_cast<size_t>(out - normal);
        out = append(text, word, out);
        const auto end = static_cast<size_t>(out - normal);
        add({normal + begin, end - begin}, kWord);
        if (spec_.word_pairs && !first) add({normal + before, end - before}, kPair);
        first = false;
        before = begin;
        *out++ = ' ';
    }
    if (spec_.characters == 0 || out == normal) return;
    // A ring of the starts of the last characters; the space after the last word counts as one.
    const auto size = static_cast<size_t>(out - normal);
    size_t seen = 0;
    for (size_t position = 0; position <= size; ++position) {
        if (position < size && (normal[position] & 0xc0) == 0x80) continue;
        const size_t place = seen % spec_.characters;
        if (seen >= spec_.characters) {
            add({normal + starts_[place], position - starts_[place]}, kCharacters);
        }
        starts_[place] = static_cast<uint32_t>(position);
        ++seen;
    }
}

Features hashed_features(const TextView& text, const FeatureSpec& spec) {
    Features features;
    features.first.reserve(static_cast<size_t>(text.rows) + 1);
    features.first.push_back(0);
    FeatureCounter counter(spec);
    for_each_row(text, [&](int64_t row, Bytes document) {
        counter.open(row, document);
        for (const uint32_t bucket : counter.buckets()) {
            features.buckets.push_back(bucket);
            features.counts.push_back(counter.count(bucket));
        }
        features.first.push_back(static_cast<int64_t>(features.buckets.size()));
    });
    return features;
}

void embedded_features(const TextView& text, const FeatureSpec& spec, const Projection& projection,
                       int8_t* embeddings) {
    static const AddRow add = choose_add_row();
    const size_t dimensions = projection.dimensions;
    std::vector<int32_t> products(dimensions);
    std::vector<int64_t> sums(dimensions);
    FeatureCounter counter(spec);
    for_each_row(text, [&](int64_t row, Bytes document) {
        counter.open(row, document);
        std::fill(sums.begin(), sums.end(), 0);
        const auto& buckets = counter.buckets();
        for (size_t start = 0; start < buckets.size(); start += kProductsInInt32) {
            const size_t end = std::min(buckets.size(), start + kProductsInInt32);
            std::fill(products.begin(), products.end(), 0);
            for (size_t index = start; index < end; ++index) {
                if (index + 8 < end) {
                    const int8_t* ahead = projection.table + buckets[index + 8] * dimensions;
                    __builtin_prefetch(ahead);
                    __builtin_prefetch(ahead + 64);
                }
                const uint32_t bucket = buckets[index];
                const uint32_t count =
                    std::min(counter.count(bucket), projection.count_weight_count) - 1;
                const uint32_t weight =
                    (uint32_t{projection.count_weights[count]} * projection.weights[bucket] +
                     (1u << 12)) >>
                    13;
                if (weight == 0) continue;
                add(projection.table + bucket * dimensions, static_cast<int32_t>(weight),
                    projection.dimensions, products.data());
            }
            for (size_t index = 0; index < dimensions; ++index) sums[index] += products[index];
        }
        quantize(sums, embeddings + row * static_cast<int64_t>(dimensions));
    });
}

}  // namespace curate
