// What a page says about itself, found in one pass over its HTML: <meta>, <title>, <h1>, JSON-LD,
// the language, dates and authors. Only finds; what to believe is decided by the caller.
#pragma once

#include <string_view>
#include <vector>

namespace curate {

struct Fact {
    std::string_view kind;   // language, meta, title, h1, json_ld, time, author, formula
    std::string_view key;    // meta: its name; time: published, modified or ""; author: how marked
    std::string_view value;  // as written: entities are not decoded, markup may be inside
};

// Slices of `html` in document order, at most 2,048. Linear in the size of the page.
std::vector<Fact> page_facts(std::string_view html);

}  // namespace curate
