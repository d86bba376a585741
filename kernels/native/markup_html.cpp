#include <algorithm>
#include <array>
#include <vector>

#include "entity_table.hpp"
#include "markup.hpp"
#include "markup_scan.hpp"
#include "utf8_encode.hpp"

namespace curate {
namespace {

enum : uint8_t {
    kBlock = 1,      // stands on lines of its own
    kCell = 2,       // a cell of a table
    kEmpty = 4,      // never closed
    kAmbiguous = 8,  // also a common word in angle brackets: needs attributes or a closing tag
    kRaw = 16        // its content is no text
};

struct Tag {
    Phrase name;
    uint8_t kind;
};

// By name.
constexpr std::array<Tag, 112> kTags = {{
    {"a", 0}, {"abbr", 0}, {"acronym", 0}, {"address", kBlock | kAmbiguous},
    {"area", kEmpty | kAmbiguous}, {"article", kBlock | kAmbiguous}, {"aside", kBlock},
    {"audio", kAmbiguous}, {"b", 0}, {"base", kEmpty | kAmbiguous}, {"bdi", 0}, {"bdo", 0},
    {"big", 0}, {"blink", 0}, {"blockquote", kBlock}, {"body", kBlock | kAmbiguous},
    {"br", kBlock | kEmpty}, {"button", kAmbiguous}, {"canvas", kAmbiguous},
    {"caption", kBlock | kAmbiguous}, {"center", kBlock}, {"cite", 0}, {"code", kAmbiguous},
    {"col", kEmpty | kAmbiguous}, {"colgroup", kAmbiguous}, {"data", kAmbiguous},
    {"datalist", kAmbiguous}, {"dd", kBlock}, {"del", 0}, {"details", kBlock | kAmbiguous},
    {"dfn", 0}, {"dialog", kBlock | kAmbiguous}, {"div", kBlock}, {"dl", kBlock}, {"dt", kBlock},
    {"em", 0}, {"embed", kEmpty | kAmbiguous}, {"fieldset", kBlock}, {"figcaption", kBlock},
    {"figure", kBlock | kAmbiguous}, {"font", 0}, {"footer", kBlock | kAmbiguous},
    {"form", kBlock | kAmbiguous}, {"h1", kBlock}, {"h2", kBlock}, {"h3", kBlock},
    {"h4", kBlock}, {"h5", kBlock}, {"h6", kBlock}, {"head", kBlock | kAmbiguous},
    {"header", kBlock | kAmbiguous}, {"hr", kBlock | kEmpty}, {"html", kBlock | kAmbiguous},
    {"i", 0}, {"iframe", 0}, {"img", kEmpty}, {"input", kEmpty | kAmbiguous}, {"ins", 0},
    {"kbd", 0}, {"label", kAmbiguous}, {"legend", kBlock | kAmbiguous}, {"li", kBlock},
    {"link", kEmpty | kAmbiguous}, {"main", kBlock | kAmbiguous}, {"map", kAmbiguous},
    {"mark", kAmbiguous}, {"menu", kBlock | kAmbiguous}, {"meta", kEmpty | kAmbiguous},
    {"nav", kBlock | kAmbiguous}, {"nobr", 0}, {"noscript", kAmbiguous}, {"object", kAmbiguous},
    {"ol", kBlock}, {"option", kBlock | kAmbiguous}, {"output", kAmbiguous}, {"p", kBlock},
    {"param", kEmpty | kAmbiguous}, {"picture", kAmbiguous}, {"pre", kBlock},
    {"progress", kAmbiguous}, {"q", 0}, {"rp", 0}, {"rt", 0}, {"ruby", 0}, {"s", 0},
    {"samp", 0}, {"script", kAmbiguous | kRaw}, {"section", kBlock | kAmbiguous},
    {"select", kAmbiguous}, {"small", 0}, {"source", kEmpty | kAmbiguous}, {"span", 0},
    {"strike", 0}, {"strong", 0}, {"style", kAmbiguous | kRaw}, {"sub", 0},
    {"summary", kBlock | kAmbiguous}, {"sup", 0}, {"table", kBlock | kAmbiguous},
    {"tbody", kBlock}, {"td", kCell}, {"textarea", kAmbiguous}, {"tfoot", kBlock}, {"th", kCell},
    {"thead", kBlock}, {"time", kAmbiguous}, {"title", kBlock | kAmbiguous}, {"tr", kBlock},
    {"tt", 0}, {"u", 0}, {"ul", kBlock}, {"wbr", kEmpty}
}};

constexpr bool tags_are_sorted() {
    for (size_t index = 1; index < kTags.size(); ++index) {
        if (!(kTags[index - 1].name < kTags[index].name)) return false;
    }
    return true;
}

static_assert(tags_are_sorted());

// Attributes that come without a value.
constexpr std::array<Phrase, 14> kSwitches = {
    "async",  "checked",  "compact",  "controls", "defer",    "disabled", "hidden",
    "ismap",  "multiple", "noshade",  "nowrap",   "readonly", "required", "selected"};

constexpr size_t kTagBytes = 4096;      // a longer tag is none
constexpr size_t kPartnerBytes = 10'000;  // a closing tag further away is no partner

const Tag* find_tag(Bytes name) {
    std::array<char, 12> lowered{};
    if (name.size > lowered.size()) return nullptr;
    for (size_t index = 0; index < name.size; ++index) {
        lowered[index] = static_cast<char>(ascii_lower(name.data[index]));
    }
    const Phrase wanted(lowered.data(), name.size);
    const auto found =
        std::lower_bound(kTags.begin(), kTags.end(), wanted,
                         [](const Tag& tag, Phrase value) { return tag.name < value; });
    return found != kTags.end() && found->name == wanted ? found : nullptr;
}

class HtmlRemover {
public:
    HtmlRemover(Bytes text, uint8_t* out, int64_t* counts)
        : text_(text), code_(text), begin_(out), out_(out), counts_(counts) {}

    uint8_t* run() {
        while (position_ < text_.size) {
            const uint8_t byte = text_.data[position_];
            if (byte == '<' && markup()) continue;
            if (byte == '&' && entity()) continue;
            const size_t code_end = code_.end(position_);
            copy_to(code_end > position_ ? code_end : next_mark(position_ + 1));
        }
        return out_;
    }

private:
    size_t next_mark(size_t position) const {
        while (position < text_.size) {
            const uint8_t byte = text_.data[position];
            if (byte == '<' || byte == '&' || byte == '`') break;
            if (byte == '~' && text_.data[position - 1] == '\n') break;
            ++position;
        }
        return position;
    }

    void copy_to(size_t end) {
        std::memmove(out_, text_.data + position_, end - position_);
        out_ += end - position_;
        position_ = end;
    }

    bool markup() {
        if (stands_at(text_, position_, "<!--")) {
            return drop_to(comment_ends_.from(text_, position_ + 4, "-->"), 3);
        }
        if (stands_at(text_, position_, "<!doctype ") || stands_at(text_, position_, "<?xml ")) {
            const size_t end = find_byte(
                {text_.data, std::min(text_.size, position_ + kTagBytes)}, position_, '>');
            return drop_to(end, 1);
        }
        return stands_at(text_, position_, "</") ? closing_tag() : opening_tag();
    }

    bool drop_to(size_t end, size_t bytes) {
        if (end == kNowhere) return false;
        counts_[kCommentsRemoved] += 1;
        position_ = end + bytes;
        return true;
    }

    const Tag* tag_at(size_t position, size_t& end) const {
        end = position;
        while (end < text_.size && (is_ascii_letter(text_.data[end]) ||
                                    (end > position && text_.data[end] - uint32_t{'0'} < 10))) {
            ++end;
        }
        return end == position ? nullptr : find_tag({text_.data + position, end - position});
    }

    bool closing_tag() {
        size_t end = 0;
        const Tag* tag = tag_at(position_ + 2, end);
        if (tag == nullptr) return false;
        while (end < text_.size && is_blank(text_.data[end])) ++end;
        if (end == text_.size || text_.data[end] != '>') return false;
        replace_tag(*tag, end + 1, false);
        return true;
    }

    bool opening_tag() {
        size_t end = 0;
        const Tag* tag = tag_at(position_ + 1, end);
        if (tag == nullptr) return false;
        bool attributes = false, closed = false;
        end = after_attributes(end, attributes, closed);
        if (end == kNowhere) return false;
        if (!attributes && !closed && !is_markup_when_bare(*tag)) return false;
        if (tag->kind & kRaw) {
            const size_t close = partner(*tag, end);
            if (close != kNowhere) {
                const size_t after = find_byte(text_, close, '>');
                if (after != kNowhere) {
                    counts_[kElementsRemoved] += 1;
                    position_ = after + 1;
                    return true;
                }
            }
        }
        replace_tag(*tag, end, true);
        return true;
    }

    // `List<b>` and `<input>` in prose about programs are no tags.
    bool is_markup_when_bare(const Tag& tag) {
        const bool joined = position_ > 0 && is_identifier(text_.data[position_ - 1]);
        if (!(tag.kind & kAmbiguous) && (!joined || (tag.kind & kEmpty))) return true;
        if (tag.kind & kEmpty) return false;
        const size_t close = partner(tag, position_);
        return close != kNowhere && close - position_ <= kPartnerBytes;
    }

    size_t partner(const Tag& tag, size_t position) {
        const size_t index = static_cast<size_t>(&tag - kTags.data());
        std::array<char, 16> closing{'<', '/'};
        std::copy(tag.name.begin(), tag.name.end(), closing.begin() + 2);
        closing[2 + tag.name.size()] = '>';
        return partners_[index].from(text_, position, Phrase(closing.data(), tag.name.size() + 3));
    }

    // After `>`; kNowhere where this is no tag.
    size_t after_attributes(size_t position, bool& attributes, bool& closed) const {
        const size_t limit = std::min(text_.size, position_ + kTagBytes);
        for (;;) {
            const size_t before = position;
            while (position < limit && is_blank(text_.data[position])) ++position;
            if (position == limit) return kNowhere;
            const uint8_t byte = text_.data[position];
            if (byte == '>') return position + 1;
            if (byte == '/' && position + 1 < limit && text_.data[position + 1] == '>') {
                closed = true;
                return position + 2;
            }
            if (position == before && text_.data[before - 1] != '"' &&
                text_.data[before - 1] != '\'') {
                return kNowhere;
            }
            position = after_attribute(position, limit, attributes);
            if (position == kNowhere) return kNowhere;
        }
    }

    size_t after_attribute(size_t position, size_t limit, bool& attributes) const {
        const size_t name = position;
        while (position < limit && (is_identifier(text_.data[position]) ||
                                    text_.data[position] == '-' || text_.data[position] == ':')) {
            ++position;
        }
        if (position == name || text_.data[name] == '-') return kNowhere;
        const size_t name_end = position;
        while (position < limit && is_blank(text_.data[position])) ++position;
        if (position == limit || text_.data[position] != '=') {
            const Bytes word{text_.data, name_end};
            for (const Phrase known : kSwitches) {
                if (name_end - name != known.size() || !stands_at(word, name, known)) continue;
                attributes = true;
                return name_end;
            }
            return kNowhere;
        }
        attributes = true;
        ++position;
        while (position < limit && is_blank(text_.data[position])) ++position;
        if (position == limit) return kNowhere;
        const uint8_t quote = text_.data[position];
        if (quote == '"' || quote == '\'') {
            const size_t end = find_byte({text_.data, limit}, position + 1, quote);
            return end == kNowhere ? kNowhere : end + 1;
        }
        const size_t value = position;
        while (position < limit && !is_blank(text_.data[position]) &&
               Phrase("\"'=<>`").find(static_cast<char>(text_.data[position])) == Phrase::npos) {
            ++position;
        }
        // Unquoted addresses may hold `=`.
        while (position < limit && text_.data[position] == '=') {
            ++position;
            while (position < limit && (is_identifier(text_.data[position]) ||
                                        text_.data[position] == '&' ||
                                        text_.data[position] == '%')) {
                ++position;
            }
        }
        return position == value ? kNowhere : position;
    }

    void replace_tag(const Tag& tag, size_t end, bool opens) {
        counts_[kTagsRemoved] += 1;
        position_ = end;
        if (out_ == begin_) return;
        const uint8_t last = out_[-1];
        if ((tag.kind & kCell) && opens && last != '\n' && last != '\t') *out_++ = '\t';
        const bool line_ends_anyway = end == text_.size || text_.data[end] == '\n';
        if ((tag.kind & kBlock) && last != '\n' && !line_ends_anyway) *out_++ = '\n';
    }

    bool entity() {
        size_t end = position_ + 1;
        const size_t limit = std::min(text_.size, position_ + 34);
        const bool number = end < limit && text_.data[end] == '#';
        end += number;
        while (end < limit && is_identifier(text_.data[end]) && text_.data[end] != '_') ++end;
        if (end >= limit || text_.data[end] != ';') return false;
        const Phrase name(reinterpret_cast<const char*>(text_.data) + position_ + 1,
                          end - position_ - 1);
        if (number ? !numeric(name.substr(1)) : !named(name)) return false;
        counts_[kEntitiesReplaced] += 1;
        position_ = end + 1;
        return true;
    }

    bool named(Phrase name) {
        const auto found = std::lower_bound(
            kEntities.begin(), kEntities.end(), name,
            [](const Entity& entity, Phrase value) { return entity.name < value; });
        if (found == kEntities.end() || found->name != name) return false;
        std::memcpy(out_, found->text.data(), found->text.size());
        out_ += found->text.size();
        return true;
    }

    // As HTML reads them: 128 to 159 are Windows-1252. Others that are no characters stay.
    bool numeric(Phrase digits) {
        const bool hexadecimal = !digits.empty() && (digits[0] | 0x20) == 'x';
        if (hexadecimal) digits.remove_prefix(1);
        if (digits.empty() || digits.size() > 7) return false;
        uint32_t value = 0;
        for (const char digit : digits) {
            const uint32_t decimal = static_cast<uint8_t>(digit) - uint32_t{'0'};
            const uint32_t letter = (static_cast<uint8_t>(digit) | 0x20u) - uint32_t{'a'};
            if (decimal >= 10 && !(hexadecimal && letter < 6)) return false;
            value = value * (hexadecimal ? 16 : 10) + (decimal < 10 ? decimal : letter + 10);
        }
        if (value >= 0x80 && value < 0xa0) value = kWindows1252[value - 0x80];
        const bool control = value < 0x20 && value != '\t' && value != '\n' && value != '\r';
        const bool surrogate = value >= 0xd800 && value < 0xe000;
        const bool none = (value & 0xfffe) == 0xfffe || (value >= 0xfdd0 && value < 0xfdf0);
        if (control || value == 0x7f || value > 0x10ffff || surrogate || none) return false;
        out_ = encode(value, out_);
        return true;
    }

    Bytes text_;
    CodePassages code_;
    NextPlace comment_ends_;
    std::array<NextPlace, kTags.size()> partners_;
    uint8_t* begin_;
    uint8_t* out_;
    int64_t* counts_;
    size_t position_ = 0;
};

}  // namespace

uint8_t* remove_html(Bytes text, uint8_t* out, int64_t* counts) {
    return HtmlRemover(text, out, counts).run();
}

}  // namespace curate
