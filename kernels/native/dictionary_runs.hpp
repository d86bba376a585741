// Divides a run of letters of one script without spaces into words, as ICU does.
//
// Two ways, both those of ICU4C (dictbe.cpp), so that the words are ICU's: the path of least cost
// for Chinese and Japanese, whose dictionary knows how likely a word is; and for Thai, Lao, Khmer
// and Burmese the longest word from which two more follow. Linear in the run: no word is longer
// than the dictionary's longest. One object per thread; it keeps its memory between runs.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dictionary.hpp"

namespace curate {

// A code point of a run. A mark belongs to the point before it.
struct RunPoint {
    uint32_t code_point;
    bool mark;
    size_t begin;  // byte in the text
};

using RunPoints = std::vector<RunPoint>;

// Chinese and Japanese: Viterbi over the costs of the dictionary.
class CheapestWords {
public:
    // Appends the ends of the words, ascending, the last one points.size().
    void divide(const Dictionary& dictionary, const RunPoints& points, std::vector<size_t>& ends) {
        best_.assign(points.size() + 1, {~uint32_t{0}, 0});
        best_[0].cost = 0;
        bool after_katakana = false;
        for (size_t from = 0; from < points.size(); ++from) {
            if (points[from].mark && from > 0) continue;
            relax_words(dictionary, points, from);
            const bool katakana = is_katakana(points[from].code_point);
            if (katakana && !after_katakana) relax_katakana(points, from);
            after_katakana = katakana;
        }
        const size_t before = ends.size();
        for (size_t at = points.size(); at > 0; at = best_[at].from) ends.push_back(at);
        std::reverse(ends.begin() + static_cast<std::ptrdiff_t>(before), ends.end());
    }

private:
    struct Best {
        uint32_t cost;
        uint32_t from;
    };

    // Of ICU: a letter that is no word, and runs of katakana by their length (0: longer than 8).
    static constexpr uint32_t kUnknown = 255;
    static constexpr std::array<uint32_t, 9> kKatakana = {8192, 984, 408, 240, 204,
                                                          252,  300, 372, 480};
    static constexpr size_t kMaxKatakana = 20;

    static bool is_katakana(uint32_t code_point) {
        return (code_point >= 0x30a1 && code_point <= 0x30fe && code_point != 0x30fb) ||
               (code_point >= 0xff66 && code_point <= 0xff9f);
    }

    void relax(size_t from, size_t to, uint32_t cost) {
        const uint32_t total = best_[from].cost + cost;
        if (total < best_[to].cost) best_[to] = {total, static_cast<uint32_t>(from)};
    }

    void relax_words(const Dictionary& dictionary, const RunPoints& points, size_t from) {
        size_t letter = from + 1;
        while (letter < points.size() && points[letter].mark) ++letter;
        bool known = false;
        Dictionary::Node node = Dictionary::kRoot;
        for (size_t at = from; at < points.size();) {
            node = dictionary.step(node, points[at].code_point);
            if (node == Dictionary::kNone) break;
            ++at;
            const uint32_t cost = dictionary.cost(node);
            if (cost == Dictionary::kNoWord || (at < points.size() && points[at].mark)) continue;
            known |= at == letter;
            relax(from, at, cost);
        }
        if (!known) relax(from, letter, kUnknown);
    }

    void relax_katakana(const RunPoints& points, size_t from) {
        size_t to = from + 1;
        while (to < points.size() && to - from < kMaxKatakana && is_katakana(points[to].code_point))
            ++to;
        const size_t length = to - from;
        if (length < kMaxKatakana) relax(from, to, kKatakana[length < 9 ? length : 0]);
    }

    std::vector<Best> best_;
};

// What a script of South East Asia needs beside its dictionary.
struct LookaheadScript {
    size_t two_words;  // a shorter run is one word
    bool (*may_begin)(uint32_t code_point);
    bool (*may_end)(uint32_t code_point);
    bool (*is_suffix)(uint32_t code_point);
};

inline bool is_no_suffix(uint32_t) { return false; }

inline constexpr LookaheadScript kThai = {
    5, [](uint32_t c) { return (c >= 0x0e01 && c <= 0x0e2e) || (c >= 0x0e40 && c <= 0x0e44); },
    [](uint32_t c) { return c != 0x0e31 && !(c >= 0x0e40 && c <= 0x0e44); },
    [](uint32_t c) { return c == 0x0e2f || c == 0x0e46; }};
inline constexpr LookaheadScript kLao = {
    4,
    [](uint32_t c) {
        return (c >= 0x0e81 && c <= 0x0eae) || c == 0x0edc || c == 0x0edd ||
               (c >= 0x0ec0 && c <= 0x0ec4);
    },
    [](uint32_t c) { return !(c >= 0x0ec0 && c <= 0x0ec4); }, is_no_suffix};
inline constexpr LookaheadScript kKhmer = {
    4, [](uint32_t c) { return c >= 0x1780 && c <= 0x17b3; },
    [](uint32_t c) { return c != 0x17d2; }, is_no_suffix};
inline constexpr LookaheadScript kBurmese = {
    4, [](uint32_t c) { return c >= 0x1000 && c <= 0x102a; }, [](uint32_t) { return true; },
    is_no_suffix};

// Thai, Lao, Khmer, Burmese: the longest word that two more words follow.
class LookaheadWords {
public:
    // Appends the ends of the words, ascending, the last one points.size().
    static void divide(const Dictionary& dictionary, const LookaheadScript& script,
                       const RunPoints& points, std::vector<size_t>& ends) {
        if (points.size() < script.two_words) return ends.push_back(points.size());
        const LookaheadWords words(dictionary, script, points);
        for (size_t at = 0; at < points.size();) {
            at = words.next(at);
            ends.push_back(at);
        }
    }

private:
    static constexpr size_t kMaxCandidates = 20;
    // A shorter word takes unknown letters behind it, unless so many of them begin a word.
    static constexpr size_t kShortWord = 3;
    static constexpr size_t kLongPrefix = 3;

    // Ends of the words that begin at one point, ascending.
    struct Candidates {
        size_t count = 0;
        size_t prefix = 0;  // points looked at
        std::array<size_t, kMaxCandidates> ends;
    };

    LookaheadWords(const Dictionary& dictionary, const LookaheadScript& script,
                   const RunPoints& points)
        : dictionary_(dictionary), script_(script), points_(points) {}

    Candidates words_at(size_t from) const {
        Candidates found;
        Dictionary::Node node = Dictionary::kRoot;
        size_t at = from;
        while (at < points_.size()) {
            node = dictionary_.step(node, points_[at].code_point);
            ++at;
            if (node == Dictionary::kNone) break;
            if (dictionary_.cost(node) != Dictionary::kNoWord && found.count < kMaxCandidates)
                found.ends[found.count++] = at;
        }
        found.prefix = at - from;
        return found;
    }

    bool word_begins(size_t from) const {
        Dictionary::Node node = Dictionary::kRoot;
        for (size_t at = from; at < points_.size(); ++at) {
            node = dictionary_.step(node, points_[at].code_point);
            if (node == Dictionary::kNone) return false;
            if (dictionary_.cost(node) != Dictionary::kNoWord) return true;
        }
        return false;
    }

    // Among several words the longest one that two more can follow, else the shortest one that one
    // more follows, else the longest one.
    size_t choose(const Candidates& first) const {
        size_t chosen = first.ends[first.count - 1];
        if (first.count == 1 || chosen == points_.size()) return chosen;
        for (size_t index = first.count; index > 0; --index) {
            const Candidates second = words_at(first.ends[index - 1]);
            if (second.count == 0) continue;
            chosen = first.ends[index - 1];
            if (second.ends[second.count - 1] == points_.size()) return chosen;
            for (size_t place = second.count; place > 0; --place) {
                if (word_begins(second.ends[place - 1])) return chosen;
            }
        }
        return chosen;
    }

    // The end of the word that begins at `from`.
    size_t next(size_t from) const {
        const Candidates first = words_at(from);
        size_t end = first.count > 0 ? choose(first) : from;
        if (end < points_.size() && end - from < kShortWord) {
            const Candidates follow = words_at(end);
            if (follow.count == 0 && (end == from || follow.prefix < kLongPrefix))
                end = after_unknown(end);
        }
        while (end < points_.size() && points_[end].mark) ++end;
        if (end < points_.size() && script_.is_suffix(points_[end].code_point) &&
            !word_begins(end)) {
            end = after_suffix(end);
        }
        return end;
    }

    // The next place where a word of the dictionary may begin.
    size_t after_unknown(size_t from) const {
        size_t end = from + 1;
        for (; end < points_.size(); ++end) {
            if (script_.may_end(points_[end - 1].code_point) &&
                script_.may_begin(points_[end].code_point) && word_begins(end)) {
                break;
            }
        }
        return end;
    }

    // PAIYANNOI, then MAIYAMOK, each once.
    size_t after_suffix(size_t end) const {
        if (points_[end].code_point == 0x0e2f && !script_.is_suffix(points_[end - 1].code_point))
            ++end;
        if (end < points_.size() && points_[end].code_point == 0x0e46 &&
            points_[end - 1].code_point != 0x0e46) {
            ++end;
        }
        return end;
    }

    const Dictionary& dictionary_;
    const LookaheadScript& script_;
    const RunPoints& points_;
};

}  // namespace curate
