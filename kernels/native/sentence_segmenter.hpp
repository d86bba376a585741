// Sentences of a text: the default sentence boundaries of UAX #29 (Unicode 16.0).
//
// One forward pass. Between two sentences only terminators and line ends matter, so ASCII is
// skipped byte by byte until one comes. The one rule that looks ahead without a limit (SB8: no
// boundary where a lower-case letter follows before any other letter or terminator) is a boundary
// that stays undecided until then; nothing is read twice.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sentence_tables.hpp"
#include "unicode.hpp"

namespace curate {

// Sentence_Break values in the order of make_tables.py.
enum class SentenceBreak : uint8_t {
    Other,
    CarriageReturn,
    LineFeed,
    Separator,
    Extend,
    Format,
    Space,
    Lower,
    Upper,
    OtherLetter,
    Numeric,
    FullStop,  // ATerm
    Continue,
    Terminator,  // STerm
    Close
};

inline constexpr uint8_t kSentenceBreakBits = 0x0f;
inline constexpr uint8_t kUpperCase = 0x10;
inline constexpr uint8_t kDecimal = 0x20;
inline constexpr uint8_t kDigit = 0x40;

inline uint8_t sentence_properties(uint32_t code_point) {
    return tables::sentence_blocks[tables::sentence_index[code_point >> 7] * 128 +
                                   (code_point & 127)];
}

// Bytes that the fast path must not skip: . ! ? CR LF and everything above 0x7f.
constexpr std::array<bool, 256> make_sentence_stops() {
    std::array<bool, 256> stops{};
    for (int byte = 0x80; byte < 256; ++byte) stops[byte] = true;
    for (int byte : {'.', '!', '?', '\r', '\n'}) stops[byte] = true;
    return stops;
}

inline constexpr std::array<bool, 256> kSentenceStops = make_sentence_stops();

// Sink: void sentence(size_t begin, size_t end), called in text order; sentences cover the text.
template <class Sink>
class SentenceSegmenter {
public:
    SentenceSegmenter(Bytes text, Sink& sink) : text_(text), sink_(sink) {}

    // Throws InvalidUtf8.
    void run() {
        size_t position = 0;
        while (position < text_.size) {
            if (state_ == State::Inside) {
                position = skip(position);
                if (position == text_.size) break;
            }
            const CodePoint point = decode(text_, position);
            step(position,
                 static_cast<SentenceBreak>(sentence_properties(point.value) & kSentenceBreakBits));
            position += point.bytes;
        }
        if (state_ == State::Undecided) close(boundary_);
        if (begin_ < text_.size) sink_.sentence(begin_, text_.size);
    }

private:
    enum class State : uint8_t {
        Inside,            // no terminator behind
        AfterFullStop,     // FullStop
        AfterTerminator,   // Terminator
        FullStopClosed,    // FullStop Close+
        TerminatorClosed,  // Terminator Close+
        FullStopSpaced,    // FullStop Close* Space+
        TerminatorSpaced,  // Terminator Close* Space+
        Undecided,         // FullStop Close* Space* and a boundary that a lower-case letter undoes
        CarriageReturn,    // a boundary, unless LineFeed follows
        Ended              // a boundary
    };

    // First byte from `position` on that may matter; remembers the kind of the byte before.
    size_t skip(size_t position) {
        const size_t from = position;
        while (position < text_.size && !kSentenceStops[text_.data[position]]) ++position;
        if (position > from) {
            before_ = static_cast<SentenceBreak>(sentence_properties(text_.data[position - 1]) &
                                                 kSentenceBreakBits);
        }
        return position;
    }

    void close(size_t end) {
        if (end > begin_) sink_.sentence(begin_, end);
        begin_ = end;
    }

    void step(size_t position, SentenceBreak kind) {
        using Kind = SentenceBreak;
        if (state_ == State::CarriageReturn && kind == Kind::LineFeed) {  // SB3
            state_ = State::Ended;
            return;
        }
        if (state_ == State::CarriageReturn || state_ == State::Ended) {  // SB4
            close(position);
            state_ = State::Inside;
            before_ = Kind::Other;
        } else if (kind == Kind::Extend || kind == Kind::Format) {  // SB5
            return;
        }
        after(position, kind);
        before_ = kind;
    }

    // The rules SB6 to SB998; then the state behind `kind`.
    void after(size_t position, SentenceBreak kind) {
        using Kind = SentenceBreak;
        const bool full_stop = state_ == State::AfterFullStop || state_ == State::FullStopClosed ||
                               state_ == State::FullStopSpaced;
        const bool terminator = state_ == State::AfterTerminator ||
                                state_ == State::TerminatorClosed ||
                                state_ == State::TerminatorSpaced;
        const bool spaced = state_ == State::FullStopSpaced || state_ == State::TerminatorSpaced;
        const bool line_end =
            kind == Kind::CarriageReturn || kind == Kind::LineFeed || kind == Kind::Separator;
        if (state_ == State::Undecided) {
            const bool letter = kind == Kind::Upper || kind == Kind::OtherLetter;
            if (kind != Kind::Lower && !letter && !line_end && !ends(kind)) return;
            if (kind != Kind::Lower) close(boundary_);
        } else if (full_stop || terminator) {
            const bool joined =
                (state_ == State::AfterFullStop &&
                 (kind == Kind::Numeric || (kind == Kind::Upper && cased_before_))) ||  // SB6, SB7
                (full_stop && kind == Kind::Lower) ||                                   // SB8
                kind == Kind::Continue ||
                ends(kind) ||                                                         // SB8a
                (kind == Kind::Close && !spaced) || kind == Kind::Space || line_end;  // SB9, SB10
            if (!joined && full_stop && kind != Kind::Upper && kind != Kind::OtherLetter) {
                boundary_ = position;
                state_ = State::Undecided;
                return;
            }
            if (!joined) close(position);  // SB11
        }
        state_ = next(kind, line_end, full_stop, terminator, spaced);
    }

    static bool ends(SentenceBreak kind) {
        return kind == SentenceBreak::FullStop || kind == SentenceBreak::Terminator;
    }

    State next(SentenceBreak kind, bool line_end, bool full_stop, bool terminator, bool spaced) {
        using Kind = SentenceBreak;
        if (line_end) return kind == Kind::CarriageReturn ? State::CarriageReturn : State::Ended;
        if (kind == Kind::FullStop) {
            cased_before_ = before_ == Kind::Upper || before_ == Kind::Lower;
            return State::AfterFullStop;
        }
        if (kind == Kind::Terminator) return State::AfterTerminator;
        if (kind == Kind::Close && !spaced) {
            if (full_stop) return State::FullStopClosed;
            if (terminator) return State::TerminatorClosed;
        }
        if (kind == Kind::Space) {
            if (full_stop) return State::FullStopSpaced;
            if (terminator) return State::TerminatorSpaced;
        }
        return State::Inside;
    }

    Bytes text_;
    Sink& sink_;
    State state_ = State::Inside;
    SentenceBreak before_ = SentenceBreak::Other;  // last kind that is not skipped by SB5
    bool cased_before_ = false;                    // a letter with case stands before the FullStop
    size_t begin_ = 0;                             // of the open sentence
    size_t boundary_ = 0;                          // where it ends, if Undecided decides so
};

}  // namespace curate
