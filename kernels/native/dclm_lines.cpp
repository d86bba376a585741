#include "dclm_lines.hpp"

#include <algorithm>
#include <cstring>

#include "line_ends.hpp"
#include "rows.hpp"
#include "sentence_segmenter.hpp"

namespace curate {
namespace {

bool is_alphanumeric(uint32_t code_point) {
    return (properties(code_point) & (kLetter | kNumber)) != 0;
}

bool is_decimal(uint32_t code_point) { return (sentence_properties(code_point) & kDecimal) != 0; }

// White space of fastText's tokenizer: ASCII only, NUL too.
bool separates_words(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r') || byte == 0;
}

// Words that begin with a letter or a number.
int64_t count_fasttext_words(Bytes text) {
    int64_t count = 0;
    bool inside = false;
    for (size_t position = 0; position < text.size; ++position) {
        const bool separator = separates_words(text.data[position]);
        if (!separator && !inside) count += is_alphanumeric(decode(text, position).value);
        inside = !separator;
    }
    return count;
}

// Words of str.split, exact up to `enough`.
int64_t count_words(Bytes line, int64_t enough) {
    int64_t count = 0;
    bool inside = false;
    for (size_t position = 0; position < line.size && count < enough;) {
        const uint8_t byte = line.data[position];
        const CodePoint point = byte < 0x80 ? CodePoint{byte, 1} : decode(line, position);
        const bool space = is_space(point.value);
        count += !space && !inside;
        inside = !space;
        position += point.bytes;
    }
    return count;
}

struct Shares {
    int64_t characters = 0;
    int64_t upper = 0;
    int64_t digits = 0;
};

Shares measure(Bytes line) {
    Shares shares;
    for (size_t position = 0; position < line.size;) {
        const uint8_t byte = line.data[position];
        shares.characters += 1;
        if (byte < 0x80) {
            shares.upper += byte - uint32_t{'A'} < 26;
            shares.digits += byte - uint32_t{'0'} < 10;
            ++position;
            continue;
        }
        const CodePoint point = decode(line, position);
        const uint8_t entry = sentence_properties(point.value);
        shares.upper += (entry & kUpperCase) != 0;
        shares.digits += (entry & kDigit) != 0;
        position += point.bytes;
    }
    return shares;
}

bool is_word_character(uint32_t code_point) {
    return code_point == '_' || is_alphanumeric(code_point);
}

size_t skip_non_word(Bytes line, size_t position) {
    while (position < line.size) {
        const CodePoint point = decode(line, position);
        if (is_word_character(point.value)) break;
        position += point.bytes;
    }
    return position;
}

uint8_t lower_ascii(uint32_t code_point) {
    if (code_point - 'A' < 26) return static_cast<uint8_t>(code_point + 32);
    if (code_point == 0x212a) return 'k';
    return code_point < 0x80 ? static_cast<uint8_t>(code_point) : 0;
}

// \W* \d [\d.,]* [kmb]? \s+ (a counter word) \W*, of the line in lower case.
bool is_counter(Bytes line, const std::vector<std::string>& words) {
    size_t position = skip_non_word(line, 0);
    if (position == line.size) return false;
    CodePoint point = decode(line, position);
    if (!is_decimal(point.value)) return false;
    while (point.value == ',' || point.value == '.' || is_decimal(point.value)) {
        position += point.bytes;
        if (position == line.size) return false;
        point = decode(line, position);
    }
    const uint8_t unit = lower_ascii(point.value);
    if (unit == 'k' || unit == 'm' || unit == 'b') position += point.bytes;
    const size_t spaces = position;
    position += skip_spaces({line.data + position, line.size - position});
    if (position == spaces) return false;
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
        size_t at = position;
        for (const char wanted : word) {
            if (at == line.size) return false;
            const CodePoint letter = decode(line, at);
            if (lower_ascii(letter.value) != static_cast<uint8_t>(wanted)) return false;
            at += letter.bytes;
        }
        return skip_non_word(line, at) == line.size;
    });
}

// End of the phrase at `position`, or SIZE_MAX where it does not stand.
size_t match(Bytes line, size_t position, const Phrase& phrase) {
    for (const uint32_t wanted : phrase) {
        if (position >= line.size) return SIZE_MAX;
        const CodePoint point = decode(line, position);
        if (wanted != kAnyCharacter && fold_phrase_character(point.value) != wanted) {
            return SIZE_MAX;
        }
        position += point.bytes;
    }
    return position;
}

size_t match_first(Bytes line, size_t position, const PhraseEdit& edit) {
    for (const Phrase& phrase : edit.phrases) {
        const size_t end = match(line, position, phrase);
        if (end != SIZE_MAX && (edit.place != PhrasePlace::End || end == line.size)) return end;
    }
    return SIZE_MAX;
}

// Bytes of the white space at `position`, 0 if there is none.
size_t space_bytes(Bytes line, size_t position) {
    const CodePoint point = decode(line, position);
    return is_space(point.value) ? point.bytes : 0;
}

class Document {
public:
    Document(const DclmRules& rules, int64_t* counts) : rules_(rules), counts_(counts) {}

    void edit(Bytes text, GrowingText& edited) {
        counts_[kDclmCharactersBefore] = count_code_points(text);
        counts_[kDclmWordsBefore] = count_fasttext_words(text);
        split(text);
        steps();
        const size_t begin = edited.begin();
        for (size_t index = 0; index < lines_.size(); ++index) {
            if (index > 0) edited.data.push_back('\n');
            edited.append(lines_[index]);
        }
        edited.close();
        const Bytes after{edited.data.data() + begin, edited.data.size() - begin};
        counts_[kDclmWordsRemoved] = counts_[kDclmWordsBefore] - count_fasttext_words(after);
        counts_[kDclmRemoved] = counts_[kDclmRemovedUppercase] + counts_[kDclmRemovedNumeric] +
                                counts_[kDclmRemovedCounter] + counts_[kDclmRemovedShort] +
                                counts_[kDclmRemovedPhrase];
    }

private:
    void split(Bytes text) {
        lines_.clear();
        size_t begin = 0;
        for (;;) {
            const void* found = begin < text.size
                                    ? std::memchr(text.data + begin, '\n', text.size - begin)
                                    : nullptr;
            if (found == nullptr) break;
            const auto end = static_cast<size_t>(static_cast<const uint8_t*>(found) - text.data);
            lines_.push_back({text.data + begin, end - begin});
            begin = end + 1;
        }
        lines_.push_back({text.data + begin, text.size - begin});
    }

    // The reference's modifiers one after the other: each sees what the one before has left.
    void steps() {
        if (rules_.has_max_uppercase) {
            remove_shares(kDclmRemovedUppercase, rules_.max_uppercase, &Shares::upper);
        }
        if (rules_.has_max_numeric) {
            remove_shares(kDclmRemovedNumeric, rules_.max_numeric, &Shares::digits);
        }
        if (!rules_.counter_words.empty()) {
            remove(kDclmRemovedCounter,
                   [&](Bytes line) { return is_counter(line, rules_.counter_words); });
            strip_text();
        }
        if (rules_.min_words > 0) {
            remove(kDclmRemovedShort, [&](Bytes line) {
                return line.size > 0 && count_words(line, rules_.min_words) < rules_.min_words;
            });
        }
        for (const PhraseEdit& edit : rules_.edits) {
            remove(kDclmRemovedPhrase, [&](Bytes& line) { return cut(line, edit); });
            strip_text();
        }
    }

    void remove_shares(DclmCount reason, double most, int64_t Shares::* share) {
        remove(reason, [&](Bytes line) {
            if (line.size == 0) return false;
            const Shares shares = measure(line);
            const auto part = static_cast<double>(shares.*share);
            return part / static_cast<double>(shares.characters) > most;
        });
        strip_text();
    }

    template <class Condemned>
    void remove(DclmCount reason, Condemned condemned) {
        size_t kept = 0;
        for (Bytes line : lines_) {
            if (condemned(line)) continue;
            lines_[kept++] = line;
        }
        counts_[reason] += static_cast<int64_t>(lines_.size() - kept);
        lines_.resize(kept);
    }

    // str.strip of the joined lines: blank ones go at both ends.
    void strip_text() {
        size_t first = 0;
        while (first < lines_.size() && skip_spaces(lines_[first]) == lines_[first].size) ++first;
        lines_.erase(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(first));
        if (lines_.empty()) return;
        const size_t margin = skip_spaces(lines_[0]);
        lines_[0] = {lines_[0].data + margin, lines_[0].size - margin};
        while (skip_spaces(lines_.back()) == lines_.back().size) lines_.pop_back();
        lines_.back().size = strip_spaces(lines_.back());
    }

    // Cuts the phrases out of a short line; true when nothing but white space is left of it.
    bool cut(Bytes& line, const PhraseEdit& edit) {
        const int64_t most = rules_.max_phrase_words;
        if (line.size == 0 || count_words(line, most + 1) > most) return false;
        const Bytes before = line;
        switch (edit.place) {
            case PhrasePlace::Anywhere: line = without(line, edit); break;
            case PhrasePlace::Start: line = without_start(line, edit); break;
            case PhrasePlace::End: line = without_end(line, edit); break;
        }
        if (skip_spaces(line) == line.size) return true;
        counts_[kDclmLinesCut] += line.size != before.size;
        return false;
    }

    Bytes without(Bytes line, const PhraseEdit& edit) {
        size_t copied = 0;
        for (size_t position = 0; position < line.size;) {
            const size_t space = space_bytes(line, position);
            size_t end = SIZE_MAX;
            if (space > 0) end = match_first(line, position + space, edit);
            if (end == SIZE_MAX) end = match_first(line, position, edit);
            if (end == SIZE_MAX) {
                position += decode(line, position).bytes;
                continue;
            }
            if (copied == 0) pieces_.emplace_back();
            auto& piece = pieces_.back();
            piece.insert(piece.end(), line.data + copied, line.data + position);
            position = copied = end;
        }
        if (copied == 0) return line;
        auto& piece = pieces_.back();
        piece.insert(piece.end(), line.data + copied, line.data + line.size);
        return {piece.data(), piece.size()};
    }

    static Bytes without_start(Bytes line, const PhraseEdit& edit) {
        size_t end = match_first(line, 0, edit);
        if (end == SIZE_MAX) return line;
        if (end < line.size) end += space_bytes(line, end);
        return {line.data + end, line.size - end};
    }

    // The longest of the phrases at the end, with one white space in front of it.
    static Bytes without_end(Bytes line, const PhraseEdit& edit) {
        size_t cut = line.size;
        for (const Phrase& phrase : edit.phrases) {
            size_t begin = line.size;
            size_t left = phrase.size();
            for (; left > 0 && begin > 0; --left) begin = before(line, begin);
            if (left > 0 || match(line, begin, phrase) != line.size) continue;
            if (begin > 0) {
                const size_t space = before(line, begin);
                if (is_space(decode(line, space).value)) begin = space;
            }
            cut = std::min(cut, begin);
        }
        return {line.data, cut};
    }

    static size_t before(Bytes line, size_t position) {
        --position;
        while (position > 0 && (line.data[position] & 0xc0) == 0x80) --position;
        return position;
    }

    const DclmRules& rules_;
    int64_t* counts_;
    std::vector<Bytes> lines_;
    std::vector<std::vector<uint8_t>> pieces_;  // lines that are no part of the text any more
};

}  // namespace

uint32_t fold_phrase_character(uint32_t code_point) {
    if (code_point < 0x80) return code_point - 'A' < 26 ? code_point + 32 : code_point;
    if (code_point == 0x130 || code_point == 0x131) return 'i';
    if (code_point == 0x17f) return 's';
    return simple_lower(code_point);
}

void dclm_lines(const TextView& text, const DclmRules& rules, GrowingText& edited,
                int64_t* counts) {
    edited.reserve(text);
    for_each_row(text, [&](int64_t row, Bytes bytes) {
        int64_t found[kDclmCounts] = {};
        Document(rules, found).edit(bytes, edited);
        for (int index = 0; index < kDclmCounts; ++index) {
            counts[index * text.rows + row] = found[index];
        }
    });
}

}  // namespace curate
