// Anchors of a text: robust places by which equal windows are found wherever they stand (winnowing,
// Schleimer et al. 2003).
//
// A window is `window` units long (bytes, or token ids of 4 bytes); its anchor is the k-gram in it with
// the smallest hash, the leftmost of several. The choice looks at nothing outside of the window, so equal
// windows have equal anchors at equal places. Windows that share an anchor stand side by side, so an
// anchor comes with one range of window starts, and every window of the text is in exactly one range.
//
// The minimum of a sliding range is taken by blocks (van Herk 1992, Gil & Werman 1993): three
// comparisons per unit on any text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

#include "text_view.hpp"

namespace curate {

struct WindowShape {
    size_t window;  // units
    size_t gram;    // units of an anchor; at most `window`
};

struct Anchor {
    uint32_t position;      // unit at which the k-gram begins
    uint32_t first_window;  // unit at which the first window with this anchor begins
    uint32_t last_window;
};

// A text as units.
template <class Unit>
struct Units {
    const uint8_t* data;
    size_t size;

    explicit Units(Bytes text) : data(text.data), size(text.size / sizeof(Unit)) {
        if (size > std::numeric_limits<uint32_t>::max()) {
            throw std::invalid_argument("a document of 4 GiB or more cannot be searched");
        }
    }
    Unit operator[](size_t index) const {
        Unit unit;
        std::memcpy(&unit, data + index * sizeof(Unit), sizeof(Unit));
        return unit;
    }
    Bytes slice(size_t begin, size_t units) const {
        return {data + begin * sizeof(Unit), units * sizeof(Unit)};
    }
};

class AnchorFinder {
public:
    explicit AnchorFinder(WindowShape shape) : shape_(shape) {
        for (size_t index = 0; index < shape.gram; ++index) leaving_ *= kBase;
        suffix_.resize(shape.window - shape.gram + 1);
        block_.resize(suffix_.size());
    }

    // found(Anchor) in text order. Texts shorter than a window have none.
    template <class Unit, class Found>
    void find(const Units<Unit>& text, Found found) {
        if (text.size < shape_.window) return;
        const size_t width = suffix_.size();  // k-grams of a window
        const size_t grams = text.size - shape_.gram + 1;
        uint64_t hash = 0;
        for (size_t index = 0; index + 1 < shape_.gram; ++index) hash = hash * kBase + mixed(text[index]);
        const auto next = [&](size_t position) {
            const size_t last = position + shape_.gram - 1;
            hash = hash * kBase + mixed(text[last]);
            if (position > 0) hash -= leaving_ * mixed(text[position - 1]);
            return (hash * kSpread & kHigh) | position;
        };
        for (size_t index = 0; index < width; ++index) block_[index] = next(index);
        minima_of_suffixes();
        Anchor open{place(suffix_[0]), 0, 0};
        const auto choose = [&](uint64_t smallest, size_t start) {
            if (place(smallest) != open.position) {
                found(open);
                open = {place(smallest), static_cast<uint32_t>(start), 0};
            }
            open.last_window = static_cast<uint32_t>(start);
        };
        for (size_t begin = 0; begin + width < grams; begin += width) {
            const size_t count = std::min(width, grams - begin - width);
            uint64_t smallest = std::numeric_limits<uint64_t>::max();
            for (size_t index = 0; index < count; ++index) {
                block_[index] = next(begin + width + index);
                smallest = std::min(smallest, block_[index]);
                const uint64_t rest = index + 1 < width ? suffix_[index + 1] : smallest;
                choose(std::min(rest, smallest), begin + index + 1);
            }
            if (count == width) minima_of_suffixes();
        }
        found(open);
    }

private:
    static constexpr uint64_t kBase = 0x9fb21c651e98df25ull;
    static constexpr uint64_t kSpread = 0xd6e8feb86659fd93ull;
    static constexpr uint64_t kHigh = 0xffffffff00000000ull;

    static uint32_t place(uint64_t value) { return static_cast<uint32_t>(value); }
    static uint64_t mixed(uint64_t unit) {
        const uint64_t spread = (unit + 1) * 0x9e3779b97f4a7c15ull;
        return spread ^ (spread >> 29);
    }
    void minima_of_suffixes() {
        uint64_t smallest = std::numeric_limits<uint64_t>::max();
        for (size_t index = block_.size(); index-- > 0;) {
            smallest = std::min(smallest, block_[index]);
            suffix_[index] = smallest;
        }
    }

    WindowShape shape_;
    uint64_t leaving_ = 1;  // kBase to the power of `gram`
    std::vector<uint64_t> suffix_;
    std::vector<uint64_t> block_;
};

}  // namespace curate
