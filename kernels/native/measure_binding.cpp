#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "ascii_blocks.hpp"
#include "held_text.hpp"
#include "measure.hpp"
#include "rows.hpp"

namespace curate {
namespace {

using Integers = py::array_t<int64_t, py::array::c_style | py::array::forcecast>;
using Flags = py::array_t<uint8_t, py::array::c_style | py::array::forcecast>;
using GivenArrays = std::tuple<Integers, Integers, Integers, Flags>;

// Checks the arrays whose values the kernels check per document.
WordSource word_source(const std::string& segmenter, const std::optional<GivenArrays>& given,
                       const Dictionary* dictionary, int64_t rows) {
    if (segmenter == "uax29") return {Segmenter::Uax29, {}, dictionary};
    if (segmenter == "uax29_alone") return {Segmenter::Uax29Alone, {}, nullptr};
    if (segmenter == "whitespace") return {Segmenter::WhiteSpace, {}, nullptr};
    if (segmenter != "given" || !given) {
        throw std::invalid_argument("unknown word segmenter '" + segmenter + "'");
    }
    const auto& [first, begin, end, known] = *given;
    if (first.size() != rows + 1 || known.size() != rows || begin.size() != end.size()) {
        throw std::invalid_argument("given words do not fit the text");
    }
    int64_t previous = 0;
    for (py::ssize_t row = 0; row <= rows; ++row) {
        if (first.at(row) < previous || first.at(row) > begin.size()) {
            throw std::invalid_argument("given words do not fit the text");
        }
        previous = first.at(row);
    }
    return {Segmenter::Given, {first.data(), begin.data(), end.data(), known.data()}, nullptr};
}

const Family& family_of(const std::string& name) {
    for (const Family* family : families()) {
        if (family->name == name) return *family;
    }
    throw std::invalid_argument("unknown family of signals '" + name + "'");
}

py::tuple call_measure(const py::buffer& offsets, const py::buffer& data, int64_t first,
                       int64_t rows, const std::string& segmenter,
                       const std::optional<GivenArrays>& given,
                       const std::shared_ptr<Dictionary>& dictionary,
                       const std::vector<std::pair<std::string, Options>>& wanted) {
    const HeldText text(offsets, data, first, rows);
    const WordSource words = word_source(segmenter, given, dictionary.get(), rows);
    py::array_t<uint8_t> known(rows);
    py::list results;
    std::vector<Request> requests;
    for (const auto& [name, options] : wanted) {
        const Family& family = family_of(name);
        Columns columns;
        py::list arrays;
        for (const Signal& signal : family.signals) {
            Column column{};
            if (signal.kind == Signal::Kind::Count) {
                py::array_t<int64_t> values(rows);
                column.counts = values.mutable_data();
                arrays.append(values);
            } else {
                py::array_t<double> values(rows);
                column.fractions = values.mutable_data();
                arrays.append(values);
            }
            columns.push_back(column);
        }
        results.append(arrays);
        requests.push_back({&family, options, columns});
    }
    uint8_t* known_bytes = known.mutable_data();
    {
        py::gil_scoped_release release;
        measure(text.view(), words, requests, known_bytes);
    }
    return py::make_tuple(known, results);
}

// (family, [(signal, "int64" or "double", of words)]) in the order of the table.
py::list call_families() {
    py::list all;
    for (const Family* family : families()) {
        py::list signals;
        for (const Signal& signal : family->signals) {
            const char* kind = signal.kind == Signal::Kind::Count ? "int64" : "double";
            signals.append(py::make_tuple(signal.name, kind, signal.of_words));
        }
        all.append(py::make_tuple(family->name, signals));
    }
    return all;
}

py::array_t<int64_t> as_array(const std::vector<int64_t>& values) {
    return py::array_t<int64_t>(static_cast<py::ssize_t>(values.size()), values.data());
}

// Words as byte ranges in their documents; `first[row]` is the number of words before the row.
py::tuple call_word_spans(const py::buffer& offsets, const py::buffer& data, int64_t first,
                          int64_t rows, const std::string& segmenter,
                          const std::shared_ptr<Dictionary>& dictionary) {
    const HeldText text(offsets, data, first, rows);
    const WordSource words = word_source(segmenter, std::nullopt, dictionary.get(), rows);
    std::vector<int64_t> counts{0}, begin, end;
    {
        py::gil_scoped_release release;
        Document document(words);
        for_each_row(text.view(), [&](int64_t row, Bytes bytes) {
            document.open(row, bytes);
            for (const Word& word : document.words()) {
                begin.push_back(word.begin);
                end.push_back(word.end);
            }
            counts.push_back(static_cast<int64_t>(begin.size()));
        });
    }
    return py::make_tuple(as_array(counts), as_array(begin), as_array(end));
}

}  // namespace

void bind_measure(py::module_& module) {
    module.def("measure", &call_measure);
    module.def("families", &call_families);
    module.def("word_spans", &call_word_spans);
    module.def("instruction_set", &instruction_set);
}

}  // namespace curate
