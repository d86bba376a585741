// Text of a page's markup: character references, white space, and what is a word to a counter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace curate::html {

inline bool is_html_space(char byte) {
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r' || byte == '\f';
}

struct Reference {
    const char* text;
    uint32_t bytes;  // of the reference, 1 where the ampersand stands for itself
};

// The character reference at an ampersand: the five that serialised HTML holds.
inline Reference reference_at(std::string_view markup, size_t at) {
    const auto is = [&](std::string_view name) {
        return markup.compare(at, name.size(), name) == 0;
    };
    if (is("&amp;")) return {"&", 5};
    if (is("&nbsp;")) return {" ", 6};
    if (is("&lt;")) return {"<", 4};
    if (is("&gt;")) return {">", 4};
    if (is("&quot;")) return {"\"", 6};
    return {"&", 1};
}

}  // namespace curate::html
