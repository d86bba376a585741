#include "page_facts.hpp"

#include <algorithm>
#include <cstring>

namespace curate {
namespace {

constexpr size_t kMaxFacts = 2048;
constexpr size_t kMaxOfKind = 64;          // <h1>, <time>, authors: a listing has thousands
constexpr size_t kMaxInnerBytes = 2000;    // of a heading or a byline
constexpr size_t kMaxValueBytes = 4000;    // of a <meta>
constexpr size_t kMaxJsonBytes = 1 << 20;  // of one JSON-LD block

using View = std::string_view;

constexpr bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

// Equal without regard to ASCII case; `small` is lower case.
bool same(View any, View small) {
    return any.size() == small.size() && std::equal(any.begin(), any.end(), small.begin(),
                                                    [](char a, char b) { return lower(a) == b; });
}

bool contains(View any, View small) {
    return std::search(any.begin(), any.end(), small.begin(), small.end(),
                       [](char a, char b) { return lower(a) == b; }) != any.end();
}

// Calls `use` with every white-space separated word until it returns true; whether it did.
template <class Use>
bool any_word(View words, Use use) {
    size_t at = 0;
    while (at < words.size()) {
        while (at < words.size() && is_space(words[at])) ++at;
        const size_t begin = at;
        while (at < words.size() && !is_space(words[at])) ++at;
        if (at > begin && use(words.substr(begin, at - begin))) return true;
    }
    return false;
}

bool has_word(View words, View small) {
    return any_word(words, [&](View word) { return same(word, small); });
}

constexpr View kAuthorClasses[] = {
    "author",       "author-name",     "authorname",   "author__name", "article-author",
    "byline",       "byline-name",     "byline__name", "by-author",    "byline-author",
    "entry-author", "article__author", "post-author",  "p-author",     "byline__author",
};

bool has_author_class(View classes) {
    return any_word(classes, [](View word) {
        return std::any_of(std::begin(kAuthorClasses), std::end(kAuthorClasses),
                           [&](View known) { return same(word, known); });
    });
}

bool begins(View any, View with) { return any.substr(0, with.size()) == with; }

// Classes of KaTeX, MathJax 2 and 3, Wikipedia, and of images of formulas.
bool has_formula_class(View classes) {
    return any_word(classes, [](View word) {
        return begins(word, "katex") || begins(word, "MathJax") || begins(word, "mjx-") ||
               begins(word, "mwe-math") || word == "tex" || word == "latex";
    });
}

bool has_date_class(View classes) {
    return any_word(classes, [](View word) {
        return same(word, "published") || same(word, "dt-published") || same(word, "entry-date");
    });
}

// The attributes that can matter; the first of a name counts, as in browsers.
struct Attributes {
    View name, property, itemprop, http_equiv, content, rel, classes, type, lang, xml_lang,
        datetime, title;
    bool pubdate = false;
    bool self_closing = false;

    void set(View key, View value) {
        View* place = slot(key);
        if (place != nullptr && place->data() == nullptr) *place = value;
        if (same(key, "pubdate")) pubdate = true;
    }

private:
    View* slot(View key) {
        switch (key.size()) {
            case 3: return same(key, "rel") ? &rel : nullptr;
            case 4:
                return same(key, "name")   ? &name
                       : same(key, "type") ? &type
                       : same(key, "lang") ? &lang
                                           : nullptr;
            case 5: return same(key, "class") ? &classes : same(key, "title") ? &title : nullptr;
            case 7: return same(key, "content") ? &content : nullptr;
            case 8:
                return same(key, "property")   ? &property
                       : same(key, "itemprop") ? &itemprop
                       : same(key, "datetime") ? &datetime
                       : same(key, "xml:lang") ? &xml_lang
                                               : nullptr;
            case 10: return same(key, "http-equiv") ? &http_equiv : nullptr;
            default: return nullptr;
        }
    }
};

class Scanner {
public:
    explicit Scanner(View html) : html_(html) {}

    std::vector<Fact> run() {
        while (facts_.size() < kMaxFacts) {
            const void* found = at_ < html_.size()
                                    ? std::memchr(html_.data() + at_, '<', html_.size() - at_)
                                    : nullptr;
            if (found == nullptr) break;
            at_ = static_cast<size_t>(static_cast<const char*>(found) - html_.data()) + 1;
            markup();
        }
        return std::move(facts_);
    }

private:
    // `at_` is behind a `<`.
    void markup() {
        if (at_ >= html_.size()) return;
        const char c = html_[at_];
        if (is_letter(c)) return start_tag();
        if (c == '/' && at_ + 1 < html_.size() && is_letter(html_[at_ + 1])) return end_tag();
        if (html_.substr(at_, 3) == "!--") return skip_comment();
        if (c == '!' || c == '?' || c == '/') at_ = behind(html_.find('>', at_), 1);
    }

    void skip_comment() {
        at_ += 3;
        if (html_.substr(at_, 1) == ">") return;  // <!--> is a whole comment
        at_ = behind(html_.find("-->", at_), 3);
    }

    void end_tag() {
        ++at_;
        const View tag = tag_name();
        if (same(tag, "svg") && svg_ > 0) --svg_;
        if (same(tag, "template") && template_ > 0) --template_;
        at_ = behind(html_.find('>', at_), 1);
    }

    void start_tag() {
        const View tag = tag_name();
        const Attributes attributes = read_attributes();
        switch (lower(tag[0])) {
            case 'h':
                if (same(tag, "html")) return language(attributes);
                if (same(tag, "h1")) return inner("h1", "", tag, headings_);
                break;
            case 'b':
                if (same(tag, "body")) language(attributes);
                break;
            case 'm':
                if (same(tag, "meta")) return meta(attributes);
                break;
            case 's':
                if (same(tag, "script")) return script(attributes);
                if (same(tag, "style")) return skip_raw("style");
                if (same(tag, "svg")) svg_ += attributes.self_closing ? 0 : 1;
                break;
            case 't':
                if (same(tag, "title")) return title();
                if (same(tag, "textarea")) return skip_raw("textarea");
                if (same(tag, "template")) ++template_;
                break;
            case 'x':
                if (same(tag, "xmp")) return skip_raw("xmp");
                break;
            case 'i':
                if (same(tag, "iframe")) return skip_raw("iframe");
                break;
            default: break;
        }
        if (template_ == 0) marked(tag, attributes);
        if (!formula_ && (is_formula(tag) || has_formula_class(attributes.classes))) formula();
    }

    static bool is_formula(View tag) {
        const size_t colon = tag.find(':');
        return same(colon == View::npos ? tag : tag.substr(colon + 1), "math") ||
               same(tag, "mjx-container");
    }

    void formula() {
        if (!formula_) add({"formula", "", ""});
        formula_ = true;
    }

    // Elements that carry a date or an author by their attributes.
    void marked(View tag, const Attributes& has) {
        if (has_word(has.itemprop, "datepublished") || has_word(has.itemprop, "datecreated") ||
            has.pubdate || (has_date_class(has.classes))) {
            date("published", has);
        } else if (has_word(has.itemprop, "datemodified")) {
            date("modified", has);
        } else if (same(tag, "time")) {
            date("", has);
        }
        if (has_word(has.rel, "author") && !same(tag, "link")) {
            inner("author", "rel", tag, authors_);
        } else if (has_word(has.itemprop, "author")) {
            if (!has.content.empty()) {
                add_of_kind({"author", "itemprop", clip(has.content, kMaxInnerBytes)}, authors_);
            } else {
                inner("author", "itemprop", tag, authors_);
            }
        } else if (has_author_class(has.classes)) {
            inner("author", "class", tag, authors_);
        }
    }

    void date(View key, const Attributes& has) {
        const View value = !has.datetime.empty()  ? has.datetime
                           : !has.content.empty() ? has.content
                                                  : has.title;
        if (!value.empty()) add_of_kind({"time", key, clip(value, 100)}, times_);
    }

    void language(const Attributes& has) {
        const View value = !has.lang.empty() ? has.lang : has.xml_lang;
        if (!value.empty()) add({"language", "", clip(value, 100)});
    }

    void meta(const Attributes& has) {
        const View key = !has.property.empty()   ? has.property
                         : !has.name.empty()     ? has.name
                         : !has.itemprop.empty() ? has.itemprop
                                                 : has.http_equiv;
        if (template_ == 0 && !key.empty() && key.size() <= 100 && !has.content.empty() &&
            has.content.size() <= kMaxValueBytes) {
            add({"meta", key, has.content});
        }
    }

    void script(const Attributes& has) {
        if (has.type.size() > 5 && same(has.type.substr(0, 5), "math/")) formula();
        const size_t begin = at_;
        skip_raw("script");
        const View inside = html_.substr(begin, at_ - begin);
        if (template_ == 0 && contains(has.type, "ld+json") && inside.size() <= kMaxJsonBytes) {
            add({"json_ld", "", inside});
        }
    }

    void title() {
        const size_t begin = at_;
        skip_raw("title");
        if (svg_ == 0 && template_ == 0) {
            add({"title", "", clip(html_.substr(begin, at_ - begin), kMaxInnerBytes)});
        }
    }

    // What stands between `at_` and the next end tag of this name. Scanning goes on inside.
    void inner(View kind, View key, View tag, size_t& count) {
        if (template_ > 0 || count++ >= kMaxOfKind) return;
        const View window = html_.substr(at_, kMaxInnerBytes);
        for (size_t end = window.find("</"); end != View::npos; end = window.find("</", end + 2)) {
            if (same_name(window.substr(end + 2, tag.size()), tag)) {
                return add({kind, key, window.substr(0, end)});
            }
        }
    }

    static bool same_name(View one, View other) {
        return one.size() == other.size() &&
               std::equal(one.begin(), one.end(), other.begin(),
                          [](char a, char b) { return lower(a) == lower(b); });
    }

    // To the end tag of an element whose content is no markup; to the end of the page without one.
    void skip_raw(View tag) {
        for (size_t end = html_.find("</", at_); end != View::npos;
             end = html_.find("</", end + 2)) {
            if (same(html_.substr(end + 2, tag.size()), tag)) {
                at_ = end;
                return;
            }
        }
        at_ = html_.size();
    }

    View tag_name() {
        const size_t begin = at_;
        while (at_ < html_.size() && !is_space(html_[at_]) && html_[at_] != '>' &&
               html_[at_] != '/')
            ++at_;
        return html_.substr(begin, at_ - begin);
    }

    Attributes read_attributes() {
        Attributes found;
        while (at_ < html_.size()) {
            const char c = html_[at_];
            if (c == '>') {
                ++at_;
                break;
            }
            if (is_space(c) || c == '/') {
                found.self_closing = c == '/' && html_.substr(at_ + 1, 1) == ">";
                ++at_;
                continue;
            }
            const size_t begin = at_++;  // a name may begin with `=`
            while (at_ < html_.size() && !is_space(html_[at_]) && html_[at_] != '>' &&
                   html_[at_] != '/' && html_[at_] != '=')
                ++at_;
            const View key = html_.substr(begin, at_ - begin);
            found.set(key, attribute_value());
        }
        return found;
    }

    View attribute_value() {
        size_t next = at_;
        while (next < html_.size() && is_space(html_[next])) ++next;
        if (next >= html_.size() || html_[next] != '=') return html_.substr(at_, 0);
        at_ = next + 1;
        while (at_ < html_.size() && is_space(html_[at_])) ++at_;
        if (at_ >= html_.size()) return html_.substr(html_.size());
        const char quote = html_[at_];
        if (quote == '"' || quote == '\'') {
            const size_t begin = at_ + 1;
            const size_t end = html_.find(quote, begin);
            at_ = behind(end, 1);
            return html_.substr(begin, end == View::npos ? 0 : end - begin);
        }
        const size_t begin = at_;
        while (at_ < html_.size() && !is_space(html_[at_]) && html_[at_] != '>') ++at_;
        return html_.substr(begin, at_ - begin);
    }

    size_t behind(size_t found, size_t length) const {
        return found == View::npos ? html_.size() : found + length;
    }

    // At most `bytes`, no character cut.
    static View clip(View text, size_t bytes) {
        if (text.size() <= bytes) return text;
        while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
        return text.substr(0, bytes);
    }

    void add(const Fact& fact) { facts_.push_back(fact); }

    void add_of_kind(const Fact& fact, size_t& count) {
        if (count++ < kMaxOfKind) add(fact);
    }

    View html_;
    size_t at_ = 0;
    size_t svg_ = 0, template_ = 0;
    bool formula_ = false;
    size_t headings_ = 0, times_ = 0, authors_ = 0;
    std::vector<Fact> facts_;
};

}  // namespace

std::vector<Fact> page_facts(std::string_view html) { return Scanner(html).run(); }

}  // namespace curate
