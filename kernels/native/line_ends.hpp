// Lines and white space as Python sees them: str.splitlines and str.strip.
#pragma once

#include <array>
#include <cstddef>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "unicode.hpp"

namespace curate {

// First bytes of line ends: LF VT FF CR, FS GS RS, and of U+0085 (C2 85), U+2028 and U+2029 (E2 80
// A8, E2 80 A9).
constexpr std::array<bool, 256> make_line_ends() {
    std::array<bool, 256> ends{};
    for (int byte : {0x0a, 0x0b, 0x0c, 0x0d, 0x1c, 0x1d, 0x1e, 0xc2, 0xe2}) ends[byte] = true;
    return ends;
}

inline constexpr std::array<bool, 256> kMayEndLine = make_line_ends();

// First position from `position` on whose byte may begin a line end; the size of the text if there
// is none.
inline size_t find_line_end(Bytes text, size_t position) {
#if defined(__SSE2__)
    for (; text.size - position >= 16; position += 16) {
        const __m128i bytes =
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data + position));
        const auto within = [bytes](char first, char count) {
            const __m128i from = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
            return _mm_cmpeq_epi8(_mm_min_epu8(from, _mm_set1_epi8(count)), from);
        };
        const auto equal = [bytes](int byte) {
            return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(static_cast<char>(byte)));
        };
        const __m128i controls = _mm_or_si128(within(0x0a, 3), within(0x1c, 2));
        const __m128i leads = _mm_or_si128(equal(0xc2), equal(0xe2));
        const int found = _mm_movemask_epi8(_mm_or_si128(controls, leads));
        if (found != 0) return position + static_cast<size_t>(__builtin_ctz(found));
    }
#endif
    while (position < text.size && !kMayEndLine[text.data[position]]) ++position;
    return position;
}

// Bytes of the line end at `position`, 0 if there is none.
inline size_t line_end_bytes(Bytes text, size_t position) {
    const uint8_t* at = text.data + position;
    const size_t left = text.size - position;
    if (at[0] == 0xc2) return left >= 2 && at[1] == 0x85 ? 2 : 0;
    if (at[0] == 0xe2)
        return left >= 3 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9) ? 3 : 0;
    if (at[0] == '\r') return left >= 2 && at[1] == '\n' ? 2 : 1;
    return 1;
}

// First position of the line that is not white space; the line's end if there is none.
inline size_t skip_spaces(Bytes line) {
    size_t position = 0;
    while (position < line.size) {
        const CodePoint point = decode(line, position);
        if (!is_space(point.value)) break;
        position += point.bytes;
    }
    return position;
}

// Size of the line without white space at its end. The first character is known not to be white
// space.
inline size_t strip_spaces(Bytes line) {
    size_t size = line.size;
    while (size > 0) {
        size_t start = size - 1;
        while (start > 0 && (line.data[start] & 0xc0) == 0x80) --start;
        if (!is_space(decode({line.data, size}, start).value)) break;
        size = start;
    }
    return size;
}

inline Bytes strip(Bytes line) {
    const size_t begin = skip_spaces(line);
    if (begin == line.size) return {line.data + begin, 0};
    const Bytes text{line.data + begin, line.size - begin};
    return {text.data, strip_spaces(text)};
}

// Calls work(line, size_t bytes of its end) for every line; an end at the end of the text opens no
// further line.
template <class Work>
void for_each_line(Bytes text, Work work) {
    size_t begin = 0;
    for (size_t position = find_line_end(text, 0); position < text.size;
         position = find_line_end(text, position)) {
        const size_t ending = line_end_bytes(text, position);
        if (ending == 0) {
            ++position;
            continue;
        }
        work(Bytes{text.data + begin, position - begin}, ending);
        position += ending;
        begin = position;
    }
    if (begin < text.size) work(Bytes{text.data + begin, text.size - begin}, size_t{0});
}

}  // namespace curate
