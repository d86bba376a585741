#include "repair.hpp"

#include <array>
#include <cstring>

#include "repair_tables.hpp"
#include "rows.hpp"
#include "unicode.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace curate {
namespace {

enum : uint8_t { kAlways = 1, kBeforeWord = 2, kBeforeOther = 4 };
enum : uint8_t { kControl = 1, kLigature = 2 };
constexpr uint8_t kUndecided = 255;

template <size_t kIndexSize, size_t kBlocksSize>
uint8_t look_up(const uint8_t (&index)[kIndexSize], const uint8_t (&blocks)[kBlocksSize],
                uint32_t code_point) {
    return blocks[index[code_point >> 7] * 128 + (code_point & 127)];
}

// ASCII that no repair looks at: printable characters, TAB, LF, FF and CR.
constexpr std::array<bool, 256> make_quiet() {
    std::array<bool, 256> quiet{};
    for (int byte = 0x20; byte < 0x7f; ++byte) quiet[byte] = true;
    for (int byte : {0x09, 0x0a, 0x0c, 0x0d}) quiet[byte] = true;
    return quiet;
}

constexpr std::array<bool, 256> kQuiet = make_quiet();

size_t skip_quiet(Bytes text, size_t position) {
#if defined(__SSE2__)
    for (; text.size - position >= 16; position += 16) {
        const __m128i bytes =
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data + position));
        // Signed: bytes above 0x7f are below 0x20 too.
        const __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
        const __m128i rubout = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
        const __m128i line = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')),
                                          _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')));
        if (_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(line, low), rubout)) != 0) break;
    }
#endif
    while (position < text.size && kQuiet[text.data[position]]) ++position;
    return position;
}

bool is_ascii_letter(uint8_t byte) { return (byte | 0x20u) - 'a' < 26; }

bool is_ascii_word(uint8_t byte) {
    return is_ascii_letter(byte) || byte - uint32_t{'0'} < 10 || byte == '_';
}

class Scanner {
public:
    Scanner(Bytes text, const SuspectOptions& options) : text_(text), options_(options) {}

    // Calls found(begin, end, kind) for every suspect line, in order.
    template <class Found>
    void run(Found found) {
        size_t position = 0;
        while ((position = skip_quiet(text_, position)) < text_.size) {
            const size_t begin = line_begin(position);
            size_t stop = position;
            const uint8_t kind = line(stop);
            if (kind == 0) {
                position = stop;
                continue;
            }
            const size_t end = kind == kMayBeDamaged ? line_end(stop) : stop;
            found(begin, end, kind);
            position = end;
        }
    }

private:
    size_t line_begin(size_t position) const {
        while (position > line_floor_ && text_.data[position - 1] != '\n') --position;
        return position;
    }

    size_t line_end(size_t position) {
        const void* at = position < text_.size
                             ? std::memchr(text_.data + position, '\n', text_.size - position)
                             : nullptr;
        line_floor_ = at == nullptr
                          ? text_.size
                          : static_cast<size_t>(static_cast<const uint8_t*>(at) - text_.data) + 1;
        return line_floor_;
    }

    // From the first byte that is not quiet to the end of its line (`position` after LF), or to the
    // first damage.
    uint8_t line(size_t& position) {
        uint8_t kind = 0;
        uint8_t class_before = 0;
        uint8_t combining_before = 0;
        while (position < text_.size) {
            const uint8_t byte = text_.data[position];
            if (byte < 0x80) {
                if (!kQuiet[byte]) return kMayBeDamaged;
                ++position;
                if (byte == '\n') {
                    line_floor_ = position;
                    return kind;
                }
                class_before = combining_before = 0;
                continue;
            }
            const CodePoint point = decode(text_, position);
            if (is_damage(point, position, class_before)) return kMayBeDamaged;
            if (!is_in_order(point.value, combining_before)) kind = kMayBeNotNormal;
            position += point.bytes;
        }
        return kind;
    }

    bool is_damage(const CodePoint& point, size_t position, uint8_t& class_before) const {
        if (!options_.know_mojibake) return true;
        const uint8_t special =
            look_up(tables::repair_special_index, tables::repair_special_blocks, point.value);
        if ((special & kControl) || ((special & kLigature) && options_.ligatures)) return true;
        const size_t after = position + point.bytes;
        const uint8_t next = after < text_.size ? text_.data[after] : 0;
        if (point.value == 0x152 || point.value == 0x153) {  // OE ligatures
            if (after < text_.size && !is_ascii_letter(next)) return true;
        } else if ((point.value == 0xc2 || point.value == 0xc3) && next == ' ') {
            return true;
        }
        const uint8_t kind =
            look_up(tables::repair_class_index, tables::repair_class_blocks, point.value);
        const uint8_t pair = tables::repair_pairs[class_before * tables::repair_classes + kind];
        class_before = kind;
        if (pair == 0) return false;
        return (pair & kAlways) || next >= 0x80 || ((pair & kBeforeWord) && is_ascii_word(next));
    }

    bool is_in_order(uint32_t code_point, uint8_t& combining_before) const {
        uint8_t combining = 0;
        if (options_.form == NormalForm::Nfc) {
            combining = look_up(tables::nfc_index, tables::nfc_blocks, code_point);
        } else if (options_.form == NormalForm::Nfkc) {
            combining = look_up(tables::nfkc_index, tables::nfkc_blocks, code_point);
        }
        const bool in_order =
            combining != kUndecided && (combining == 0 || combining >= combining_before);
        combining_before = combining == kUndecided ? 0 : combining;
        return in_order;
    }

    Bytes text_;
    const SuspectOptions& options_;
    size_t line_floor_ = 0;  // a line starts here or later
};

}  // namespace

SuspectLines suspect_lines(const TextView& text, const SuspectOptions& options) {
    SuspectLines lines;
    for_each_row(text, [&](int64_t row, Bytes document) {
        Scanner(document, options).run([&](size_t begin, size_t end, uint8_t kind) {
            lines.row.push_back(row);
            lines.begin.push_back(text.offsets[row] + static_cast<int64_t>(begin));
            lines.end.push_back(text.offsets[row] + static_cast<int64_t>(end));
            lines.kind.push_back(kind);
        });
    });
    return lines;
}

}  // namespace curate
