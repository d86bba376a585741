#include "html_blocks.hpp"

#include "html_text.hpp"

namespace curate::html {
namespace {

bool is_block(Tag tag) {
    switch (tag) {
        case Tag::Inline:
        case Tag::Anchor:
        case Tag::Break:
        case Tag::Code:
        case Tag::Superscript:
        case Tag::Time:
        case Tag::Skipped:
        case Tag::Title: return false;
        default: return true;
    }
}

// Tags that say what a block is; a plain box inside one leaves its meaning alone.
bool names_blocks(Tag tag) {
    switch (tag) {
        case Tag::Div:
        case Tag::Section:
        case Tag::Block:
        case Tag::Article:
        case Tag::Main:
        case Tag::Form:
        case Tag::Details: return false;
        default: return is_block(tag);
    }
}

bool is_heading(Tag tag) { return tag >= Tag::Heading1 && tag <= Tag::Heading6; }

class Walker {
public:
    explicit Walker(const Page& page) : page_(page) {
        found_.is_data_table.assign(page.elements.size(), false);
    }

    Blocks walk() {
        for (uint32_t index = 0; index < page_.events.size(); ++index) {
            const Event& event = page_.events[index];
            if (page_.elements[event.element].unseen) continue;
            switch (event.kind) {
                case EventKind::Open: open(event.element, index); break;
                case EventKind::Close: close(event.element, index); break;
                default: read_text(event, index);
            }
        }
        finish(static_cast<uint32_t>(page_.events.size()));
        return std::move(found_);
    }

private:
    struct Box {
        uint32_t element;
        Tag meaning;
        Place place;
    };
    struct List {
        uint32_t element;
        uint32_t items;
        bool ordered;
    };
    struct Table {
        uint32_t element = kNone;
        uint32_t rows = 0, cells_in_row = 0, widest_row = 0;
        uint32_t blocks_before_cell = 0;
        std::vector<uint16_t> rows_to_come;  // by column, of a cell that began above
        size_t column = 0;                   // of the next cell
        bool layout = false;
    };

    void open(uint32_t index, uint32_t event) {
        const Tag tag = page_.elements[index].tag;
        if (tag == Tag::Anchor && counts_as_link(index)) ++anchors_;
        if (tag == Tag::Break) {
            read_break(event);
            return;
        }
        if (!is_block(tag)) return;
        finish(event);
        Box box = boxes_.empty() ? Box{index, Tag::Block, {}} : boxes_.back();
        box.element = index;
        if (names_blocks(tag)) box.meaning = tag;
        enter(tag, index, box);
        boxes_.push_back(box);
    }

    // A heading that is its own permanent link, a footnote's mark: text, not a way to elsewhere.
    // Items of a table of contents do lead elsewhere.
    bool counts_as_link(uint32_t anchor) const {
        return !page_.elements[anchor].in_page ||
               (!boxes_.empty() && boxes_.back().place.item != kNone);
    }

    void enter(Tag tag, uint32_t index, Box& box) {
        Place& place = box.place;
        switch (tag) {
            case Tag::OrderedList:
            case Tag::UnorderedList:
                if (place.list == kNone) place.list = index;
                ++place.list_depth;
                place.item_number = 0;
                lists_.push_back({index, first_number(index) - 1, tag == Tag::OrderedList});
                break;
            case Tag::Item:
                place.item = index;
                if (!lists_.empty()) {
                    const uint32_t number = page_.elements[index].number;
                    lists_.back().items = number == kNone ? lists_.back().items + 1 : number;
                    place.item_number = lists_.back().ordered ? lists_.back().items : 0;
                }
                break;
            case Tag::Table:
                if (!tables_.empty()) tables_.back().layout = true;
                place.table = index;
                place.row = place.cell = kNone;
                tables_.emplace_back();
                tables_.back().element = index;
                break;
            case Tag::Row:
                place.row = index;
                place.cell = kNone;
                if (!tables_.empty()) {
                    ++tables_.back().rows;
                    tables_.back().cells_in_row = 0;
                    tables_.back().column = 0;
                }
                break;
            case Tag::Cell:
                place.cell = index;
                if (!tables_.empty()) {
                    Table& table = tables_.back();
                    ++table.cells_in_row;
                    place.column = place_cell(table, page_.elements[index]);
                    if (table.cells_in_row > table.widest_row)
                        table.widest_row = table.cells_in_row;
                    table.blocks_before_cell = static_cast<uint32_t>(found_.blocks.size());
                }
                break;
            case Tag::Preformatted: place.preformatted = index; break;
            case Tag::Blockquote:
                if (place.quoted < 255) ++place.quoted;
                break;
            default: break;
        }
    }

    uint32_t first_number(uint32_t list) const {
        return page_.elements[list].number == kNone ? 1 : page_.elements[list].number;
    }

    // Columns that a cell of an earlier row still covers are passed over.
    static uint16_t place_cell(Table& table, const Element& cell) {
        std::vector<uint16_t>& rows = table.rows_to_come;
        skip_covered(table);
        const size_t column = table.column;
        if (column < kMostColumns) {
            table.column += cell.columns;
            if (rows.size() < table.column) rows.resize(table.column, 0);
            for (size_t at = column; at < table.column; ++at) {
                rows[at] = static_cast<uint16_t>(cell.rows - 1);
            }
        }
        return static_cast<uint16_t>(column);
    }

    static void skip_covered(Table& table) {
        std::vector<uint16_t>& rows = table.rows_to_come;
        while (table.column < rows.size() && rows[table.column] > 0) --rows[table.column++];
    }

    // Cells that reach down from above may stand at the end of a row.
    static void leave_row(Table& table) {
        for (; table.column < table.rows_to_come.size(); ++table.column) {
            if (table.rows_to_come[table.column] > 0) --table.rows_to_come[table.column];
        }
    }

    void close(uint32_t index, uint32_t event) {
        const Tag tag = page_.elements[index].tag;
        if (tag == Tag::Anchor && counts_as_link(index)) --anchors_;
        if (!is_block(tag)) return;
        finish(event);
        leave(tag, index, event);
        boxes_.pop_back();
    }

    void leave(Tag tag, uint32_t index, uint32_t event) {
        if (tag == Tag::OrderedList || tag == Tag::UnorderedList) lists_.pop_back();
        if (tables_.empty()) return;
        if (tag == Tag::Row) {
            leave_row(tables_.back());
        } else if (tag == Tag::Cell) {
            leave_cell(tables_.back(), index, event);
        } else if (tag == Tag::Table) {
            const Table& table = tables_.back();
            found_.is_data_table[index] = !table.layout && table.rows > 1 && table.widest_row > 1;
            tables_.pop_back();
        }
    }

    // A cell that holds several blocks, a heading or a long text makes the table a means of layout.
    void leave_cell(Table& table, uint32_t index, uint32_t event) {
        const size_t blocks = found_.blocks.size() - table.blocks_before_cell;
        if (blocks == 0) {
            Block& empty = begin(event);
            empty.end_event = event;
            empty.element = index;
            in_block_ = false;
            return;
        }
        uint32_t length = 0, paragraphs = 0;
        for (size_t at = table.blocks_before_cell; at < found_.blocks.size(); ++at) {
            length += found_.blocks[at].length;
            paragraphs += found_.blocks[at].tag == Tag::Paragraph;
            if (is_heading(found_.blocks[at].tag)) table.layout = true;
        }
        if (length > kLongestDataCell || ((blocks > 3 || paragraphs > 1) && length > 40 * blocks))
            table.layout = true;
    }

    Block& begin(uint32_t event) {
        Block block{};
        block.element = boxes_.empty() ? 0 : boxes_.back().element;
        block.first_event = event;
        if (!boxes_.empty()) {
            block.place = boxes_.back().place;
            block.tag = boxes_.back().meaning;
        }
        found_.blocks.push_back(block);
        in_block_ = true;
        breaks_ = 0;
        in_word_ = false;
        after_stop_ = after_colon_ = false;
        return found_.blocks.back();
    }

    void finish(uint32_t event) {
        if (!in_block_) return;
        found_.blocks.back().end_event = event;
        if (after_stop_ && !counted_stop_) ++found_.blocks.back().sentence_ends;
        found_.blocks.back().ends_sentence = after_stop_;
        found_.blocks.back().announces = after_colon_;
        in_block_ = false;
    }

    // Two line breaks in a row separate paragraphs.
    void read_break(uint32_t event) {
        in_word_ = false;
        if (!in_block_ || boxes_.empty() || boxes_.back().place.preformatted != kNone) return;
        if (++breaks_ == 2) finish(event);
    }

    void read_text(const Event& event, uint32_t index) {
        const std::string_view text = page_.markup.substr(event.begin, event.end - event.begin);
        if (!in_block_) {
            bool blank = true;
            for (const char byte : text) blank = blank && is_html_space(byte);
            if (blank) return;
            begin(index);
        }
        measure(text, event.kind == EventKind::Text);
    }

    void measure(std::string_view text, bool has_references) {
        Block& block = found_.blocks.back();
        uint32_t length = 0;
        for (size_t at = 0; at < text.size();) {
            const uint8_t byte = static_cast<uint8_t>(text[at]);
            if (byte < 0x80) {
                uint32_t bytes = 1;
                char shown = static_cast<char>(byte);
                if (byte == '&' && has_references) {
                    const Reference reference = reference_at(text, at);
                    bytes = reference.bytes;
                    shown = reference.text[0];
                }
                at += bytes;
                if (is_html_space(shown)) {
                    in_word_ = false;
                    if (after_stop_ && !counted_stop_) {
                        ++block.sentence_ends;
                        counted_stop_ = true;
                    }
                    continue;
                }
                begin_word(block);
                ++length;
                after_colon_ = shown == ':';
                if (shown == '.' || shown == '!' || shown == '?') {
                    after_stop_ = true;
                    counted_stop_ = false;
                } else if (shown != '"' && shown != '\'' && shown != ')' && shown != ']') {
                    after_stop_ = false;
                    if (shown == ',' || shown == ';') ++block.commas;
                }
                continue;
            }
            at += measure_beyond_ascii(block, text, at, length);
        }
        block.length += length;
        if (anchors_ > 0) block.link_length += length;
        if (length > 0) breaks_ = 0;
    }

    size_t measure_beyond_ascii(Block& block, std::string_view text, size_t at, uint32_t& length) {
        const auto byte = [&](size_t offset) {
            return at + offset < text.size() ? static_cast<uint8_t>(text[at + offset]) : 0u;
        };
        begin_word(block);
        const uint32_t lead = byte(0);
        const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
        length += lead >= 0xe3 && lead <= 0xed ? 3 : 1;
        const uint32_t value = bytes == 3   ? (lead << 16 | byte(1) << 8 | byte(2))
                               : bytes == 2 ? (lead << 8 | byte(1))
                                            : 0;
        after_colon_ = value == 0xefbc9a;  // full-width
        switch (value) {
            case 0xe38082:  // ideographic full stop
            case 0xefbc81:  // full-width exclamation mark
            case 0xefbc9f:  // full-width question mark
            case 0xe0a5a4:  // danda
            case 0xd89f:    // Arabic question mark
            case 0xdb94:    // Arabic full stop
            case 0xe280a6:  // ellipsis
                ++block.sentence_ends;
                after_stop_ = counted_stop_ = true;
                break;
            case 0xe38081:  // ideographic comma
            case 0xefbc8c:  // full-width comma
            case 0xd88c:    // Arabic comma
                ++block.commas;
                after_stop_ = false;
                break;
            case 0xc2a9:  // copyright sign
                block.has_copyright = true;
                break;
            case 0xe2809d:  // closing quotation marks
            case 0xe28099:
            case 0xc2bb:
            case 0xe3808d:
            case 0xc2a0: break;
            default: after_stop_ = false;
        }
        return bytes;
    }

    void begin_word(Block& block) {
        if (!in_word_) ++block.words;
        in_word_ = true;
    }

    static constexpr uint32_t kLongestDataCell = 400;
    static constexpr size_t kMostColumns = 1000;

    const Page& page_;
    Blocks found_;
    std::vector<Box> boxes_;
    std::vector<List> lists_;
    std::vector<Table> tables_;
    bool in_block_ = false;
    bool in_word_ = false;
    bool after_colon_ = false;
    bool after_stop_ = false, counted_stop_ = false;
    uint32_t breaks_ = 0;
    uint32_t anchors_ = 0;
};

}  // namespace

Blocks find_blocks(const Page& page) { return Walker(page).walk(); }

}  // namespace curate::html
