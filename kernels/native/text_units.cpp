#include "text_units.hpp"

#define XXH_INLINE_ALL
#include "third_party/xxhash.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "line_ends.hpp"
#include "rows.hpp"
#include "sentence_segmenter.hpp"
#include "stamp_table.hpp"
#include "utf8_encode.hpp"

namespace curate {
namespace {

constexpr uint8_t kDropped = 0, kBlank = 1;

// What an ASCII byte becomes.
constexpr std::array<uint8_t, 128> make_ascii_forms() {
    std::array<uint8_t, 128> forms{};
    for (int byte = 0; byte < 128; ++byte) {
        if (byte >= 'a' && byte <= 'z') forms[byte] = static_cast<uint8_t>(byte);
        if (byte >= 'A' && byte <= 'Z') forms[byte] = static_cast<uint8_t>(byte + 32);
        if (byte >= '0' && byte <= '9') forms[byte] = '0';
        if (byte == ' ' || (byte >= 9 && byte <= 13) || (byte >= 0x1c && byte <= 0x1f))
            forms[byte] = kBlank;
    }
    return forms;
}

constexpr std::array<uint8_t, 128> kAsciiForms = make_ascii_forms();

// Appends at most size + size / 2 bytes; returns their end.
uint8_t* normal_form(Bytes text, uint8_t* out) {
    const uint8_t* const begin = out;
    bool blank = false;
    const auto space = [&] {
        if (blank && out != begin) *out++ = ' ';
        blank = false;
    };
    for (size_t position = 0; position < text.size;) {
        const uint8_t byte = text.data[position];
        if (byte < 0x80) {
            ++position;
            const uint8_t form = kAsciiForms[byte];
            if (form == kBlank) blank = true;
            if (form <= kBlank) continue;
            space();
            *out++ = form;
            continue;
        }
        const CodePoint point = decode(text, position);
        position += point.bytes;
        const uint8_t entry = properties(point.value);
        if (entry & kLetter) {
            space();
            out = encode_lower(point.value, out);
        } else if (entry & kNumber) {
            space();
            *out++ = '0';
        } else if (is_space(point.value)) {
            blank = true;
        } else if ((entry & kWordBreakBits) == Extend) {
            space();
            out = encode(point.value, out);
        }
    }
    return out;
}

struct Unit {
    size_t begin, end;  // what goes when the unit goes: with its line end
    size_t core_begin, core_end;
    int64_t characters;
    XXH128_hash_t hash;

    int64_t short_hash() const { return static_cast<int64_t>(hash.high64); }
};

// The units of one document after the other.
class UnitScanner {
public:
    explicit UnitScanner(const UnitSpec& spec) : spec_(spec) {}

    const std::vector<Unit>& scan(Bytes text) {
        units_.clear();
        text_ = text;
        if (spec_.kind == UnitKind::Line) scan_lines();
        if (spec_.kind == UnitKind::Paragraph) scan_paragraphs();
        if (spec_.kind == UnitKind::Sentences) {
            window_.clear();
            SentenceSegmenter<UnitScanner>(text, *this).run();
        }
        return units_;
    }

    // Of the segmenter. A blank line, which is a sentence of its own, ends the paragraph.
    void sentence(size_t begin, size_t end) {
        Unit found{};
        const Bytes all{text_.data + begin, end - begin};
        if (skip_spaces(all) == all.size) {
            if (std::any_of(all.data, all.data + all.size,
                            [](uint8_t byte) { return kMayEndLine[byte] && byte != 0xe2; }) ||
                holds_separator(all))
                window_.clear();
            return;
        }
        if (!measure(begin, end, found)) return;
        window_.push_back(found);
        if (window_.size() < spec_.sentences) return;
        Unit whole = window_.front();
        whole.end = end;
        whole.core_end = found.core_end;
        whole.characters = 0;
        digests_.clear();
        for (const Unit& part : window_) {
            whole.characters += part.characters;
            XXH128_canonical_t digest;
            XXH128_canonicalFromHash(&digest, part.hash);
            digests_.insert(digests_.end(), digest.digest, digest.digest + 16);
        }
        whole.hash = XXH3_128bits(digests_.data(), digests_.size());
        units_.push_back(whole);
        window_.erase(window_.begin());
    }

private:
    static bool holds_separator(Bytes blank) {
        for (size_t position = 0; position + 2 < blank.size; ++position) {
            if (blank.data[position] == 0xe2 && line_end_bytes(blank, position) > 0) return true;
        }
        return false;
    }

    void scan_lines() {
        for_each_line(text_, [&](Bytes line, size_t ending) {
            const auto begin = static_cast<size_t>(line.data - text_.data);
            Unit unit{};
            if (measure(begin, begin + line.size, unit)) {
                unit.end = begin + line.size + ending;
                units_.push_back(unit);
            }
        });
    }

    void scan_paragraphs() {
        size_t begin = 0, core_end = 0, end = 0;
        const auto close = [&] {
            Unit unit{};
            if (core_end > begin && measure(begin, core_end, unit)) {
                unit.begin = begin;
                unit.end = end;
                units_.push_back(unit);
            }
        };
        for_each_line(text_, [&](Bytes line, size_t ending) {
            const auto at = static_cast<size_t>(line.data - text_.data);
            const size_t after = at + line.size + ending;
            const bool is_blank = skip_spaces(line) == line.size;
            if (!is_blank && end > core_end) {
                close();
                begin = at;
            }
            if (!is_blank) core_end = at + line.size;
            end = is_blank ? after : core_end;
            if (!is_blank) last_ending_ = after;
            if (is_blank && core_end <= begin) begin = core_end = after;
        });
        if (end == core_end) end = std::max(end, last_ending_);
        close();
    }

    // Fills in a unit; false where there is nothing to compare.
    bool measure(size_t begin, size_t end, Unit& unit) {
        const Bytes core = strip({text_.data + begin, end - begin});
        if (core.size == 0) return false;
        unit.begin = begin;
        unit.end = end;
        unit.core_begin = static_cast<size_t>(core.data - text_.data);
        unit.core_end = unit.core_begin + core.size;
        if (!spec_.normalize) {
            unit.characters = count_code_points(core);
            unit.hash = XXH3_128bits(core.data, core.size);
            return true;
        }
        form_.resize(std::max(form_.size(), core.size + core.size / 2 + 4));
        const uint8_t* const after = normal_form(core, form_.data());
        const auto size = static_cast<size_t>(after - form_.data());
        unit.characters = count_code_points({form_.data(), size});
        unit.hash = XXH3_128bits(form_.data(), size);
        return size > 0;
    }

    UnitSpec spec_;
    Bytes text_{nullptr, 0};
    size_t last_ending_ = 0;
    std::vector<Unit> units_;
    std::vector<Unit> window_;
    std::vector<uint8_t> form_;
    std::vector<uint8_t> digests_;
};

// Writes a document without the chosen units.
class UnitCutter {
public:
    UnitCutter(Bytes text, UnitKind kind, GrowingText& out) : text_(text), kind_(kind), out_(out) {}

    void cut(const Unit& unit) {
        if (unit.begin > position_) keep(unit.begin);
        position_ = std::max(position_, unit.end);
        was_cut_ = true;
    }

    void finish() {
        if (position_ < text_.size) keep(text_.size);
        const size_t begin = out_.begin();
        const Bytes left{out_.data.data() + begin, out_.data.size() - begin};
        if (was_cut_ && (left.size == 0 || skip_spaces(left) == left.size)) out_.data.resize(begin);
        out_.close();
    }

private:
    // No new window of sentences may come together where one was cut out.
    void keep(size_t until) {
        const bool open = kind_ == UnitKind::Sentences && was_cut_ && out_.data.size() > out_.begin();
        if (open && !(out_.data.size() >= out_.begin() + 2 && out_.data.back() == '\n' &&
                      out_.data[out_.data.size() - 2] == '\n')) {
            const uint8_t blank_line[2] = {'\n', '\n'};
            out_.append({blank_line, 2});
        }
        out_.append({text_.data + position_, until - position_});
        position_ = until;
    }

    Bytes text_;
    UnitKind kind_;
    GrowingText& out_;
    size_t position_ = 0;
    bool was_cut_ = false;
};

}  // namespace

UnitTable unit_table(const TextView& text, const UnitSpec& spec) {
    UnitTable table;
    UnitScanner scanner(spec);
    StampTable seen;
    for_each_row(text, [&](int64_t, Bytes document) {
        const std::vector<Unit>& units = scanner.scan(document);
        if (units.size() >= std::numeric_limits<uint32_t>::max())
            throw std::invalid_argument("too many units");
        seen.reset(units.size());
        for (size_t index = 0; index < units.size(); ++index) {
            const Unit& unit = units[index];
            const auto same = [&](uint32_t other) {
                return XXH128_isEqual(units[other].hash, unit.hash) != 0;
            };
            const auto own = static_cast<uint32_t>(index);
            if (seen.find_or_add(unit.hash.low64, own, same) != own) continue;
            XXH128_canonical_t digest;
            XXH128_canonicalFromHash(&digest, unit.hash);
            table.characters.push_back(unit.characters);
            table.digests.insert(table.digests.end(), digest.digest, digest.digest + 16);
        }
        table.first.push_back(static_cast<int64_t>(table.characters.size()));
    });
    return table;
}

void without_units(const TextView& text, const UnitSpec& spec, const int64_t* first,
                   const int64_t* wanted, UnitEdit& edit) {
    edit.text.reserve(text);
    UnitScanner scanner(spec);
    std::vector<uint8_t> met;
    for_each_row(text, [&](int64_t row, Bytes document) {
        const int64_t* const begin = wanted + first[row];
        const int64_t* const end = wanted + first[row + 1];
        const std::vector<Unit>& units = scanner.scan(document);
        UnitCutter cutter(document, spec.kind, edit.text);
        met.assign(static_cast<size_t>(end - begin), 0);
        int64_t removed = 0;
        for (const Unit& unit : units) {
            const int64_t* const place = std::lower_bound(begin, end, unit.short_hash());
            if (place == end || *place != unit.short_hash()) continue;
            removed += 1;
            cutter.cut(unit);
            uint8_t& known = met[static_cast<size_t>(place - begin)];
            if (known) continue;
            known = 1;
            edit.chosen.push_back(place - wanted);
            edit.chosen_text.append({document.data + unit.core_begin, unit.core_end - unit.core_begin});
            edit.chosen_text.close();
        }
        const size_t written = edit.text.begin();
        cutter.finish();
        const Bytes left{edit.text.data.data() + written, edit.text.data.size() - written};
        edit.units.push_back(static_cast<int64_t>(units.size()));
        edit.removed.push_back(removed);
        edit.characters_before.push_back(count_code_points(document));
        edit.characters_left.push_back(count_code_points(left));
    });
}

void normal_forms(const TextView& text, GrowingText& forms) {
    for_each_row(text, [&](int64_t, Bytes document) {
        const size_t begin = forms.begin();
        forms.data.resize(begin + document.size + document.size / 2 + 4);
        const uint8_t* const end = normal_form(document, forms.data.data() + begin);
        forms.data.resize(static_cast<size_t>(end - forms.data.data()));
        forms.close();
    });
}

}  // namespace curate
