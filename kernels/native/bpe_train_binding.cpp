#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>

#include "bpe_train.hpp"
#include "held_text.hpp"

namespace curate {
namespace {

template <class Value>
using Column = py::array_t<Value, py::array::c_style>;

std::vector<std::string> strings(const TextView& text) {
    std::vector<std::string> found;
    for (int64_t row = 0; row < text.rows; ++row) {
        const Bytes bytes = text[row];
        found.emplace_back(reinterpret_cast<const char*>(bytes.data), bytes.size);
    }
    return found;
}

void require_rows(const Column<uint64_t>& counts, int64_t rows) {
    if (counts.size() != rows) throw std::invalid_argument("words and counts differ in number");
}

py::array_t<uint32_t> pairs_of(const std::vector<BpeMerge>& merges) {
    py::array_t<uint32_t> pairs({static_cast<py::ssize_t>(merges.size()), py::ssize_t{2}});
    uint32_t* out = pairs.mutable_data();
    for (const BpeMerge& merge : merges) {
        *out++ = merge.left;
        *out++ = merge.right;
    }
    return pairs;
}

py::tuple train(const HeldText& tokens, const WordSource& source, const uint64_t* counts,
                const BpeLimits& limits) {
    if (limits.min_frequency < 1 || limits.phase_ratio < 2) {
        throw std::invalid_argument("limits below their bounds");
    }
    BpeTrainer trainer(strings(tokens.view()));
    {
        py::gil_scoped_release release;
        trainer.train(gather_words(source, counts), limits);
    }
    return py::make_tuple(pairs_of(trainer.merges()), pairs_of(trainer.refused()));
}

py::tuple train_bytes(const py::buffer& token_offsets, const py::buffer& token_data,
                      int64_t first_token, int64_t tokens, const py::buffer& offsets,
                      const py::buffer& data, int64_t first, int64_t rows,
                      const Column<uint64_t>& counts, const Column<uint32_t>& token_of_byte,
                      uint64_t merges, int64_t min_frequency, uint64_t max_token_bytes,
                      int64_t phase_ratio) {
    const HeldText words(offsets, data, first, rows);
    require_rows(counts, rows);
    if (token_of_byte.size() != 256) throw std::invalid_argument("256 bytes have a token each");
    return train(HeldText(token_offsets, token_data, first_token, tokens),
                 ByteWords(words.view(), token_of_byte.data()), counts.data(),
                 {merges, min_frequency, max_token_bytes, phase_ratio});
}

py::tuple train_characters(const py::buffer& token_offsets, const py::buffer& token_data,
                           int64_t first_token, int64_t tokens, const py::buffer& offsets,
                           const py::buffer& data, int64_t first, int64_t rows,
                           const Column<uint64_t>& counts, const Column<uint32_t>& characters,
                           const Column<uint32_t>& token_of_character, uint64_t merges,
                           int64_t min_frequency, uint64_t max_token_bytes, int64_t phase_ratio) {
    const HeldText words(offsets, data, first, rows);
    require_rows(counts, rows);
    if (characters.size() != token_of_character.size()) {
        throw std::invalid_argument("characters and tokens differ in number");
    }
    return train(HeldText(token_offsets, token_data, first_token, tokens),
                 CharacterWords(words.view(), characters.data(), token_of_character.data(),
                                static_cast<size_t>(characters.size())),
                 counts.data(), {merges, min_frequency, max_token_bytes, phase_ratio});
}

py::tuple train_tokens(const py::buffer& token_offsets, const py::buffer& token_data,
                       int64_t first_token, int64_t tokens, const Column<int64_t>& offsets,
                       const Column<uint32_t>& words, const Column<uint64_t>& counts,
                       uint64_t merges, int64_t min_frequency, uint64_t max_token_bytes,
                       int64_t phase_ratio) {
    const int64_t rows = offsets.size() - 1;
    require_rows(counts, rows);
    if (rows < 0 || offsets.data()[0] < 0 || offsets.data()[rows] > words.size()) {
        throw std::invalid_argument("offsets point past the words");
    }
    for (int64_t row = 0; row < rows; ++row) {
        if (offsets.data()[row] > offsets.data()[row + 1]) {
            throw std::invalid_argument("offsets decrease");
        }
    }
    return train(HeldText(token_offsets, token_data, first_token, tokens),
                 TokenWords(offsets.data(), words.data(), rows), counts.data(),
                 {merges, min_frequency, max_token_bytes, phase_ratio});
}

}  // namespace

void bind_bpe_train(py::module_& module) {
    module.def("bpe_train_bytes", &train_bytes);
    module.def("bpe_train_characters", &train_characters);
    module.def("bpe_train_tokens", &train_tokens);
}

}  // namespace curate
