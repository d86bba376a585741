#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include <pybind11/pybind11.h>

#include "dclm_lines.hpp"
#include "held_text.hpp"
#include "owned_array.hpp"
#include "unicode.hpp"

namespace curate {
namespace {

Phrase read_phrase(const std::string& text, bool dot_is_any_character) {
    const Bytes bytes{reinterpret_cast<const uint8_t*>(text.data()), text.size()};
    Phrase phrase;
    for (size_t position = 0; position < bytes.size;) {
        const CodePoint point = decode(bytes, position);
        position += point.bytes;
        const bool any = dot_is_any_character && point.value == '.';
        phrase.push_back(any ? kAnyCharacter : fold_phrase_character(point.value));
    }
    if (phrase.empty()) throw std::invalid_argument("an empty phrase");
    return phrase;
}

PhraseEdit read_edit(PhrasePlace place, const py::tuple& phrases, bool dot_is_any_character) {
    PhraseEdit edit{place, {}};
    for (const auto& phrase : phrases) {
        edit.phrases.push_back(read_phrase(py::cast<std::string>(phrase), dot_is_any_character));
    }
    return edit;
}

py::tuple call_dclm_lines(const py::buffer& offsets, const py::buffer& data, int64_t first,
                          int64_t rows, const py::object& max_uppercase,
                          const py::object& max_numeric, const py::tuple& counter_words,
                          int64_t min_words, int64_t max_phrase_words, const py::tuple& anywhere,
                          const py::tuple& at_end, const py::tuple& at_start,
                          bool dot_is_any_character) {
    const HeldText text(offsets, data, first, rows);
    DclmRules rules{};
    rules.has_max_uppercase = !max_uppercase.is_none();
    if (rules.has_max_uppercase) rules.max_uppercase = py::cast<double>(max_uppercase);
    rules.has_max_numeric = !max_numeric.is_none();
    if (rules.has_max_numeric) rules.max_numeric = py::cast<double>(max_numeric);
    for (const auto& word : counter_words) {
        rules.counter_words.push_back(py::cast<std::string>(word));
    }
    rules.min_words = min_words;
    rules.max_phrase_words = max_phrase_words;
    for (const auto& [place, phrases] :
         {std::pair{PhrasePlace::Anywhere, anywhere}, std::pair{PhrasePlace::End, at_end},
          std::pair{PhrasePlace::Start, at_start}}) {
        if (phrases.empty()) continue;
        rules.edits.push_back(read_edit(place, phrases, dot_is_any_character));
    }
    py::array_t<int64_t> counts(
        {static_cast<py::ssize_t>(kDclmCounts), static_cast<py::ssize_t>(rows)});
    int64_t* out = counts.mutable_data();
    GrowingText edited;
    {
        py::gil_scoped_release release;
        dclm_lines(text.view(), rules, edited, out);
    }
    return py::make_tuple(owned_array(std::move(edited.offsets)),
                          owned_array(std::move(edited.data)), counts);
}

}  // namespace

void bind_dclm_lines(py::module_& module) { module.def("dclm_lines", &call_dclm_lines); }

}  // namespace curate
