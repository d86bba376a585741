// Which blocks of a page are its content.
#pragma once

#include <vector>

#include "html_blocks.hpp"

namespace curate::html {

// One flag per block.
std::vector<bool> choose_content(const Page& page, const Blocks& blocks);

}  // namespace curate::html
