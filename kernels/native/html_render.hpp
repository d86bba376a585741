// Chosen blocks as plain text.
#pragma once

#include <string>
#include <vector>

#include "html_blocks.hpp"

namespace curate::html {

// Paragraphs, headings, lists and tables are separated by a blank line; list items, table rows and
// the lines of a preformatted block stand on lines of their own, cells are separated by a tab.
std::string render(const Page& page, const Blocks& blocks, const std::vector<bool>& kept);

// A piece of markup without tags on one line: references resolved, white space collapsed.
std::string plain_line(std::string_view markup);

}  // namespace curate::html
