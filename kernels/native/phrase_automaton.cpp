#include "phrase_automaton.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "unicode.hpp"
#include "utf8_encode.hpp"

namespace curate {
namespace {

// Bytes of full rows; 4 MiB stay in the second-level cache where it matters, the shallow states.
constexpr size_t kTableBytes = size_t{4} << 20;

// More kinds of first bytes than this, and looking for them costs more than following them.
constexpr int kFewBegin = 12;

// Unicode's stream-safe text has at most 30 marks in a row (UAX #15); more are not looked through.
constexpr int kMostMarks = 30;

uint32_t fold(uint32_t code_point) {
    if (code_point == 0x130) return 'i';
    if (code_point == 0x3c2) return 0x3c3;
    return simple_lower(code_point);
}

constexpr uint64_t kEach = 0x0101010101010101u;

// Eight bytes of ASCII in lower case: bit 7 of a sum tells whether a byte is above 'Z', or 'A'.
uint64_t lower_ascii(uint64_t bytes) {
    const uint64_t above_z = bytes + (0x7f - 'Z') * kEach;
    const uint64_t from_a = bytes + (0x80 - 'A') * kEach;
    return bytes | ((from_a & ~above_z & 0x80 * kEach) >> 2);
}

// Sixteen bytes in lower case; false, with nothing written, when one of them is above 0x7f.
bool fold_ascii_block(const uint8_t* in, uint8_t* out) {
    uint64_t bytes[2];
    std::memcpy(bytes, in, 16);
    if ((bytes[0] | bytes[1]) & (0x80 * kEach)) return false;
    bytes[0] = lower_ascii(bytes[0]);
    bytes[1] = lower_ascii(bytes[1]);
    std::memcpy(out, bytes, 16);
    return true;
}

// Three-byte characters without two cases: U+3000 to U+9FFF and Hangul.
bool has_no_case(uint8_t lead, uint8_t second) {
    return (lead >= 0xe3 && lead <= 0xe9) || lead == 0xeb || lead == 0xec ||
           (lead == 0xea && second >= 0xb0) || (lead == 0xed && second < 0xa0);
}

bool is_mark(uint32_t code_point) {
    return (properties(code_point) & kWordBreakBits) == WordBreak::Extend;
}

bool is_word_character(uint32_t code_point) {
    return code_point == '_' || (properties(code_point) & (kLetter | kNumber)) != 0;
}

size_t start_of_last(Bytes text, size_t end) {
    size_t start = end - 1;
    while (start > 0 && end - start < 4 && (text.data[start] & 0xc0) == 0x80) --start;
    return start;
}

// A trie while it grows; children of a node are a list of siblings.
struct Node {
    uint32_t first_child = 0;
    uint32_t next_sibling = 0;
    uint32_t parent = 0;
    uint32_t depth = 0;
    int32_t terminal = -1;
    uint8_t byte_class = 0;
};

class Trie {
public:
    Trie() : nodes_(1) {}

    const std::vector<Node>& nodes() const { return nodes_; }

    uint32_t insert(const std::vector<uint8_t>& phrase, const std::array<uint8_t, 256>& class_of) {
        uint32_t node = 0;
        for (const uint8_t byte : phrase) node = child(node, class_of[byte]);
        return node;
    }

    Node& operator[](uint32_t node) { return nodes_[node]; }

private:
    uint32_t child(uint32_t parent, uint8_t byte_class) {
        uint32_t found = nodes_[parent].first_child;
        while (found != 0 && nodes_[found].byte_class != byte_class) {
            found = nodes_[found].next_sibling;
        }
        if (found != 0) return found;
        if (nodes_.size() > 0x7ffffffeu) throw std::invalid_argument("too many phrases");
        const auto made = static_cast<uint32_t>(nodes_.size());
        Node node;
        node.parent = parent;
        node.depth = nodes_[parent].depth + 1;
        node.byte_class = byte_class;
        node.next_sibling = nodes_[parent].first_child;
        nodes_.push_back(node);
        nodes_[parent].first_child = made;
        return made;
    }

    std::vector<Node> nodes_;
};

}  // namespace

void fold_case(Bytes text, std::vector<uint8_t>& out) {
    // Two bytes become at most three (U+023A, U+023E), longer ones never grow.
    out.resize(text.size + text.size / 2 + 16);
    uint8_t* to = out.data();
    for (size_t position = 0; position < text.size;) {
        if (text.size - position >= 16 && fold_ascii_block(text.data + position, to)) {
            position += 16;
            to += 16;
            continue;
        }
        const size_t stop = std::min(text.size, position + 16);
        while (position < stop) {
            const uint8_t lead = text.data[position];
            if (lead < 0x80) {
                *to++ = static_cast<uint8_t>(lead + (static_cast<uint8_t>(lead - 'A') < 26 ? 32 : 0));
                ++position;
                continue;
            }
            if (text.size - position >= 3 && has_no_case(lead, text.data[position + 1])) {
                if ((text.data[position + 1] & 0xc0) != 0x80 ||
                    (text.data[position + 2] & 0xc0) != 0x80) {
                    throw InvalidUtf8(position);
                }
                std::memcpy(to, text.data + position, 3);
                position += 3;
                to += 3;
                continue;
            }
            const CodePoint point = decode(text, position);
            position += point.bytes;
            to = encode(fold(point.value), to);
        }
    }
    out.resize(static_cast<size_t>(to - out.data()));
}

PhraseAutomaton::PhraseAutomaton(const TextView& phrases, const int32_t* groups,
                                 int32_t group_count, PhraseOptions options)
    : options_(options), group_count_(group_count) {
    std::vector<std::vector<uint8_t>> folded(static_cast<size_t>(phrases.rows));
    for (int64_t row = 0; row < phrases.rows; ++row) {
        const auto name = "phrase " + std::to_string(row);
        const Bytes phrase = phrases[row];
        if (phrase.size == 0) throw std::invalid_argument(name + " is empty");
        if (groups[row] < 0 || groups[row] >= group_count) {
            throw std::invalid_argument(name + ": no group " + std::to_string(groups[row]));
        }
        auto& target = folded[static_cast<size_t>(row)];
        try {
            fold_case(phrase, target);  // also checks that it is UTF-8
        } catch (const InvalidUtf8& error) {
            throw std::invalid_argument(name + ": " + error.what());
        }
        if (!options.ignore_case) target.assign(phrase.data, phrase.data + phrase.size);
        groups_.push_back(groups[row]);
        characters_.push_back(count_code_points(phrase));
    }
    beginnings_ = PhraseBeginnings(folded);
    number_classes(folded);
    build(folded);
    fill_table();
}

// Classes by frequency do not matter; UTF-8 uses at most 243 different bytes, so a class fits a byte.
void PhraseAutomaton::number_classes(const std::vector<std::vector<uint8_t>>& folded) {
    for (const auto& phrase : folded) {
        begins_[phrase.front()] = true;
        for (const uint8_t byte : phrase) {
            if (class_of_[byte] == 0) class_of_[byte] = static_cast<uint8_t>(row_size_++);
        }
    }
    few_begin_ = std::count(begins_.begin(), begins_.end(), true) <= kFewBegin;
}

void PhraseAutomaton::build(const std::vector<std::vector<uint8_t>>& folded) {
    Trie trie;
    same_.assign(folded.size(), -1);
    for (size_t phrase = folded.size(); phrase-- > 0;) {  // backwards: equal ones in given order
        Node& last = trie[trie.insert(folded[phrase], class_of_)];
        same_[phrase] = last.terminal;
        last.terminal = static_cast<int32_t>(phrase);
    }
    const auto& nodes = trie.nodes();
    const size_t states = nodes.size();
    std::vector<uint32_t> order{0};  // breadth-first; order[state] is a node
    std::vector<uint32_t> state_of(states, 0);
    order.reserve(states);
    first_edge_.assign(states + 1, 0);
    for (size_t state = 0; state < order.size(); ++state) {
        first_edge_[state] = static_cast<uint32_t>(edge_target_.size());
        for (uint32_t child = nodes[order[state]].first_child; child != 0;
             child = nodes[child].next_sibling) {
            state_of[child] = static_cast<uint32_t>(order.size());
            edge_class_.push_back(nodes[child].byte_class);
            edge_target_.push_back(state_of[child]);
            order.push_back(child);
        }
    }
    first_edge_[states] = static_cast<uint32_t>(edge_target_.size());
    depth_.resize(states);
    terminal_.resize(states);
    suffix_.assign(states, 0);
    failure_.assign(states, 0);
    for (size_t state = 0; state < states; ++state) {
        const Node& node = nodes[order[state]];
        depth_[state] = node.depth;
        terminal_[state] = node.terminal;
        if (node.depth < 2) continue;
        uint32_t candidate = failure_[state_of[node.parent]];
        for (;; candidate = failure_[candidate]) {
            uint32_t edge = first_edge_[candidate];
            const uint32_t stop = first_edge_[candidate + 1];
            while (edge < stop && edge_class_[edge] != node.byte_class) ++edge;
            if (edge < stop) {
                failure_[state] = edge_target_[edge];
                break;
            }
            if (candidate == 0) break;
        }
        const uint32_t failure = failure_[state];
        suffix_[state] = terminal_[failure] >= 0 ? failure : suffix_[failure];
    }
}

void PhraseAutomaton::fill_table() {
    const size_t states = depth_.size();
    dense_states_ = static_cast<uint32_t>(
        std::max<size_t>(1, std::min(states, kTableBytes / (row_size_ * sizeof(uint32_t)))));
    plain_ = dense_states_ * row_size_;
    table_.assign(plain_, 0);
    for (uint32_t state = 0; state < dense_states_; ++state) {
        uint32_t* const row = table_.data() + state * row_size_;
        if (state > 0) std::copy_n(table_.data() + failure_[state] * row_size_, row_size_, row);
        for (uint32_t edge = first_edge_[state]; edge < first_edge_[state + 1]; ++edge) {
            row[edge_class_[edge]] = move_to(edge_target_[edge]);
        }
    }
}

bool PhraseAutomaton::word_may_begin(Bytes text, size_t position) {
    for (int marks = 0; position > 0; ++marks) {
        position = start_of_last(text, position);
        const uint32_t before = decode(text, position).value;
        if (is_word_character(before)) return false;
        if (!is_mark(before)) return true;
        if (marks == kMostMarks) return false;
    }
    return true;
}

bool PhraseAutomaton::word_goes_on(Bytes text, size_t position) {
    const uint32_t next = decode(text, position).value;
    return is_word_character(next) || is_mark(next);
}

}  // namespace curate
