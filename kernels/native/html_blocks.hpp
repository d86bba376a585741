// Blocks: the stretches of inline content between the boxes of a page, measured.
#pragma once

#include <cstdint>
#include <vector>

#include "html_page.hpp"

namespace curate::html {

// Where a block stands, for what its text looks like. Indices of elements, kNone where there is
// none.
struct Place {
    uint32_t table = kNone;
    uint32_t row = kNone;
    uint32_t cell = kNone;
    uint32_t list = kNone;  // the outermost list around it
    uint32_t item = kNone;  // the innermost item
    uint32_t preformatted = kNone;
    uint16_t column = 0;  // of the cell, cells that span rows counted
    uint16_t list_depth = 0;
    uint32_t item_number = 0;  // from 1 in an ordered list, 0 elsewhere
    uint8_t quoted = 0;
};

struct Block {
    uint32_t element;  // the innermost box around it
    uint32_t first_event, end_event;
    Place place;
    Tag tag = Tag::Block;  // of the innermost box that says something: p, h2, li, td, pre ...
    // Lengths are in bytes without white space; a character of a script with one to three letters
    // to the word (U+3000 to U+D7FF) counts 3, any other 1.
    uint32_t length = 0;
    uint32_t link_length = 0;
    uint32_t words = 0;  // separated by white space
    uint32_t sentence_ends = 0;
    uint32_t commas = 0;
    bool announces = false;      // its last character is a colon
    bool has_copyright = false;  // holds a copyright sign
    bool ends_sentence = false;  // its last character closes a sentence
};

struct Blocks {
    std::vector<Block> blocks;
    std::vector<bool> is_data_table;  // by element
};

Blocks find_blocks(const Page& page);

}  // namespace curate::html
