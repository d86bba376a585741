// Shingles of documents: n neighbouring words, or characters, of the normalised text, as 32-bit
// hashes in text order.
#pragma once

#include <cstdint>
#include <vector>

#include "document.hpp"
#include "text_view.hpp"

namespace curate {

enum class Spaces : uint8_t { Collapse, Keep, Remove };

struct ShingleSpec {
    bool of_words;
    uint32_t size;             // words or characters of a shingle
    uint32_t character_size;   // of texts whose words are unknown; 0: they have no shingles
    bool lower_case;
    bool remove_punctuation;   // categories P and S; white space between characters
    bool zero_numbers;         // a run of decimal digits is one 0
    bool strip_accents;        // decompose, leave out Mn
    Spaces spaces;             // of characters; words are always one space apart
    uint64_t max_shingles;     // the first ones of a document
    bool sha1;                 // hash of a shingle: SHA-1, else XXH3-64; the low 32 bits
    const Dictionary* dictionary;
};

uint32_t shingle_hash(Bytes shingle, bool sha1);

// The shingles of one document after the other, in memory that is used again.
class Shingler {
public:
    explicit Shingler(const ShingleSpec& spec)
        : spec_(spec), document_({Segmenter::Uax29, {}, spec.dictionary}) {}

    // Throws InvalidUtf8.
    void open(int64_t row, Bytes text);

    // In text order, with repetitions.
    const std::vector<uint32_t>& hashes() const { return hashes_; }
    // XXH3-64 of the normalised text that the shingles cover.
    uint64_t content() const;
    // True where the document has more shingles than `max_shingles`.
    bool is_capped() const { return capped_; }

private:
    void words(Bytes text, const Words& words);
    void characters(Bytes text, uint32_t size);
    uint8_t* append_word(Bytes text, const Word& word, uint8_t* out) const;
    uint8_t* append_points(Bytes text, uint8_t* out) const;
    // Hashes the shingle that ends before `out`, if it is complete; false where it is one too many.
    bool close(uint32_t size, const uint8_t* end);
    void append_character(uint32_t code_point);

    ShingleSpec spec_;
    Document document_;
    Buffer<uint8_t> normal_;
    uint8_t* out_ = nullptr;
    std::vector<uint64_t> begins_;
    std::vector<uint32_t> hashes_;
    bool capped_ = false;
};

}  // namespace curate
