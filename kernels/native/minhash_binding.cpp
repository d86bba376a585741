#include <pybind11/stl.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "dictionary.hpp"
#include "held_text.hpp"
#include "minhash.hpp"
#include "owned_array.hpp"
#include "rows.hpp"
#include "shingle_sets.hpp"
#include "shingles.hpp"

namespace curate {
namespace {

using Parameters = py::array_t<uint32_t, py::array::c_style>;
using Indices = py::array_t<int64_t, py::array::c_style>;

// (of_words, size, character_size, lower_case, remove_punctuation, zero_numbers, strip_accents,
// spaces, max_shingles, sha1)
using SpecTuple = std::tuple<bool, uint32_t, uint32_t, bool, bool, bool, bool, int, uint64_t, bool>;

ShingleSpec spec_of(const SpecTuple& tuple, const Dictionary* dictionary) {
    const auto& [of_words, size, character_size, lower, punctuation, numbers, accents, spaces,
                 max_shingles, sha1] = tuple;
    if (size == 0 || max_shingles == 0 || spaces < 0 || spaces > 2)
        throw std::invalid_argument("a shingle has at least one word or character");
    return {of_words,  size,    character_size, lower,
            punctuation, numbers, accents,      static_cast<Spaces>(spaces),
            max_shingles, sha1, dictionary};
}

Permutations permutations_of(const Parameters& multipliers, const Parameters& summands) {
    if (multipliers.size() != summands.size() || multipliers.size() == 0)
        throw std::invalid_argument("permutations need as many multipliers as summands");
    return {multipliers.data(), summands.data(), static_cast<size_t>(multipliers.size())};
}

// Calls take(row, signature) without the GIL; returns content, number of shingles and the capped flag
// of every row.
template <class Take>
py::tuple for_signatures(const HeldText& text, const ShingleSpec& spec, Permutations& permutations,
                         Take take) {
    const int64_t rows = text.view().rows;
    py::array_t<uint64_t> content(rows);
    py::array_t<int64_t> shingles(rows);
    py::array_t<uint8_t> capped(rows);
    uint64_t* contents = content.mutable_data();
    int64_t* counts = shingles.mutable_data();
    uint8_t* flags = capped.mutable_data();
    {
        py::gil_scoped_release release;
        Shingler shingler(spec);
        std::vector<uint32_t> signature(permutations.count());
        for_each_row(text.view(), [&](int64_t row, Bytes document) {
            shingler.open(row, document);
            counts[row] = static_cast<int64_t>(shingler.hashes().size());
            flags[row] = shingler.is_capped();
            contents[row] = shingler.content();
            permutations.signature(shingler.hashes(), signature.data());
            take(row, signature.data());
        });
    }
    return py::make_tuple(content, shingles, capped);
}

py::tuple call_signatures(const py::buffer& offsets, const py::buffer& data, int64_t first,
                          int64_t rows, const SpecTuple& spec,
                          const std::shared_ptr<Dictionary>& dictionary,
                          const Parameters& multipliers, const Parameters& summands) {
    const HeldText text(offsets, data, first, rows);
    Permutations permutations = permutations_of(multipliers, summands);
    const size_t count = permutations.count();
    py::array_t<uint32_t> values(rows * static_cast<int64_t>(count));
    uint32_t* out = values.mutable_data();
    const py::tuple facts = for_signatures(
        text, spec_of(spec, dictionary.get()), permutations,
        [=](int64_t row, const uint32_t* signature) {
            std::copy(signature, signature + count, out + static_cast<size_t>(row) * count);
        });
    return py::make_tuple(values, facts[0], facts[1], facts[2]);
}

py::tuple call_band_keys(const py::buffer& offsets, const py::buffer& data, int64_t first,
                         int64_t rows, const SpecTuple& spec,
                         const std::shared_ptr<Dictionary>& dictionary,
                         const Parameters& multipliers, const Parameters& summands, size_t bands,
                         size_t band_rows, bool wide, const py::buffer& salts) {
    const HeldText text(offsets, data, first, rows);
    Permutations permutations = permutations_of(multipliers, summands);
    const Bands shape{bands, band_rows, wide};
    if (bands == 0 || band_rows == 0 || bands * band_rows > permutations.count())
        throw std::invalid_argument("bands x rows must be at most the number of permutations");
    const py::buffer_info held = salts.request();
    const auto salt_bytes = static_cast<size_t>(held.size * held.itemsize);
    if (salt_bytes != 0 && salt_bytes != 16 * static_cast<size_t>(rows))
        throw std::invalid_argument("salts are 16 bytes per document, or none");
    const auto* salt = static_cast<const uint8_t*>(held.ptr);
    const size_t salt_size = salt_bytes == 0 ? 0 : 16;
    py::array_t<uint8_t> keys(16 * rows * static_cast<int64_t>(shape.keys()));
    uint8_t* out = keys.mutable_data();
    const py::tuple facts =
        for_signatures(text, spec_of(spec, dictionary.get()), permutations,
                       [=](int64_t row, const uint32_t* signature) {
                           const auto at = static_cast<size_t>(row);
                           curate::band_keys(signature, shape, {salt + salt_size * at, salt_size},
                                             out + 16 * shape.keys() * at);
                       });
    return py::make_tuple(keys, facts[0], facts[1], facts[2]);
}

// Offsets in bytes and the sets one after the other.
py::tuple call_shingle_sets(const py::buffer& offsets, const py::buffer& data, int64_t first,
                            int64_t rows, const SpecTuple& spec,
                            const std::shared_ptr<Dictionary>& dictionary) {
    const HeldText text(offsets, data, first, rows);
    const ShingleSpec shape = spec_of(spec, dictionary.get());
    std::vector<int64_t> ends{0};
    std::vector<uint32_t> values;
    {
        py::gil_scoped_release release;
        Shingler shingler(shape);
        std::vector<uint32_t> set, spare;
        for_each_row(text.view(), [&](int64_t row, Bytes document) {
            shingler.open(row, document);
            set = shingler.hashes();
            make_set(set, spare);
            values.insert(values.end(), set.begin(), set.end());
            ends.push_back(static_cast<int64_t>(values.size() * sizeof(uint32_t)));
        });
    }
    return py::make_tuple(owned_array(std::move(ends)), owned_array(std::move(values)));
}

py::array_t<double> call_jaccard(const py::buffer& offsets, const py::buffer& data, int64_t first,
                                 int64_t rows, const Indices& left, const Indices& right) {
    const HeldText sets(offsets, data, first, rows);
    const TextView view = sets.view();
    if (left.size() != right.size()) throw std::invalid_argument("pairs need two sides");
    for (int64_t row = 0; row < rows; ++row) {
        if (view[row].size % sizeof(uint32_t) != 0)
            throw std::invalid_argument("a set is a sequence of 32-bit integers");
    }
    py::array_t<double> values(left.size());
    double* out = values.mutable_data();
    const int64_t* lefts = left.data();
    const int64_t* rights = right.data();
    py::gil_scoped_release release;
    const auto held = [&](int64_t row) {
        if (row < 0 || row >= rows) throw std::invalid_argument("a pair names no set");
        return view[row];
    };
    for (py::ssize_t pair = 0; pair < left.size(); ++pair) {
        const Bytes a = held(lefts[pair]), b = held(rights[pair]);
        out[pair] = jaccard(reinterpret_cast<const uint32_t*>(a.data), a.size / sizeof(uint32_t),
                            reinterpret_cast<const uint32_t*>(b.data), b.size / sizeof(uint32_t));
    }
    return values;
}

uint32_t call_shingle_hash(const py::bytes& shingle, bool sha1) {
    char* data = nullptr;
    py::ssize_t size = 0;
    if (PyBytes_AsStringAndSize(shingle.ptr(), &data, &size) != 0) throw py::error_already_set();
    return shingle_hash({reinterpret_cast<const uint8_t*>(data), static_cast<size_t>(size)}, sha1);
}

}  // namespace

void bind_minhash(py::module_& module) {
    module.def("shingle_hash", &call_shingle_hash);
    module.def("minhash_signatures", &call_signatures);
    module.def("minhash_band_keys", &call_band_keys);
    module.def("shingle_sets", &call_shingle_sets);
    module.def("jaccard", &call_jaccard);
}

}  // namespace curate
