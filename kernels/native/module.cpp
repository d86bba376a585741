// The extension module: a list of the kernels in it.
#include <pybind11/pybind11.h>

#include "bindings.hpp"

PYBIND11_MODULE(_native, module) {
    module.doc() =
        "Text kernels over Arrow large_string buffers. Use the typed wrappers in curate.kernels.";
    curate::bind_bpe_train(module);
    curate::bind_c4_lines(module);
    curate::bind_cluster_chooser(module);
    curate::bind_dclm_lines(module);
    curate::bind_dictionary(module);
    curate::bind_hashed_features(module);
    curate::bind_hashes(module);
    curate::bind_html(module);
    curate::bind_markup(module);
    curate::bind_measure(module);
    curate::bind_minhash(module);
    curate::bind_normalize(module);
    curate::bind_page_facts(module);
    curate::bind_phrases(module);
    curate::bind_pretokens(module);
    curate::bind_repair(module);
    curate::bind_row_order(module);
    curate::bind_sentences(module);
    curate::bind_strip_lines(module);
    curate::bind_substrings(module);
    curate::bind_text_set(module);
    curate::bind_text_units(module);
    curate::bind_unigram_train(module);
    curate::bind_token_rows(module);
    curate::bind_whitespace(module);
}
