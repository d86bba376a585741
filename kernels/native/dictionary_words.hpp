// Words of scripts that put no spaces between them: a filter between `WordSegmenter` and a sink.
//
// UAX #29 makes every letter of Word_Break=Other (Han, hiragana, Thai, Lao, Khmer, Burmese, ...) a
// word of its own. `DictionaryWords` collects such neighbours, with the katakana among them, into a
// run and divides it by the dictionary (dictionary_runs.hpp). Every other word passes unchanged, a
// run of nothing but katakana too. Linear in the text, a constant amount of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "dictionary.hpp"
#include "dictionary_runs.hpp"
#include "unicode.hpp"

namespace curate {

// How the words of a letter are found.
enum class Division : uint8_t { ByRules, Unknown, Cheapest, Thai, Lao, Khmer, Burmese };

// Division of a letter of Word_Break=Other. ICU has no dictionary for Tai Le, New Tai Lue, Tai
// Tham, Tai Viet, Ahom, Tangut, Khitan, Nushu and for letters newer than these ranges.
inline Division dictionary_of(uint32_t code_point) {
    if (code_point >= 0x0e00 && code_point < 0x0e80) return Division::Thai;
    if (code_point >= 0x0e80 && code_point < 0x0f00) return Division::Lao;
    if (code_point >= 0x1780 && code_point < 0x1800) return Division::Khmer;
    if ((code_point >= 0x1000 && code_point < 0x10a0) ||
        (code_point >= 0xa9e0 && code_point < 0xaa00) ||
        (code_point >= 0xaa60 && code_point < 0xaa80)) {
        return Division::Burmese;
    }
    if ((code_point >= 0x2e80 && code_point < 0xa000) ||
        (code_point >= 0xf900 && code_point < 0xfb00) ||
        (code_point >= 0x1b000 && code_point < 0x1b170) ||
        (code_point >= 0x1f200 && code_point < 0x1f300) ||
        (code_point >= 0x20000 && code_point < 0x40000)) {
        return Division::Cheapest;
    }
    return Division::Unknown;
}

// U+3005 and U+303B repeat a Han character: letters of Han that UAX #29 takes for alphabetic.
inline bool repeats_han(uint32_t code_point) {
    return code_point == 0x3005 || code_point == 0x303b;
}

// False where no character is of U+0800 to U+1FFF or from U+2E80 on, so that `DictionaryWords` would only pass
// words on: a text in Latin, Greek, Cyrillic, Hebrew or Arabic letters with signs as U+2019.
inline bool may_need_dictionary(Bytes text) {
    uint8_t found = 0;  // without a way out, so that it becomes vector instructions
    for (size_t index = 0; index < text.size; ++index) {
        const uint8_t byte = text.data[index];
        found |= byte >= 0xe0 && byte != 0xe2 ? 1 : 0;
    }
    const uint8_t* const end = text.data + text.size;
    const uint8_t* at = text.data;
    while (found == 0 && at != end) {
        const auto left = static_cast<size_t>(end - at);
        at = static_cast<const uint8_t*>(std::memchr(at, 0xe2, left));
        if (at == nullptr || ++at == end) break;
        found = *at >= 0xba;
    }
    return found != 0;
}

// The memory that runs are divided in: one per thread, used for one document after the other.
struct RunMemory {
    RunPoints points;
    std::vector<size_t> ends;
    CheapestWords cheapest;
};

// Sink: as `WordSegmenter` wants it. `dictionary` may be null: then letters are only counted.
template <class Sink>
class DictionaryWords {
public:
    DictionaryWords(Bytes text, const Dictionary* dictionary, RunMemory& memory, Sink& sink)
        : text_(text), dictionary_(dictionary), memory_(memory), sink_(sink) {
        memory_.points.clear();
    }

    void word(size_t begin, size_t end, size_t code_points, bool has_letter) {
        if (text_.data[begin] < 0xe0) return pass(begin, end, code_points, has_letter);
        const CodePoint first = decode(text_, begin);
        const uint8_t entry = properties(first.value);
        const uint8_t kind = entry & kWordBreakBits;
        Division division = Division::ByRules;
        if ((kind == Other && (entry & kLetter) != 0) || repeats_han(first.value))
            division = dictionary_of(first.value);
        if (division != Division::ByRules &&
            (dictionary_ == nullptr || division == Division::Unknown)) {
            unknown_ += code_points;
            return pass(begin, end, code_points, has_letter);
        }
        const bool companion = kind == Katakana || repeats_han(first.value);
        if (companion && dictionary_ != nullptr && all_companions(begin, end)) {
            if (kind == Katakana) division = Division::Cheapest;
        } else if (division == Division::ByRules || companion) {
            return pass(begin, end, code_points, has_letter);
        }
        if (begin != run_end_ || division != division_) flush();
        if (memory_.points.empty()) run_begin_ = begin;
        division_ = division;
        katakana_only_ &= kind == Katakana;
        memory_.points.push_back({first.value, false, begin});
        for (size_t at = begin + first.bytes; at < end;) {
            const CodePoint point = decode(text_, at);
            memory_.points.push_back({point.value, is_mark(point.value), at});
            at += point.bytes;
        }
        run_end_ = end;
        if (memory_.points.size() >= kWindow && !katakana_only_) divide(kMargin);
    }

    // After the last word.
    void finish() { flush(); }

    // True where more than half of the characters of all words with a letter belong to scripts
    // whose words are not known here, so that the number and the length of words mean nothing.
    bool words_unknown() const { return unknown_ * 2 > letters_; }

private:
    // A longer run is divided in windows; the words in the margin are found again with what
    // follows them.
    static constexpr size_t kWindow = 4096;
    static constexpr size_t kMargin = 256;

    static bool is_mark(uint32_t code_point) {
        const uint8_t kind = properties(code_point) & kWordBreakBits;
        return kind == Extend || kind == Format || kind == ZeroWidthJoiner;
    }

    // False for a word that an underscore or another connector joins.
    bool all_companions(size_t begin, size_t end) const {
        for (size_t at = begin; at < end;) {
            const CodePoint point = decode(text_, at);
            const bool katakana = (properties(point.value) & kWordBreakBits) == Katakana;
            if (!katakana && !repeats_han(point.value) && !is_mark(point.value)) return false;
            at += point.bytes;
        }
        return true;
    }

    void pass(size_t begin, size_t end, size_t code_points, bool has_letter) {
        flush();
        emit(begin, end, code_points, has_letter);
    }

    void emit(size_t begin, size_t end, size_t code_points, bool has_letter) {
        if (has_letter) letters_ += code_points;
        sink_.word(begin, end, code_points, has_letter);
    }

    void flush() {
        if (memory_.points.empty()) return;
        if (katakana_only_) {
            emit(run_begin_, run_end_, memory_.points.size(), true);
            memory_.points.clear();
        } else {
            divide(0);
        }
        katakana_only_ = true;
    }

    // Emits the words of the run that end before its last `margin` points, which stay.
    void divide(size_t margin) {
        RunPoints& points = memory_.points;
        std::vector<size_t>& ends = memory_.ends;
        ends.clear();
        switch (division_) {
            case Division::Thai: LookaheadWords::divide(*dictionary_, kThai, points, ends); break;
            case Division::Lao: LookaheadWords::divide(*dictionary_, kLao, points, ends); break;
            case Division::Khmer: LookaheadWords::divide(*dictionary_, kKhmer, points, ends); break;
            case Division::Burmese:
                LookaheadWords::divide(*dictionary_, kBurmese, points, ends);
                break;
            default: memory_.cheapest.divide(*dictionary_, points, ends);
        }
        const size_t limit = points.size() - margin;
        size_t begin = 0;
        for (const size_t end : ends) {
            if (end > limit && begin > 0) break;
            emit(points[begin].begin, end < points.size() ? points[end].begin : run_end_,
                 end - begin, true);
            begin = end;
        }
        points.erase(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(begin));
    }

    Bytes text_;
    const Dictionary* dictionary_;
    RunMemory& memory_;
    Sink& sink_;
    size_t run_begin_ = 0;
    size_t run_end_ = 0;
    Division division_ = Division::ByRules;
    bool katakana_only_ = true;
    uint64_t letters_ = 0;
    uint64_t unknown_ = 0;
};

}  // namespace curate
