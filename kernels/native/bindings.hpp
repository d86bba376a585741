// What each kernel offers to Python: `bind_<kernel>` is defined in `<kernel>_binding.cpp`, which does not include
// this file, so that a new kernel compiles alone. Buffers come in by the buffer protocol, results go out as NumPy
// arrays; no binding looks at a text.
#pragma once

#include <pybind11/pybind11.h>

namespace curate {

void bind_bpe_train(pybind11::module_& module);
void bind_c4_lines(pybind11::module_& module);
void bind_cluster_chooser(pybind11::module_& module);
void bind_dclm_lines(pybind11::module_& module);
void bind_dictionary(pybind11::module_& module);
void bind_hashed_features(pybind11::module_& module);
void bind_hashes(pybind11::module_& module);
void bind_html(pybind11::module_& module);
void bind_markup(pybind11::module_& module);
void bind_measure(pybind11::module_& module);
void bind_minhash(pybind11::module_& module);
void bind_normalize(pybind11::module_& module);
void bind_page_facts(pybind11::module_& module);
void bind_pretokens(pybind11::module_& module);
void bind_repair(pybind11::module_& module);
void bind_row_order(pybind11::module_& module);
void bind_sentences(pybind11::module_& module);
void bind_strip_lines(pybind11::module_& module);
void bind_substrings(pybind11::module_& module);
void bind_unigram_train(pybind11::module_& module);
void bind_token_rows(pybind11::module_& module);
void bind_whitespace(pybind11::module_& module);
void bind_phrases(pybind11::module_& module);
void bind_text_set(pybind11::module_& module);
void bind_text_units(pybind11::module_& module);

}  // namespace curate
