// FineWeb's own signals, as datatrove's FineWebQualityFilter reads them: lines end with LF (or
// CR LF, which there leaves a CR in the line), blank lines are no lines. Options: the longest short
// line in characters, then the code points that end a sentence (none: datatrove's 159).
#include <algorithm>
#include <stdexcept>

#include "measure.hpp"
#include "symbols.hpp"
#include "unicode.hpp"

namespace curate {
namespace {

uint32_t last_code_point(Bytes line) {
    size_t start = line.size - 1;
    while (start > 0 && (line.data[start] & 0xc0) == 0x80) --start;
    return decode(line, start).value;
}

double ratio(int64_t part, int64_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole > 0 ? whole : 1);
}

}  // namespace

const Family fineweb_family{
    "fineweb",
    {{"sentence_end_fraction", Signal::Kind::Fraction, false},
     {"short_line_fraction", Signal::Kind::Fraction, false},
     {"duplicate_line_characters", Signal::Kind::Fraction, false},
     {"newlines_per_word", Signal::Kind::Fraction, true}},
    [](const Options& options, Columns columns) {
        if (options.empty()) throw std::invalid_argument("fineweb needs the length of short lines");
        const int64_t short_line = options[0];
        Options stops(options.begin() + 1, options.end());
        std::sort(stops.begin(), stops.end());
        const auto is_stop = [stops](uint32_t point) {
            return stops.empty() ? ends_sentence(point)
                                 : std::binary_search(stops.begin(), stops.end(), int64_t{point});
        };
        return [columns, short_line, is_stop](Document& document, int64_t row) {
            int64_t lines = 0, ended = 0, shorts = 0, characters = 0, repeated = 0;
            for (const Line& line : document.lines()) {
                characters += line.characters;
                if (line.is_blank) continue;
                lines += 1;
                ended += is_stop(last_code_point(document.bytes(line)));
                shorts += line.characters <= short_line;
                repeated += line.is_repeated ? line.characters : 0;
            }
            const int64_t newlines = static_cast<int64_t>(document.lines().size()) - 1;
            const int64_t words = static_cast<int64_t>(document.words().count);
            columns[0].fractions[row] = ratio(ended, lines);
            columns[1].fractions[row] = ratio(shorts, lines);
            columns[2].fractions[row] = ratio(repeated, characters);
            columns[3].fractions[row] = ratio(newlines, words);
        };
    },
};

}  // namespace curate
