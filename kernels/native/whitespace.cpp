#include "whitespace.hpp"

#include <array>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace curate {
namespace {

enum Kind : uint8_t { Plain, Space, Tab, LineEnd };

struct Mark {
    Kind kind;
    uint8_t bytes;
};

// Bytes that begin a white space of Python's str.isspace, or may begin one.
constexpr std::array<bool, 256> make_candidates() {
    std::array<bool, 256> candidates{};
    for (int byte : {0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1c, 0x1d, 0x1e, 0x1f, 0x20}) {
        candidates[byte] = true;
    }
    for (int byte : {0xc2, 0xe1, 0xe2, 0xe3}) candidates[byte] = true;
    return candidates;
}

constexpr std::array<bool, 256> kCandidate = make_candidates();

Mark mark_at(Bytes text, size_t position) {
    const uint8_t* at = text.data + position;
    const size_t left = text.size - position;
    switch (at[0]) {
        case ' ':
        case 0x1f: return {Space, 1};
        case '\t': return {Tab, 1};
        case '\n':
        case '\v':
        case '\f':
        case 0x1c:
        case 0x1d:
        case 0x1e: return {LineEnd, 1};
        case '\r': return {LineEnd, static_cast<uint8_t>(left >= 2 && at[1] == '\n' ? 2 : 1)};
        case 0xc2:
            if (left >= 2 && at[1] == 0x85) return {LineEnd, 2};  // U+0085
            if (left >= 2 && at[1] == 0xa0) return {Space, 2};    // U+00A0
            break;
        case 0xe1:
            if (left >= 3 && at[1] == 0x9a && at[2] == 0x80) return {Space, 3};  // U+1680
            break;
        case 0xe2:
            if (left < 3) break;
            if (at[1] == 0x80 && at[2] >= 0x80 && at[2] <= 0x8a) return {Space, 3};  // U+2000 ff.
            if (at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9)) return {LineEnd, 3};
            if (at[1] == 0x80 && at[2] == 0xaf) return {Space, 3};  // U+202F
            if (at[1] == 0x81 && at[2] == 0x9f) return {Space, 3};  // U+205F
            break;
        case 0xe3:
            if (left >= 3 && at[1] == 0x80 && at[2] == 0x80) return {Space, 3};  // U+3000
            break;
        default: break;
    }
    return {Plain, 1};
}

// True where nothing can happen: no candidate, or one U+0020 before a byte that is none.
inline bool is_quiet(const uint8_t* at) {
    return !kCandidate[at[0]] || (at[0] == ' ' && !kCandidate[at[1]]);
}

#if defined(__SSE2__)

// Bit i: byte i is a control, C2 or E1 to E3 (a superset of the candidates without U+0020).
inline __m128i may_be_special(__m128i bytes) {
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    const __m128i from_e1 = _mm_sub_epi8(bytes, _mm_set1_epi8(static_cast<char>(0xe1)));
    const __m128i e1_to_e3 = _mm_cmpeq_epi8(_mm_min_epu8(from_e1, _mm_set1_epi8(2)), from_e1);
    const __m128i c2 = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(static_cast<char>(0xc2)));
    return _mm_or_si128(_mm_or_si128(control, e1_to_e3), c2);
}

// First position from `at` on that may not be quiet; stops 17 bytes before `end` at the latest.
inline const uint8_t* skip_quiet(const uint8_t* at, const uint8_t* end) {
    const __m128i space = _mm_set1_epi8(' ');
    for (; end - at >= 17; at += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 1));
        const __m128i next_stops = _mm_or_si128(may_be_special(next), _mm_cmpeq_epi8(next, space));
        const __m128i stops = _mm_or_si128(
            may_be_special(bytes), _mm_and_si128(_mm_cmpeq_epi8(bytes, space), next_stops));
        const int mask = _mm_movemask_epi8(stops);
        if (mask != 0) return at + __builtin_ctz(static_cast<unsigned>(mask));
    }
    return at;
}

#else

inline const uint8_t* skip_quiet(const uint8_t* at, const uint8_t* end) {
    while (end - at >= 17 && is_quiet(at)) ++at;
    return at;
}

#endif

class Normalizer {
public:
    Normalizer(Bytes text, const WhitespaceOptions& options, uint8_t* out, int64_t* counts)
        : text_(text), options_(options), out_(out), counts_(counts) {}

    uint8_t* run() {
        while (position_ < text_.size) {
            indentation();
            content();
            line_end();
        }
        return out_;
    }

private:
    struct Run {
        int64_t characters = 0;
        int64_t tabs = 0;
        int64_t plain_spaces = 0;
    };

    Mark mark() const {
        return position_ < text_.size ? mark_at(text_, position_) : Mark{LineEnd, 0};
    }

    // Steps over spaces and tabs.
    Run run_of_spaces() {
        Run run;
        for (Mark next = mark(); next.kind == Space || next.kind == Tab; next = mark()) {
            run.characters += 1;
            run.tabs += next.kind == Tab;
            run.plain_spaces += text_.data[position_] == ' ';
            position_ += next.bytes;
        }
        return run;
    }

    void indentation() {
        const size_t begin = position_;
        const Run run = run_of_spaces();
        if (run.characters == 0) return;
        if (!options_.keep_indentation || mark().kind == LineEnd) {
            counts_[kSpacesRemoved] += run.characters;
            return;
        }
        counts_[kSpacesChanged] += run.characters - run.tabs - run.plain_spaces;
        for (size_t at = begin; at < position_;) {
            const Mark space = mark_at(text_, at);
            *out_++ = space.kind == Tab ? '\t' : ' ';
            at += space.bytes;
        }
    }

    void content() {
        for (;;) {
            const size_t begin = position_;
            skip_plain();
            if (position_ > begin) {
                std::memcpy(out_, text_.data + begin, position_ - begin);
                out_ += position_ - begin;
                newlines_ = 0;
            }
            if (mark().kind == LineEnd) return;
            const Run run = run_of_spaces();
            if (mark().kind == LineEnd) {
                counts_[kSpacesRemoved] += run.characters;
                return;
            }
            counts_[kSpacesRemoved] += run.characters - 1;
            counts_[kSpacesChanged] += run.tabs + run.plain_spaces == 0;
            *out_++ = run.tabs > 0 ? '\t' : ' ';
        }
    }

    // To the next white space that is not one U+0020 between two other characters. The character
    // before is known not to be a space.
    void skip_plain() {
        const uint8_t* const end = text_.data + text_.size;
        for (;;) {
            position_ = static_cast<size_t>(skip_quiet(text_.data + position_, end) - text_.data);
            if (position_ == text_.size) return;
            const bool quiet = position_ + 1 < text_.size && is_quiet(text_.data + position_);
            if (!quiet && mark().kind != Plain) return;
            ++position_;
        }
    }

    void line_end() {
        if (position_ == text_.size) return;
        const bool is_line_feed = text_.data[position_] == '\n';
        position_ += mark().bytes;
        if (newlines_ >= options_.max_newlines) {
            counts_[kNewlinesRemoved] += 1;
            return;
        }
        counts_[kLineEndsChanged] += !is_line_feed;
        newlines_ += 1;
        *out_++ = '\n';
    }

    Bytes text_;
    const WhitespaceOptions& options_;
    uint8_t* out_;
    int64_t* counts_;
    size_t position_ = 0;
    int64_t newlines_ = 0;  // line ends written since the last content
};

}  // namespace

uint8_t* normalize_whitespace(Bytes text, const WhitespaceOptions& options, uint8_t* out,
                              int64_t* counts) {
    return Normalizer(text, options, out, counts).run();
}

}  // namespace curate
