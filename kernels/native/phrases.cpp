#include "phrases.hpp"

#include <algorithm>
#include <vector>

#include "line_ends.hpp"
#include "rows.hpp"
#include "unicode.hpp"

namespace curate {
namespace {

struct Match {
    size_t begin;
    size_t end;
    int32_t phrase;
    int64_t line;
    int64_t paragraph;
};

// Chooses matches from left to right, the longest of those that begin together; chosen ones do not
// overlap. Holds only what may still change: at most as many matches as the longest phrase has
// bytes.
class LeftmostLongest {
public:
    void clear() {
        waiting_.clear();
        chosen_ = 0;
        free_from_ = 0;
    }

    // Matches come in order of their ends.
    void offer(const Match& match) {
        if (match.begin < free_from_) return;
        auto at = waiting_.end();
        const auto oldest = waiting_.begin() + static_cast<std::ptrdiff_t>(chosen_);
        while (at != oldest && (at - 1)->begin > match.begin) --at;
        if (at == oldest || (at - 1)->begin < match.begin) {
            waiting_.insert(at, match);
        } else if ((at - 1)->end < match.end) {
            *(at - 1) = match;
        }
    }

    // No further match begins before `position`.
    template <class Chosen>
    void settle(size_t position, Chosen chosen) {
        while (chosen_ < waiting_.size() && waiting_[chosen_].begin < position) {
            const Match& match = waiting_[chosen_++];
            if (match.begin < free_from_) continue;
            free_from_ = match.end;
            chosen(match);
        }
        if (chosen_ == waiting_.size()) {
            waiting_.clear();
            chosen_ = 0;
        } else if (chosen_ > 1024) {
            waiting_.erase(waiting_.begin(),
                           waiting_.begin() + static_cast<std::ptrdiff_t>(chosen_));
            chosen_ = 0;
        }
    }

private:
    std::vector<Match> waiting_;  // ascending begins, each once
    size_t chosen_ = 0;           // of the front of `waiting_`
    size_t free_from_ = 0;
};

// Counts lines and paragraphs up to a position that only grows.
class Places {
public:
    explicit Places(Bytes text) : text_(text) {}

    int64_t line() const { return lines_; }
    int64_t paragraph() const { return paragraphs_ - (blank_ ? 0 : 1); }
    int64_t lines_with_text() const { return lines_with_text_; }
    int64_t paragraphs() const { return paragraphs_; }

    void advance(size_t position) {
        while (at_ < position) {
            const uint8_t byte = text_.data[at_];
            const size_t ending = kMayEndLine[byte] ? line_end_bytes(text_, at_) : 0;
            if (ending > 0) {
                in_paragraph_ = !blank_;
                blank_ = true;
                lines_ += 1;
                at_ += ending;
            } else if (!blank_) {
                ++at_;
            } else {
                const CodePoint point = decode(text_, at_);
                at_ += point.bytes;
                if (is_space(point.value)) continue;
                blank_ = false;
                lines_with_text_ += 1;
                paragraphs_ += !in_paragraph_;
            }
        }
    }

private:
    Bytes text_;
    size_t at_ = 0;
    bool blank_ = true;          // the current line, so far
    bool in_paragraph_ = false;  // the line before has text
    int64_t lines_ = 0;
    int64_t lines_with_text_ = 0;
    int64_t paragraphs_ = 0;
};

struct NoPlaces {
    explicit NoPlaces(Bytes) {}
    int64_t line() const { return 0; }
    int64_t paragraph() const { return 0; }
    void advance(size_t) {}
};

// Finds the chosen matches of one document after the other: once per group, so that no group hides
// matches of another, and then once over all phrases, unless there is only one group.
class Finder {
public:
    explicit Finder(const PhraseAutomaton& phrases)
        : phrases_(phrases),
          groups_(static_cast<size_t>(phrases.group_count())),
          choices_(groups_ > 1 ? groups_ + 1 : 1) {}

    // The choice over all phrases.
    size_t all() const { return choices_.size() - 1; }

    template <class PlacesKind, class Chosen>
    void find(Bytes document, PlacesKind& places, Chosen chosen) {
        for (LeftmostLongest& choice : choices_) choice.clear();
        phrases_.scan(document, [&](size_t end, uint32_t state) __attribute__((noinline)) {
            if (!phrases_.may_end(document, end)) return;
            settle(end - phrases_.depth(state), chosen);
            phrases_.phrases_at(document, end, state, [&](size_t begin, int32_t phrase) {
                places.advance(end);
                const Match match{begin, end, phrase, places.line(), places.paragraph()};
                choices_[static_cast<size_t>(phrases_.group_of(phrase))].offer(match);
                if (groups_ > 1) choices_.back().offer(match);
            });
        });
        settle(document.size + 1, chosen);
    }

    // The document as the automaton reads it.
    Bytes prepared(Bytes document) {
        if (!phrases_.ignores_case()) return document;
        fold_case(document, folded_);
        return {folded_.data(), folded_.size()};
    }

private:
    template <class Chosen>
    void settle(size_t position, Chosen& chosen) {
        for (size_t choice = 0; choice < choices_.size(); ++choice) {
            choices_[choice].settle(position,
                                    [&](const Match& match) { chosen(choice, match); });
        }
    }

    const PhraseAutomaton& phrases_;
    size_t groups_;
    std::vector<LeftmostLongest> choices_;
    std::vector<uint8_t> folded_;
};

}  // namespace

void phrase_counts(const PhraseAutomaton& phrases, const TextView& text,
                   const PhraseCountColumns& columns) {
    Finder finder(phrases);
    const auto groups = static_cast<int64_t>(phrases.group_count());
    for_each_row(text, [&](int64_t row, Bytes document) {
        int64_t* const group_counts = columns.group_counts + row * groups;
        std::fill(group_counts, group_counts + groups, 0);
        int64_t count = 0, characters = 0, first = -1;
        const Bytes prepared = finder.prepared(document);
        NoPlaces places(prepared);
        finder.find(prepared, places, [&](size_t choice, const Match& match) {
            if (choice < static_cast<size_t>(groups)) group_counts[choice] += 1;
            if (choice != finder.all()) return;
            if (first < 0) first = match.phrase;
            count += 1;
            characters += phrases.characters_of(match.phrase);
        });
        columns.count[row] = count;
        columns.characters[row] = characters;
        columns.first[row] = first;
        columns.text_characters[row] = count_code_points(document);
    });
}

void phrase_lines(const PhraseAutomaton& phrases, const TextView& text,
                  const PhraseLineColumns& columns) {
    Finder finder(phrases);
    const auto groups = static_cast<size_t>(phrases.group_count());
    struct Group {
        int64_t line, paragraph, lines, paragraphs;
        bool first;
    };
    std::vector<Group> found(groups);
    for_each_row(text, [&](int64_t row, Bytes document) {
        std::fill(found.begin(), found.end(), Group{-1, -1, 0, 0, false});
        const Bytes prepared = finder.prepared(document);
        Places places(prepared);
        finder.find(prepared, places, [&](size_t choice, const Match& match) {
            if (choice == groups) return;
            Group& group = found[choice];
            group.lines += group.line != match.line;
            group.paragraphs += group.paragraph != match.paragraph;
            group.line = match.line;
            group.paragraph = match.paragraph;
            group.first |= match.paragraph == 0;
        });
        places.advance(prepared.size);
        columns.lines[row] = places.lines_with_text();
        columns.paragraphs[row] = places.paragraphs();
        for (size_t group = 0; group < groups; ++group) {
            const size_t cell = static_cast<size_t>(row) * groups + group;
            columns.lines_with[cell] = found[group].lines;
            columns.paragraphs_with[cell] = found[group].paragraphs;
            columns.first_paragraph[cell] = found[group].first;
            columns.last_paragraph[cell] =
                found[group].paragraph >= 0 && found[group].paragraph + 1 == places.paragraphs();
        }
    });
}

}  // namespace curate
