// Markup that is left in a text: HTML and wiki text.
#pragma once

#include <cstdint>

#include "text_view.hpp"

namespace curate {

enum MarkupEdit : int {
    kTagsRemoved,
    kCommentsRemoved,    // HTML comments, document types, processing instructions
    kElementsRemoved,    // with their content: script, style, ref
    kEntitiesReplaced,
    kLinksReplaced,      // wiki links by their text, or removed (files, categories)
    kTemplatesRemoved,   // {{...}} and __WORDS__
    kTablesRemoved,      // {| ... |}
    kHeadingsReplaced,   // == heading ==
    kEmphasisReplaced,   // ''italic'', '''bold'''
    kMarkupEdits
};

// Both write at most text.size bytes to `out` and return their end.
uint8_t* remove_html(Bytes text, uint8_t* out, int64_t* counts);
uint8_t* remove_wiki(Bytes text, uint8_t* out, int64_t* counts);

}  // namespace curate
