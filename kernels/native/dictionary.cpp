// Reads ICU's common data format ("CmnD"), its dictionaries ("Dict") and the two serialised tries
// they hold: ucharstrie.h and bytestrie.h of ICU4C describe the formats. Every offset is checked:
// a damaged file is an error, never a wild read.
#include "dictionary.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace curate {
namespace {

// The parts of ICU data that hold words of scripts without spaces, in the order of their letters.
constexpr const char* kParts[] = {"thaidict", "laodict", "burmesedict", "khmerdict", "cjdict"};

constexpr size_t kMaxWordUnits = 64;

[[noreturn]] void damaged(const std::string& what) { throw BadDictionary("ICU data: " + what); }

Bytes part_of(Bytes data, size_t begin, const std::string& what) {
    if (begin > data.size) damaged(what + " lies past the end");
    return {data.data + begin, data.size - begin};
}

uint32_t read16(Bytes data, size_t at) {
    if (at + 2 > data.size) damaged("cut off");
    return static_cast<uint32_t>(data.data[at] | data.data[at + 1] << 8);
}

uint32_t read32(Bytes data, size_t at) { return read16(data, at) | read16(data, at + 2) << 16; }

bool has_format(Bytes data, size_t at, const char* format) {
    return data.size - at >= 24 && data.data[at + 2] == 0xda && data.data[at + 3] == 0x27 &&
           data.data[at + 8] == 0 && std::memcmp(data.data + at + 12, format, 4) == 0;
}

// The little-endian package inside a library, from its header on.
Bytes find_package(Bytes data) {
    for (size_t at = 0; at + 24 <= data.size; at += 16) {  // ICU aligns its packages to 16 bytes
        if (has_format(data, at, "CmnD")) return part_of(data, at, "the package");
    }
    damaged("no package of little-endian data found");
}

struct Words {
    std::vector<std::u16string> words;
    std::vector<uint32_t> costs;
};

// What both tries share: linear-match nodes, branch nodes, and values before or instead of them.
// Format: how numbers are written. A `lead` names a node.
template <class Format>
class TrieWalk {
public:
    TrieWalk(Bytes data, Words& words, uint32_t base, bool has_values)
        : data_(data), words_(words), base_(base), has_values_(has_values) {}

    void run() { node(0); }

private:
    uint32_t unit(size_t at) const {
        if (Format::kUnitBytes == 2) return read16(data_, at * 2);
        if (at >= data_.size) damaged("cut off");
        return data_.data[at];
    }

    void push(uint32_t value) {
        if (word_.size() >= kMaxWordUnits) damaged("a word is too long");
        word_.push_back(static_cast<char16_t>(value + base_));
    }

    void found(uint32_t value) {
        words_.words.push_back(word_);
        words_.costs.push_back(has_values_ ? value : 0);
    }

    void node(size_t at) {
        const size_t depth = word_.size();
        for (;;) {
            uint32_t lead = unit(at++);
            if (lead >= Format::kMinValueLead) {
                const bool is_final = Format::is_final(lead);
                found(Format::value(*this, lead, at, is_final));
                if (is_final) break;
                lead = Format::kMergesValues ? lead & (Format::kMinValueLead - 1) : unit(at++);
            }
            if (lead < Format::kMinLinearMatch) {
                const uint32_t length = lead == 0 ? unit(at++) : lead;
                branch(length + 1, at);
                break;
            }
            for (uint32_t left = lead - Format::kMinLinearMatch + 1; left > 0; --left)
                push(unit(at++));
        }
        word_.resize(depth);
    }

    void branch(uint32_t length, size_t at) {
        while (length > kMaxLinearBranch) {
            ++at;  // the unit that the halves are compared with
            const uint32_t delta = Format::delta(*this, at);
            branch(length >> 1, at + delta);
            length -= length >> 1;
        }
        for (; length > 1; --length) {
            push(unit(at++));
            const uint32_t lead = unit(at++);
            const bool is_final = Format::is_final(lead);
            const uint32_t value = Format::branch_value(*this, lead, at);
            if (is_final) {
                found(value);
            } else {
                node(at + value);
            }
            word_.pop_back();
        }
        push(unit(at++));
        node(at);
        word_.pop_back();
    }

    static constexpr uint32_t kMaxLinearBranch = 5;

    friend Format;
    Bytes data_;
    Words& words_;
    uint32_t base_;
    bool has_values_;
    std::u16string word_;
};

// 16-bit units; a value that is not final shares its lead unit with the node behind it.
struct UnitFormat {
    static constexpr size_t kUnitBytes = 2;
    static constexpr bool kMergesValues = true;
    static constexpr uint32_t kMinLinearMatch = 0x30;
    static constexpr uint32_t kMinValueLead = 0x40;

    static bool is_final(uint32_t lead) { return (lead & 0x8000) != 0; }

    template <class Walk>
    static uint32_t value(Walk& walk, uint32_t lead, size_t& at, bool is_final) {
        if (is_final) return branch_value(walk, lead, at);
        if (lead < 0x4040) return (lead >> 6) - 1;
        if (lead < 0x7fc0) {
            const uint32_t low = walk.unit(at++);
            return ((lead & 0x7fc0) - 0x4040) << 10 | low;
        }
        at += 2;
        return walk.unit(at - 2) << 16 | walk.unit(at - 1);
    }

    template <class Walk>
    static uint32_t branch_value(Walk& walk, uint32_t lead, size_t& at) {
        lead &= 0x7fff;
        if (lead < 0x4000) return lead;
        if (lead < 0x7fff) {
            const uint32_t low = walk.unit(at++);
            return (lead - 0x4000) << 16 | low;
        }
        at += 2;
        return walk.unit(at - 2) << 16 | walk.unit(at - 1);
    }

    template <class Walk>
    static uint32_t delta(Walk& walk, size_t& at) {
        const uint32_t lead = walk.unit(at++);
        if (lead < 0xfc00) return lead;
        if (lead < 0xffff) {
            const uint32_t low = walk.unit(at++);
            return (lead - 0xfc00) << 16 | low;
        }
        at += 2;
        return walk.unit(at - 2) << 16 | walk.unit(at - 1);
    }
};

// Bytes; a value stands before its node.
struct ByteFormat {
    static constexpr size_t kUnitBytes = 1;
    static constexpr bool kMergesValues = false;
    static constexpr uint32_t kMinLinearMatch = 0x10;
    static constexpr uint32_t kMinValueLead = 0x20;

    static bool is_final(uint32_t lead) { return (lead & 1) != 0; }

    template <class Walk>
    static uint32_t more(Walk& walk, uint32_t value, size_t& at, int bytes) {
        for (; bytes > 0; --bytes) value = value << 8 | walk.unit(at++);
        return value;
    }

    template <class Walk>
    static uint32_t value(Walk& walk, uint32_t lead, size_t& at, bool) {
        return branch_value(walk, lead, at);
    }

    template <class Walk>
    static uint32_t branch_value(Walk& walk, uint32_t lead, size_t& at) {
        lead >>= 1;
        if (lead < 0x51) return lead - 0x10;
        if (lead < 0x6c) return more(walk, lead - 0x51, at, 1);
        if (lead < 0x7e) return more(walk, lead - 0x6c, at, 2);
        return more(walk, 0, at, lead == 0x7e ? 3 : 4);
    }

    template <class Walk>
    static uint32_t delta(Walk& walk, size_t& at) {
        const uint32_t lead = walk.unit(at++);
        if (lead < 0xc0) return lead;
        if (lead < 0xf0) return more(walk, lead - 0xc0, at, 1);
        if (lead < 0xfe) return more(walk, lead - 0xf0, at, 2);
        return more(walk, 0, at, lead == 0xfe ? 3 : 4);
    }
};

// Indexes of a dictionary: offset of its trie, its size, kind and the base of its code points.
void read_dictionary(Bytes data, const std::string& name, Words& words) {
    if (!has_format(data, 0, "Dict") || data.data[16] != 1) damaged(name + ": unknown format");
    const Bytes body = part_of(data, read16(data, 0), name);
    const uint32_t trie = read32(body, 0), size = read32(body, 12);
    const uint32_t kind = read32(body, 16), transform = read32(body, 20);
    if (trie > size || size > body.size) damaged(name + " is cut off");
    const Bytes units{body.data + trie, size - trie};
    const bool has_values = (kind & 8) != 0;
    if ((kind & 7) == 1) {
        TrieWalk<UnitFormat>(units, words, 0, has_values).run();
    } else if ((kind & 7) == 0 && (transform & 0x7f000000) == 0x1000000) {
        TrieWalk<ByteFormat>(units, words, transform & 0x1fffff, has_values).run();
    } else {
        damaged(name + ": unknown kind of trie");
    }
}

std::string_view name_at(Bytes data, size_t at) {
    const Bytes rest = part_of(data, at, "a name");
    const void* end = std::memchr(rest.data, 0, rest.size < 256 ? rest.size : 256);
    if (end == nullptr) damaged("a name has no end");
    return {reinterpret_cast<const char*>(rest.data),
            static_cast<size_t>(static_cast<const uint8_t*>(end) - rest.data)};
}

int version_of(std::string_view name) {
    int version = 0;
    for (size_t at = name.find("icudt") == 0 ? 5 : name.size();
         at < name.size() && name[at] >= '0' && name[at] <= '9'; ++at) {
        version = version * 10 + (name[at] - '0');
        if (version > 9999) break;
    }
    if (version == 0) damaged("the package names no version");
    return version;
}

}  // namespace

Dictionary::Dictionary(Bytes data) {
    const Bytes package = find_package(data);
    const Bytes contents = part_of(package, read16(package, 0), "the table of contents");
    const uint32_t entries = read32(contents, 0);
    if (entries == 0 || entries > contents.size / 8) damaged("the table of contents is damaged");
    version_ = version_of(name_at(contents, read32(contents, 4)));
    Words words;
    for (const char* part : kParts) {
        const std::string wanted = std::string("/brkitr/") + part + ".dict";
        uint32_t entry = 0;
        for (; entry < entries; ++entry) {
            const std::string_view name = name_at(contents, read32(contents, 4 + entry * 8));
            if (name.size() > wanted.size() &&
                name.compare(name.size() - wanted.size(), wanted.size(), wanted) == 0) {
                break;
            }
        }
        if (entry == entries) damaged(std::string(part) + " is missing");
        const uint32_t offset = read32(contents, 8 + entry * 8);
        read_dictionary(part_of(contents, offset, part), part, words);
    }
    build(words.words, words.costs);
}

// Level by level: a range of sorted words that share a prefix is a node, its distinct next units
// are the children.
void Dictionary::build(const std::vector<std::u16string>& words,
                       const std::vector<uint32_t>& costs) {
    struct Range {
        size_t begin, end;
    };
    if (!std::is_sorted(words.begin(), words.end())) damaged("the words are not in order");
    words_ = words.size();
    labels_.assign(1, 0);
    roots_.assign(0x10000, kNone);
    std::vector<Range> level{{0, words.size()}}, below;
    for (size_t depth = 0; !level.empty(); ++depth, level.swap(below), below.clear()) {
        for (Range range : level) {
            uint32_t cost = 0;
            for (; range.begin < range.end && words[range.begin].size() == depth; ++range.begin) {
                cost = std::min(costs[range.begin] + 1, kCostMask);
            }
            nodes_.push_back(static_cast<uint32_t>(labels_.size()) << kCostBits | cost);
            while (range.begin < range.end) {
                const size_t begin = range.begin;
                const char16_t unit = words[begin][depth];
                while (range.begin < range.end && words[range.begin][depth] == unit) ++range.begin;
                if (depth == 0) roots_[unit] = static_cast<Node>(labels_.size());
                labels_.push_back(unit);
                below.push_back({begin, range.begin});
            }
        }
    }
    if (labels_.size() >> (32 - kCostBits) != 0) damaged("too many words");
    nodes_.push_back(static_cast<uint32_t>(labels_.size()) << kCostBits);
}

}  // namespace curate
