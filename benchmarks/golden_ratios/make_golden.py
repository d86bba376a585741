"""Figures of NeMo Curator's and data-juicer's own code on real documents.

`python benchmarks/golden_ratios/make_golden.py NEMO_CHECKOUT DATA_JUICER_CHECKOUT DATA OUTPUT` in
an environment with `regex`, `loguru` and `emoji==2.16.0`. NeMo runs from its source files
(`filters/heuristic/string.py` with its constants); of data-juicer its special characters, and
the one-line formulas of its four filters, whose package would install half of PyPI. Checkouts used:
NeMo Curator and data-juicer of November 2026.
"""

from __future__ import annotations

import csv
import gzip
import importlib.util
import json
import sys
import types
from itertools import islice
from pathlib import Path
from typing import Any

FILES = ("c4/c4-a", "wikipedia/en-0", "wikipedia/ko-0")
DOCUMENTS = 150


def module(path: Path, name: str) -> Any:
    """A module from a file, under the name by which others import it."""
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None and specification.loader is not None
    loaded = importlib.util.module_from_spec(specification)
    sys.modules[name] = loaded
    specification.loader.exec_module(loaded)
    return loaded


def nemo(root: Path) -> Any:
    """`string.py` with the three files that it imports; its package wants a GPU."""
    text = root / "nemo_curator" / "stages" / "text"
    prefix = "nemo_curator.stages.text"
    for name in ("nemo_curator", "nemo_curator.stages", prefix, f"{prefix}.filters"):
        sys.modules[name] = types.ModuleType(name)
    base = types.ModuleType(f"{prefix}.filters.doc_filter")
    base.DocumentFilter = object  # type: ignore[attr-defined]
    sys.modules[base.__name__] = base
    sys.modules[f"{prefix}.utils"] = types.ModuleType(f"{prefix}.utils")
    module(text / "utils" / "constants.py", f"{prefix}.utils.constants")
    module(text / "utils" / "text_utils.py", f"{prefix}.utils.text_utils")
    return module(text / "filters" / "heuristic" / "string.py", f"{prefix}.filters.string")


def figures(text: str, peer: Any, special: set[str]) -> dict[str, float]:
    """The signals under our names."""
    lines = text.splitlines()
    punctuation = object.__new__(peer.PunctuationFilter)
    punctuation._sentences = None
    scores = {
        "not_english_fraction": peer.NonAlphaNumericFilter,
        "digit_fraction": peer.NumbersFilter,
        "url_fraction": peer.UrlsFilter,
        "white_space_fraction": peer.WhiteSpaceFilter,
        "bracket_fraction": peer.ParenthesesFilter,
        "longest_word": peer.LongWordFilter,
    }
    measured = {}
    for name, kind in scores.items():
        measured[name] = float(make(kind, peer).score_document(text))
    measured["open_line_fraction"] = punctuation.score_document(text)
    measured["alphanumeric_fraction"] = sum(map(str.isalnum, text)) / len(text)
    measured["special_fraction"] = sum(c in special for c in text) / len(text)
    measured["mean_line_length"] = len(text) / len(lines)
    measured["longest_line"] = float(max(map(len, lines)))
    return measured


def make(kind: Any, peer: Any) -> Any:
    """A filter without its base class, whose constructor takes no argument there."""
    made = object.__new__(kind)
    made._url_regex = peer.regex_url
    made._word_splitter = peer.get_word_splitter("en")
    return made


def main() -> None:
    """Write the table."""
    peer = nemo(Path(sys.argv[1]))
    common = Path(sys.argv[2]) / "data_juicer" / "ops" / "common"
    special = module(common / "special_characters.py", "special_characters").SPECIAL_CHARACTERS
    data, output = Path(sys.argv[3]), Path(sys.argv[4])
    rows: list[dict[str, Any]] = []
    for name in FILES:
        with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            for number, line in enumerate(islice(file, DOCUMENTS)):
                measured = figures(json.loads(line)["text"], peer, special)
                rows.append({"file": f"{name}.jsonl.gz", "document": number, **measured})
    with gzip.open(output, "wt", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
