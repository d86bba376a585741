"""A committed digest of a whole run: in the environment that the file names, the bytes are these.

Only stages of `exact` determinism take part. After a change that is meant to alter results, print
the new content with `python tests/pipeline/test_golden_digest.py` (PYTHONPATH: the repository,
tests/pipeline and tests/plugins) and say why in the commit.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
import tiny

from curate.stages.dedup.exact import ExactDedup
from curate.stages.quality.gopher import GopherQuality

GOLDEN = Path(__file__).with_name("golden_digest.json")
DISTRIBUTIONS = ("gigatoken", "numpy", "orjson", "pyarrow", "tokenizers")


def environment() -> dict[str, str]:
    """What the bytes may depend on."""
    versions = {name: metadata.version(name) for name in DISTRIBUTIONS}
    return {"python": f"3.{sys.version_info.minor}", "machine": platform.machine(), **versions}


def digest_of_a_run(folder: Path) -> str:
    corpus = tiny.write_corpus(folder / "corpus", 120)
    spec = tiny.spec(corpus, folder / "out", 120)
    sources = {name: spec.sources[name] for name in ("web", "books")}
    stages = (
        ("gopher_quality", GopherQuality(min_words=40), {}),
        ("exact_dedup", ExactDedup(prefer=("books",)), {}),
        ("same_but_case", ExactDedup(by="normalized_text"), {}),
    )
    tiny.run(replace(spec, sources=sources, stages=tiny.entries(stages, tuple(sources))))
    return tiny.digest(folder / "out")


def test_the_bytes_are_those_of_the_committed_digest(tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text())
    if golden["environment"] != environment():
        pytest.skip(f"the digest is for {golden['environment']}, this is {environment()}")
    assert digest_of_a_run(tmp_path) == golden["digest"]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        content = {"environment": environment(), "digest": digest_of_a_run(Path(name))}
        print(json.dumps(content, indent=2))
