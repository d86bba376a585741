// Dictionaries of scripts that put no spaces between words, read from the data file of ICU.
//
// One trie over UTF-16 units holds every word of every dictionary. Its nodes are numbered level by
// level, so the children of a node are neighbours and a node needs six bytes: what is searched, the
// labels, is 2 MB and stays near the processor (a hash table of 32 MB was three times slower).
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "text_view.hpp"

namespace curate {

struct BadDictionary : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

class Dictionary {
public:
    using Node = uint32_t;

    static constexpr Node kRoot = 0;
    static constexpr Node kNone = ~Node{0};
    static constexpr uint32_t kNoWord = ~uint32_t{0};

    // `data` is a library or a package of ICU data (libicudata.so, icudt.dll, icudt78l.dat); it is
    // not needed afterwards. Throws BadDictionary where a dictionary is missing or cannot be read.
    explicit Dictionary(Bytes data);

    // The node one code point below, or kNone. Thread-safe.
    Node step(Node node, uint32_t code_point) const {
        if (code_point < 0x10000) return child(node, static_cast<uint16_t>(code_point));
        const uint32_t above = code_point - 0x10000;
        node = child(node, static_cast<uint16_t>(0xd800 + (above >> 10)));
        return node == kNone ? kNone : child(node, static_cast<uint16_t>(0xdc00 + (above & 1023)));
    }

    // The cost of the word that ends at a node, or kNoWord.
    uint32_t cost(Node node) const { return (nodes_[node] & kCostMask) - 1; }

    // Major version of ICU, from the name of the package (`icudt78l`: 78).
    int version() const { return version_; }
    size_t words() const { return words_; }

private:
    static constexpr int kCostBits = 9;
    static constexpr uint32_t kCostMask = (uint32_t{1} << kCostBits) - 1;

    Node child(Node node, uint16_t unit) const {
        if (node == kRoot) return roots_[unit];
        const uint32_t first = nodes_[node] >> kCostBits;
        uint32_t count = (nodes_[node + 1] >> kCostBits) - first;
        if (count == 0) return kNone;
        const uint16_t* at = labels_.data() + first;
        while (count > 1) {  // no branch depends on the text
            const uint32_t half = count / 2;
            at += at[half] <= unit ? half : 0;
            count -= half;
        }
        return *at == unit ? static_cast<Node>(at - labels_.data()) : kNone;
    }

    void build(const std::vector<std::u16string>& words, const std::vector<uint32_t>& costs);

    std::vector<Node> roots_;       // by UTF-16 unit
    std::vector<uint16_t> labels_;  // of the edge that leads to a node
    std::vector<uint32_t> nodes_;   // first child, then cost + 1 of the word that ends here, or 0
    int version_ = 0;
    size_t words_ = 0;
};

}  // namespace curate
