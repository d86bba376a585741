#include "measure.hpp"

#include "rows.hpp"

namespace curate {

const std::vector<const Family*>& families() {
    static const std::vector<const Family*> all = {&words_family, &lines_family,
                                                   &repetition_family, &fineweb_family,
                                                   &ngrams_family, &characters_family,
                                                   &length_family, &code_family};
    return all;
}

void measure(const TextView& text, const WordSource& words, const std::vector<Request>& requests,
             uint8_t* known) {
    std::vector<std::function<void(Document&, int64_t)>> works;
    bool of_words = false;
    for (const Request& request : requests) {
        works.push_back(request.family->start(request.options, request.columns));
        for (const Signal& signal : request.family->signals) of_words |= signal.of_words;
    }
    Document document(words);
    for_each_row(text, [&](int64_t row, Bytes bytes) {
        document.open(row, bytes);
        known[row] = of_words ? document.words().known : 1;
        for (const auto& work : works) work(document, row);
    });
}

}  // namespace curate
