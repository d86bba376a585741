#include "repeats.hpp"

#include <cstring>
#include <limits>

namespace curate {

void RepeatSettler::feed(const RepeatView& rows, SettledSpans& out) {
    for (int64_t row = 0; row < rows.rows; ++row) {
        if (rows.windows[row] == 0) {
            pass_known(rows, row, out);
            continue;
        }
        const uint8_t* key = rows.keys + 16 * row;
        const int64_t fragment = rows.fragment == nullptr ? 0 : rows.fragment[row];
        if (!has_key_ || std::memcmp(key, key_, 16) != 0) {
            end_fragment(out);
            begin_key(key, fragment);
        } else if (fragment != fragment_) {
            end_fragment(out);
            differs_ = true;
            for (const Place& place : first_fragment_) write(place, SpanKind::Compare, 0, out);
            first_fragment_.clear();
            begin_fragment(fragment);
        }
        if (documents_ < std::numeric_limits<uint32_t>::max()) documents_ += 1;
        const uint64_t carried = rows.carried == nullptr ? 0 : rows.carried[row];
        for (int32_t index = rows.first_place[row]; index < rows.first_place[row + 1]; ++index) {
            const Place place{rows.address[row], carried, rows.places[index], rows.windows[row]};
            if (index == rows.first_place[row]) note_first(place);
            rules_.keep_first ? keep_first_copies(place, out) : keep_none(place, out);
        }
    }
}

void RepeatSettler::finish(SettledSpans& out) {
    end_fragment(out);
    has_key_ = false;
}

void RepeatSettler::begin_key(const uint8_t* key, int64_t fragment) {
    has_key_ = true;
    std::memcpy(key_, key, 16);
    differs_ = false;
    first_fragment_.clear();
    begin_fragment(fragment);
}

void RepeatSettler::begin_fragment(int64_t fragment) {
    fragment_ = fragment;
    copies_ = 0;
    documents_ = 0;
    held_.clear();
}

void RepeatSettler::end_fragment(SettledSpans& out) {
    if (!has_key_) return;
    if (rules_.compare && documents_ >= 2) {
        write(first_place_, SpanKind::Frequent, documents_, out);
    }
    for (const Place& place : held_) to_compare(place, out);
    held_.clear();
}

// A row of spans that an earlier phase decided: (begin, end, documents).
void RepeatSettler::pass_known(const RepeatView& rows, int64_t row, SettledSpans& out) {
    for (int32_t index = rows.first_place[row]; index + 2 < rows.first_place[row + 1]; index += 3) {
        const uint32_t documents = rows.places[index + 2];
        const uint64_t carried = rows.carried == nullptr ? 0 : rows.carried[row];
        append({rows.address[row], carried, rows.places[index], 0},
               documents == 0 ? SpanKind::Removed : SpanKind::Frequent, rows.places[index + 1],
               documents, out);
    }
}

// Of a former run's document (bit 63) nobody shows the text: the first one of this run is named.
void RepeatSettler::note_first(const Place& place) {
    const bool former = first_place_.address >> 63 != 0;
    if (documents_ == 1 || (former && place.address >> 63 == 0)) first_place_ = place;
}

bool RepeatSettler::is_copy_of_last(const Place& place) const {
    return copies_ > 0 && place.address == last_copy_.address &&
           place.begin - last_copy_.begin < rules_.window;
}

void RepeatSettler::keep_first_copies(const Place& place, SettledSpans& out) {
    if (!is_copy_of_last(place)) {
        if (copies_ == rules_.copies) return write(place, SpanKind::Removed, 0, out);
        copies_ += 1;
        last_copy_ = place;
    }
    to_compare(place, out);
}

void RepeatSettler::keep_none(const Place& place, SettledSpans& out) {
    if (copies_ > rules_.copies) return write(place, SpanKind::Removed, 0, out);
    if (!is_copy_of_last(place)) {
        copies_ += 1;
        last_copy_ = place;
    }
    held_.push_back(place);
    if (copies_ <= rules_.copies) return;
    for (const Place& held : held_) {
        write(held, SpanKind::Removed, 0, out);
        to_compare(held, out);  // windows of other fragments must find enough copies
    }
    held_.clear();
}

void RepeatSettler::to_compare(const Place& place, SettledSpans& out) {
    if (!rules_.compare) return;
    if (differs_) return write(place, SpanKind::Compare, 0, out);
    first_fragment_.push_back(place);
}

void RepeatSettler::write(const Place& place, SpanKind kind, uint32_t documents,
                          SettledSpans& out) const {
    const auto units = static_cast<uint32_t>(rules_.window + place.windows - 1);
    append(place, kind, place.begin + units, documents, out);
}

void RepeatSettler::append(const Place& place, SpanKind kind, uint32_t end, uint32_t documents,
                           SettledSpans& out) {
    out.address.push_back(place.address);
    out.kind.push_back(static_cast<uint8_t>(kind));
    out.begin.push_back(place.begin);
    out.end.push_back(end);
    out.documents.push_back(documents);
    out.carried.push_back(place.carried);
}

}  // namespace curate
