#define XXH_INLINE_ALL
#include "third_party/xxhash.h"

#include "substrings.hpp"

#include <algorithm>
#include <cstring>

#include "rows.hpp"
#include "stamp_table.hpp"

namespace curate {
namespace {

constexpr uint64_t kSpansSeed = 0x5eed0f5ba9500001ull;
constexpr uint64_t kPartSeed = 0x9e3779b97f4a7c15ull;
constexpr uint32_t kNone = 0xffffffffu;

struct Span {
    uint32_t begin;
    uint32_t end;
    uint32_t documents;
};

XXH128_hash_t hash_128(Bytes bytes, uint64_t seed) {
    return XXH3_128bits_withSeed(bytes.data, bytes.size, seed);
}

void append_key(std::vector<uint8_t>& keys, XXH128_hash_t key) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, key);
    keys.insert(keys.end(), canonical.digest, canonical.digest + 16);
}

// Spans of one document by kind and count: overlapping or touching ones become one.
void merge(std::vector<Span>& spans) {
    std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
        if (a.documents != b.documents) return a.documents < b.documents;
        return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
    size_t kept = 0;
    for (const Span& span : spans) {
        if (kept > 0 && spans[kept - 1].documents == span.documents &&
            span.begin <= spans[kept - 1].end) {
            spans[kept - 1].end = std::max(spans[kept - 1].end, span.end);
        } else {
            spans[kept++] = span;
        }
    }
    spans.resize(kept);
}

// Copies of one content within one document become one row.
class DocumentRows {
public:
    DocumentRows(const SubstringShape& shape, SubstringRows& out) : shape_(shape), out_(out) {}

    void add(XXH128_hash_t key, uint64_t fragment, uint32_t begin, uint32_t windows) {
        copies_.push_back({key, fragment, begin, windows, kNone});
    }

    void add_known(const Span& span) { known_.push_back(span); }

    void finish(int64_t row, Bytes text, uint64_t seed) {
        group();
        for (const uint32_t leader : leaders_) write(row, leader);
        merge(known_);
        if (!known_.empty()) {
            for (const Span& span : known_) {
                out_.places.insert(out_.places.end(), {span.begin, span.end, span.documents});
            }
            close(row, hash_128(text, seed ^ kSpansSeed), 0, 0);
        }
        copies_.clear();
        leaders_.clear();
        known_.clear();
    }

private:
    struct Copy {
        XXH128_hash_t key;
        uint64_t fragment;
        uint32_t begin;
        uint32_t windows;
        uint32_t next;  // copy of the same content, kNone for the last
    };

    void group() {
        table_.reset(copies_.size());
        last_.assign(copies_.size(), 0);
        for (size_t index = 0; index < copies_.size(); ++index) {
            const Copy& copy = copies_[index];
            const auto own = static_cast<uint32_t>(index);
            const uint32_t leader =
                table_.find_or_add(copy.key.low64 ^ copy.fragment, own, [&](uint32_t other) {
                    const Copy& earlier = copies_[other];
                    return XXH128_isEqual(earlier.key, copy.key) != 0 &&
                           earlier.fragment == copy.fragment && earlier.windows == copy.windows;
                });
            if (leader == own) {
                leaders_.push_back(own);
            } else {
                copies_[last_[leader]].next = own;
            }
            last_[leader] = own;
        }
    }

    // Copies that begin within a window of the first one belong to it; so does every further group.
    void write(int64_t row, uint32_t leader) {
        int64_t groups = 0;
        uint32_t group_begin = 0;
        for (uint32_t index = leader; index != kNone; index = copies_[index].next) {
            const uint32_t begin = copies_[index].begin;
            if (groups == 0 || begin - group_begin >= shape_.window.window) {
                groups += 1;
                group_begin = begin;
            }
            if (groups <= shape_.told_apart) {
                out_.places.push_back(begin);
            } else {
                const size_t units = shape_.window.window + copies_[index].windows - 1;
                add_known({begin, begin + static_cast<uint32_t>(units), 0});
            }
        }
        const Copy& first = copies_[leader];
        close(row, first.key, first.fragment, first.windows);
    }

    void close(int64_t row, XXH128_hash_t key, uint64_t fragment, uint32_t windows) {
        if (out_.places.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
            throw std::length_error("a batch holds more than 2^31 repeated windows");
        }
        out_.row.push_back(row);
        append_key(out_.keys, key);
        out_.fragment.push_back(static_cast<int64_t>(fragment));
        out_.windows.push_back(windows);
        out_.first_place.push_back(static_cast<int32_t>(out_.places.size()));
    }

    const SubstringShape& shape_;
    SubstringRows& out_;
    std::vector<Copy> copies_;
    std::vector<uint32_t> leaders_;
    std::vector<uint32_t> last_;
    std::vector<Span> known_;
    StampTable table_;
};

template <class Unit>
void anchors_of(const TextView& text, const SubstringShape& shape, const uint64_t* seeds,
                AnchorRows& out) {
    AnchorFinder finder(shape.window);
    std::vector<XXH128_hash_t> keys;
    std::vector<uint8_t> seen;
    StampTable table;
    for_each_row(text, [&](int64_t row, Bytes document) {
        const Units<Unit> units(document);
        keys.clear();
        finder.find(units, [&](const Anchor& anchor) {
            keys.push_back(hash_128(units.slice(anchor.position, shape.window.gram), seeds[row]));
        });
        table.reset(keys.size());
        seen.assign(keys.size(), 0);
        for (size_t index = 0; index < keys.size(); ++index) {
            const auto same = [&](uint32_t other) {
                return XXH128_isEqual(keys[other], keys[index]) != 0;
            };
            const uint32_t own = static_cast<uint32_t>(index);
            const uint32_t first = table.find_or_add(keys[index].low64, own, same);
            if (seen[first] == 2) continue;
            seen[first] += 1;
            out.row.push_back(row);
            append_key(out.keys, keys[index]);
        }
    });
}

// The windows of an anchor in parts, by their distance from it. All windows of a part share a core, which
// lies at one place relative to the anchor: so equal windows, wherever they stand, have equal cores.
// found(first window, last window, begin of the core, units of the core, number of the part)
template <class Found>
void for_each_part(const Anchor& anchor, const SubstringShape& shape, Found found) {
    const size_t width = shape.part_windows;
    const size_t nearest = anchor.position - anchor.last_window;
    const size_t farthest = anchor.position - anchor.first_window;
    for (size_t part = nearest / width; part * width <= farthest; ++part) {
        const size_t near = std::max(nearest, part * width);
        const size_t far = std::min(farthest, part * width + width - 1);
        const size_t core_begin = anchor.position - part * width;
        found(anchor.position - far, anchor.position - near, core_begin,
              shape.window.window - width + 1, part);
    }
}

template <class Unit>
void fragments_of(const TextView& text, const SubstringShape& shape, const uint64_t* seeds,
                  const int64_t* first, const uint64_t* marks, SubstringRows& out) {
    AnchorFinder finder(shape.window);
    DocumentRows rows(shape, out);
    for_each_row(text, [&](int64_t row, Bytes document) {
        const uint64_t* const begin = marks + first[row];
        const uint64_t* const end = marks + first[row + 1];
        if (begin == end) return;
        const Units<Unit> units(document);
        finder.find(units, [&](const Anchor& anchor) {
            const Bytes gram = units.slice(anchor.position, shape.window.gram);
            const XXH128_hash_t mark = hash_128(gram, seeds[row]);
            if (!std::binary_search(begin, end, mark.high64)) return;
            for_each_part(anchor, shape, [&](size_t first_window, size_t last_window, size_t core_begin,
                                             size_t core_units, uint64_t part) {
                const Bytes core = units.slice(core_begin, core_units);
                const XXH128_hash_t key = hash_128(core, seeds[row] + kPartSeed * (part + 1));
                const Bytes fragment = units.slice(
                    first_window, shape.window.window + last_window - first_window);
                rows.add(key, XXH3_64bits(fragment.data, fragment.size),
                         static_cast<uint32_t>(first_window),
                         static_cast<uint32_t>(last_window - first_window + 1));
            });
        });
        rows.finish(row, document, seeds[row]);
    });
}

template <class Unit>
void windows_of(const TextView& text, const SubstringShape& shape, const uint64_t* seeds,
                const SpanView& spans, SubstringRows& out) {
    DocumentRows rows(shape, out);
    std::vector<Span> compared;
    for_each_row(text, [&](int64_t row, Bytes document) {
        const Units<Unit> units(document);
        compared.clear();
        for (int64_t index = spans.first[row]; index < spans.first[row + 1]; ++index) {
            const Span span{spans.begin[index], spans.end[index], spans.documents[index]};
            if (span.begin > span.end || span.end > units.size) {
                throw std::invalid_argument("a span ends behind its document");
            }
            if (static_cast<SpanKind>(spans.kind[index]) == SpanKind::Compare) {
                compared.push_back(span);
            } else {
                rows.add_known(span);
            }
        }
        std::sort(compared.begin(), compared.end(),
                  [](const Span& a, const Span& b) { return a.begin < b.begin; });
        for (const Span& span : compared) {
            for (size_t begin = span.begin; begin + shape.window.window <= span.end; ++begin) {
                const Bytes window = units.slice(begin, shape.window.window);
                rows.add(hash_128(window, seeds[row]), 0, static_cast<uint32_t>(begin), 1);
            }
        }
        rows.finish(row, document, seeds[row]);
    });
}

}  // namespace

void anchor_rows(const TextView& text, const SubstringShape& shape, const uint64_t* seeds,
                 AnchorRows& out) {
    if (shape.unit_bytes == 1) return anchors_of<uint8_t>(text, shape, seeds, out);
    anchors_of<uint32_t>(text, shape, seeds, out);
}

void fragment_rows(const TextView& text, const SubstringShape& shape, const uint64_t* seeds,
                   const int64_t* first, const uint64_t* marks, SubstringRows& out) {
    if (shape.unit_bytes == 1) return fragments_of<uint8_t>(text, shape, seeds, first, marks, out);
    fragments_of<uint32_t>(text, shape, seeds, first, marks, out);
}

void window_rows(const TextView& text, const SubstringShape& shape, const uint64_t* seeds,
                 const SpanView& spans, SubstringRows& out) {
    if (shape.unit_bytes == 1) return windows_of<uint8_t>(text, shape, seeds, spans, out);
    windows_of<uint32_t>(text, shape, seeds, spans, out);
}

}  // namespace curate
