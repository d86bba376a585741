// A page as arrays: elements in document order, and events (open, close, text) that say what comes
// when. Input is the markup that an HTML parser wrote out again, so tags nest, attributes are
// quoted and the only character references are those of the HTML serialisation algorithm. Anything
// else is survived, not understood.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "html_names.hpp"

namespace curate::html {

inline constexpr uint32_t kNone = UINT32_MAX;

struct Element {
    uint32_t parent;      // index of an earlier element, kNone for the root
    uint32_t begin;       // where its start tag begins in the markup
    uint32_t last_event;  // the event that closes it
    uint32_t shape;       // hash of tag and class without digits: boxes made by one template
    uint32_t hints;       // Hint bits of class, id, role, itemprop
    Tag tag;
    bool hidden;                     // by attribute: hidden, aria-hidden, display:none
    bool in_page;                    // a link to a place on the same page
    bool unseen;                     // it or an ancestor is hidden or of a kind that no reader sees
    uint16_t columns = 1, rows = 1;  // a cell's colspan and rowspan, at most 100
    uint32_t number = kNone;         // where a list starts, or the number of an item
};

enum class EventKind : uint8_t { Open, Close, Text, RawText };

struct Event {
    uint32_t element;     // the element that opens or closes, or that holds the text
    uint32_t begin, end;  // bytes of the markup, for text
    EventKind kind;
};

struct Page {
    std::string_view markup;
    std::vector<Element> elements;
    std::vector<Event> events;
    std::string_view title;     // still with character references
    std::string_view language;  // value of <html lang>
};

// Linear in the markup; the depth is bounded by memory only. Throws std::length_error from 4 GiB
// on.
Page read_page(std::string_view markup);

}  // namespace curate::html
