#include "unigram_train.hpp"

#include <pybind11/pybind11.h>

#include <algorithm>

#include "held_text.hpp"
#include "owned_array.hpp"

namespace curate {
namespace {

using Counts = py::array_t<uint64_t, py::array::c_style>;
using CodePoints = py::array_t<uint32_t, py::array::c_style>;

void require_counts(const HeldText& words, const Counts& counts) {
    if (counts.size() != words.view().rows) throw std::invalid_argument("one count per word");
}

py::tuple call_count_characters(const py::buffer& offsets, const py::buffer& data, int64_t first,
                                int64_t rows, const Counts& counts) {
    const HeldText words(offsets, data, first, rows);
    require_counts(words, counts);
    const uint64_t* numbers = counts.data();
    CharacterCounts found;
    {
        py::gil_scoped_release release;
        found = count_characters(words.view(), numbers);
    }
    return py::make_tuple(owned_array(std::move(found.code_points)),
                          owned_array(std::move(found.counts)));
}

py::tuple call_train_unigram(const py::buffer& offsets, const py::buffer& data, int64_t first,
                             int64_t rows, const Counts& counts, const CodePoints& alphabet,
                             size_t pieces, size_t seed_pieces, size_t seed_symbols,
                             size_t piece_characters, size_t piece_bytes, uint64_t min_frequency,
                             double shrinking_factor, int sub_iterations) {
    const HeldText words(offsets, data, first, rows);
    require_counts(words, counts);
    const uint32_t* characters = alphabet.data();
    const auto size = static_cast<size_t>(alphabet.size());
    if (size >= 0x110000 || !std::is_sorted(characters, characters + size) ||
        std::adjacent_find(characters, characters + size) != characters + size ||
        (size && characters[size - 1] > 0x10ffff)) {
        throw std::invalid_argument("the alphabet must be distinct code points, ascending");
    }
    if (piece_characters < 1 || sub_iterations < 1 || seed_symbols > UINT32_MAX ||
        !(shrinking_factor > 0 && shrinking_factor < 1)) {
        throw std::invalid_argument("unigram settings out of range");
    }
    const UnigramSettings settings{pieces,        seed_pieces,      seed_symbols,
                                   piece_characters, piece_bytes,   min_frequency,
                                   shrinking_factor, sub_iterations};
    const uint64_t* numbers = counts.data();
    UnigramModel model;
    {
        py::gil_scoped_release release;
        model = train_unigram(words.view(), numbers, characters, size, settings);
    }
    return py::make_tuple(owned_array(std::move(model.offsets)), py::bytes(model.pieces),
                          owned_array(std::move(model.log_probabilities)));
}

}  // namespace

void bind_unigram_train(py::module_& module) {
    module.def("count_characters", &call_count_characters);
    module.def("train_unigram", &call_train_unigram);
}

}  // namespace curate
