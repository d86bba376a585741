"""Assemble the corpus of the benchmarks: more than 1 GB of distinct real HTML and text.

`python benchmarks/corpus/build.py SHARED_DATA OUTPUT` fetches the documentation packages of
`packages.txt` with apt (no installation), adds the text sets of the shared data folder, drops exact
duplicates by SHA-256 and writes

    html/<language>/<origin>.warc.gz     pages as they are
    texts/<origin>.parquet               plain sets: id, text, language, kind
    extract.yaml, extracted/             text of the pages, by a run of curate with exact_dedup
    manifest.json                        by origin and language: version, licences, documents, bytes

Order: origins as listed, paths as bytes; the same packages give the same files. `packages/` and
`tree/` may be deleted afterwards.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import debian
import shared_sets
from documents import Item
from writers import Archives, TextFile

HERE = Path(__file__).resolve().parent
PIPELINE = """\
name: corpus
output: {output}
removed: {{text: none}}
sources:
{sources}stages: [exact_dedup]
"""
SOURCE = "  {name}: {{format: warc, paths: ['{folder}/*.warc.gz'], extractor: resiliparse}}\n"


class Corpus:
    """Writes documents that are not in it yet, and counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: set[bytes] = set()
        self.origins: dict[str, Counter[str]] = {}
        self.languages: dict[str, Counter[str]] = {}

    def add(self, origin: str, items: Iterable[Item]) -> None:
        """All documents of one origin."""
        counts = self.origins.setdefault(origin, Counter())
        texts = TextFile(self.folder / "texts" / f"{origin}.parquet")
        archives = Archives(self.folder / "html", f"{origin}.warc.gz")
        for item in items:
            size, digest = len(item.content()), item.digest()
            if digest in self.seen:
                counts.update({"duplicates": 1, "duplicate_bytes": size})
                continue
            self.seen.add(digest)
            form = "text" if item.html is None else "html"
            added = {f"{form}_documents": 1, f"{form}_bytes": size}
            counts.update(added)
            self.languages.setdefault(item.language, Counter()).update(added)
            (texts if item.html is None else archives).write(item)
        texts.close()
        archives.close()


def extract(folder: Path) -> Counter[str]:
    """Take the text out of the pages with curate, one source per language. Returns its totals."""
    names = sorted(path.name for path in (folder / "html").iterdir())
    sources = "".join(SOURCE.format(name=n, folder=folder / "html" / n) for n in names)
    pipeline = folder / "extract.yaml"
    pipeline.write_text(PIPELINE.format(output=folder / "extracted", sources=sources))
    command = [sys.executable, "-m", "curate", "run", str(pipeline)]
    subprocess.run([*command, "--executor", "inline", "--no-report"], check=True)
    record = json.loads((folder / "extracted" / "run.json").read_text())
    return Counter(record["totals"])


def main() -> None:
    """Build everything; what `packages/` and `tree/` hold already is not fetched again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("shared_data", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    folder: Path = arguments.output.resolve()
    listed = (HERE / "packages.txt").read_text().splitlines()
    packages = [line for line in listed if line and not line.startswith("#")]
    corpus, facts = Corpus(folder), {}
    for origin, items in groupby(shared_sets.items(arguments.shared_data), lambda i: i.origin):
        corpus.add(origin, items)
        facts[origin] = {"licences": [shared_sets.LICENCES[origin]]}
    for name, file in debian.fetch(packages, folder / "packages").items():
        tree = debian.unpack(file, folder / "tree" / name)
        corpus.add(name, debian.items(name, tree))
        facts[name] = {**debian.describe(file), "licences": debian.licences(name, tree)}
        print(name, dict(corpus.origins[name]), flush=True)
    extracted = extract(folder)
    manifest = {
        "origins": {name: {**facts[name], **corpus.origins[name]} for name in facts},
        "languages": dict(sorted(corpus.languages.items())),
        "extracted": extracted,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
