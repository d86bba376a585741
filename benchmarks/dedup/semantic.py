"""`semantic_dedup` with the encoder `lsa`: recall on planted pairs beside MinHash, pairs of real
documents for people to review, speed.

Texts: English Wikipedia and C4 of the shared test data (`../shared/data`), 300 characters or more,
cut at 4,000. Planted: copies of drawn documents with their sentences in another order, or with 20
or 40 % of their words replaced by words drawn from the whole corpus (so frequent words come often),
or both. A copy is found when it is removed in favour of its original, or of a document in the
original's group.

    python benchmarks/dedup/semantic.py                # the tables (about two minutes of one core)
    python benchmarks/dedup/semantic.py --review 200   # pairs of real documents to judge, as CSV

`semantic_reviewed.csv` holds judgements of 200 pairs drawn at cosine 0.75 among 6,000 documents
(`--documents 6000 --set threshold=0.75 --review 200`), made by reading the title and the opening of
both: `same` says the same of the same thing, `series` is one template with other names and numbers,
`other` is another subject of one kind.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.kernels.draw import draw_many
from curate.pipeline.merge import sort_rows
from curate.stages.base import Emitted
from curate.stages.dedup.semantic import SemanticDedup

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[2] / "shared" / "data"
FILES = (
    "wikipedia/en-0.jsonl.gz",
    "wikipedia/en-1.jsonl.gz",
    "c4/c4-a.jsonl.gz",
    "c4/c4-b.jsonl.gz",
)
THRESHOLDS = (0.75, 0.8, 0.85, 0.9, 0.95)
KINDS = ("sentences reordered", "20 % of words", "40 % of words", "40 % and reordered")
PLANTED = 200
MINHASH = """\
name: minhash
output: out
sources: {{docs: {{format: jsonl, paths: [texts.jsonl]}}}}
stages: [minhash_dedup: {{{settings}}}]
"""
MINHASH_SETTINGS = ("threshold: 0.75", "threshold: 0.75, ngram: 1", "threshold: 0.4, ngram: 1")
REVIEWED = HERE / "semantic_reviewed.csv"


def texts(limit: int) -> tuple[list[str], list[str]]:
    """Ids and texts of a drawn part of the corpus, each text once."""
    found: dict[str, str] = {}
    for name in FILES:
        with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file):
                text = json.loads(line)["text"][:4000]
                if len(text) >= 300:
                    found.setdefault(text, f"{Path(name).name.split('.')[0]}#{number}")
    ids = list(found.values())
    order = np.argsort(draw_many(3, "sample", pa.array(ids)))[:limit]
    documents = list(found)
    return [ids[place] for place in order], [documents[place] for place in order]


def numbers(purpose: str, count: int) -> np.ndarray:
    """uint64[count], the same on every machine."""
    return draw_many(5, "sample", pa.array([f"{purpose} {n}" for n in range(count)]))


def planted(kind: int, name: str, text: str, vocabulary: Sequence[str]) -> str:
    """The copy of a text."""
    if kind in (0, 3):
        sentences = re.split(r"(?<=[.!?])\s+", text)
        order = np.argsort(numbers(f"{name} order", len(sentences)))
        text = " ".join(sentences[place] for place in order)
    if kind > 0:
        share = 0.2 if kind == 1 else 0.4
        words = re.findall(r"\S+|\s+", text)
        at, other = numbers(f"{name} at", len(words)), numbers(f"{name} word", len(words))
        for place, word in enumerate(words):
            if not word.isspace() and int(at[place]) < share * 2**64:
                words[place] = vocabulary[int(other[place]) % len(vocabulary)]
        text = "".join(words)
    return text


def verdicts(
    stage: SemanticDedup, documents: list[str], latent: bytes
) -> dict[int, dict[str, object]]:
    """row -> verdict: the phases of the stage, in memory."""
    fitted = stage.fitted({"lsa": latent})
    address = pa.array(range(len(documents)), pa.uint64())
    batch = pa.RecordBatch.from_arrays(
        [pa.array(documents, pa.large_string()), address], names=["text", "address"]
    )
    batches = [batch]
    for phase in fitted.phases():
        emitted = [phase.emit(each) for each in batches]  # type: ignore[misc]
        rows = [each.rows if isinstance(each, Emitted) else each for each in emitted]
        table = sort_rows(pa.Table.from_batches(rows, phase.schema()).combine_chunks(), phase.order)
        batches = list(phase.settle(iter(table.combine_chunks().to_batches())))
    rows = pa.Table.from_batches(batches, fitted.verdict_schema()).to_pylist()
    return {row["address"]: row for row in rows}


def group(found: dict[int, dict[str, object]], row: int) -> int:
    """The kept document of a row's group; the row itself where it has none."""
    verdict = found.get(row)
    if verdict is None or verdict["representative"] is None:
        return row
    kept = verdict["representative"]
    assert isinstance(kept, int)
    return kept


def learned(stage: SemanticDedup, documents: list[str]) -> tuple[bytes, float]:
    """The artefact, and CPU seconds of `finish`."""
    (fit,) = stage.fits()
    fit = fit.sized(len(documents))
    batch = pa.RecordBatch.from_arrays([pa.array(documents, pa.large_string())], names=["text"])
    state = fit.merge([fit.partial(batch)])
    start = time.process_time()
    return fit.finish(state), time.process_time() - start


def minhash_recall(
    documents: list[str], originals: list[int], first: int, settings: str
) -> np.ndarray:
    """bool[copies]: in one cluster with their original, in a run of `minhash_dedup`."""
    with tempfile.TemporaryDirectory() as folder:
        pipeline = Path(folder) / "pipeline.yaml"
        pipeline.write_text(MINHASH.format(settings=settings), encoding="utf-8")
        rows = (json.dumps({"text": text, "n": n}) + "\n" for n, text in enumerate(documents))
        (Path(folder) / "texts.jsonl").write_text("".join(rows), encoding="utf-8")
        command = [sys.executable, "-m", "curate", "run", str(pipeline), "--executor", "inline"]
        subprocess.run([*command, "--no-report"], check=True, stdout=subprocess.DEVNULL)
        found: dict[int, int | None] = {}
        for part in sorted(Path(folder).glob("out/*/**/*.parquet")):
            if part.relative_to(folder).parts[1] in ("documents", "removed"):
                names = ["meta", "minhash_dedup.cluster"]
                for row in pq.read_table(part, columns=names).to_pylist():
                    found[json.loads(row["meta"])["n"]] = row["minhash_dedup.cluster"]
    return np.array(
        [
            found[original] is not None and found[original] == found[first + place]
            for place, original in enumerate(originals)
        ]
    )


def main() -> None:
    """Print the tables, or pairs to review."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--review", type=int, help="print so many pairs of real documents")
    parser.add_argument("--documents", type=int, default=12_000)
    parser.add_argument(
        "--set", action="append", default=[], help="a field of the stage, name=value"
    )
    parser.add_argument("--no-minhash", action="store_true")
    arguments = parser.parse_args()
    changes = {
        name: json.loads(value) for name, value in (each.split("=") for each in arguments.set)
    }
    stage = SemanticDedup(**changes)
    ids, real = texts(arguments.documents)
    if arguments.review is not None:
        review(stage, ids, real, arguments.review)
        return
    vocabulary = [word for text in real[:2000] for word in text.split()]
    originals = np.argsort(numbers("originals", len(real)))[: len(KINDS) * PLANTED].tolist()
    copies = [
        planted(place % len(KINDS), ids[row], real[row], vocabulary)
        for place, row in enumerate(originals)
    ]
    documents = real + copies
    latent, seconds = learned(stage, documents)
    size = sum(len(text.encode()) for text in documents)
    print(f"{len(real):,} documents and {len(copies)} planted copies, {size / 1e6:.1f} MB")
    print(f"learned in {seconds:.1f} s of CPU, artefact {len(latent) / 1e6:.1f} MB\n")
    speed(stage, documents, latent, size)
    print("\n| recall | " + " | ".join(KINDS) + " | real documents removed |")
    print("|---|" + "---|" * (len(KINDS) + 1))
    for threshold in THRESHOLDS:
        found = verdicts(stage.model_copy(update={"threshold": threshold}), documents, latent)
        hits = np.array(
            [group(found, len(real) + p) == group(found, row) for p, row in enumerate(originals)]
        )
        removed = sum(
            found.get(row, {}).get("copy", 0) not in (0, None) for row in range(len(real))
        )
        print(f"| cosine {threshold} | {shares(hits)} | {removed / len(real):.2%} |", flush=True)
    if not arguments.no_minhash:
        for settings in MINHASH_SETTINGS:
            hits = minhash_recall(documents, originals, len(real), settings)
            print(f"| `minhash_dedup: {{{settings}}}` | {shares(hits)} | |", flush=True)
    print()
    precision()


def shares(hits: np.ndarray) -> str:
    """Share of copies found, by kind, as cells of a table."""
    return " | ".join(f"{hits[kind :: len(KINDS)].mean():.3f}" for kind in range(len(KINDS)))


def speed(stage: SemanticDedup, documents: list[str], latent: bytes, size: int) -> None:
    """CPU seconds of embedding and of everything after it."""
    column = pa.array(documents, pa.large_string())
    fitted = stage.fitted({"lsa": latent})
    assert fitted._latent is not None
    runs = []
    for _ in range(3):
        start = time.process_time()
        fitted._latent.embed(column)
        runs.append(time.process_time() - start)
    embed = float(np.median(runs))
    start = time.process_time()
    verdicts(stage, documents, latent)
    whole = time.process_time() - start
    print(f"embedding {size / 1e6 / embed:.0f} MB/s, emit and settle {size / 1e6 / whole:.0f} MB/s")


def review(stage: SemanticDedup, ids: list[str], real: list[str], count: int) -> None:
    """CSV of drawn pairs (removed, kept) among real documents, with the start of both texts."""
    latent, _ = learned(stage, real)
    found = verdicts(stage, real, latent)
    rows = [row for row, verdict in sorted(found.items()) if verdict["copy"]]
    order = np.argsort(draw_many(9, "sample", pa.array([ids[row] for row in rows])))[:count]
    out = csv.writer(sys.stdout)
    for place in order:
        row = rows[place]
        kept = group(found, row)
        cosine = f"{found[row]['similarity']:.4f}"
        out.writerow([ids[row], ids[kept], cosine, start_of(real[row]), start_of(real[kept])])


def start_of(text: str) -> str:
    """Enough to judge by, on one line."""
    return " ".join(text.split())[:160]


def precision() -> None:
    """Of the reviewed pairs, by cosine."""
    if not REVIEWED.exists():
        return
    with open(REVIEWED, encoding="utf-8", newline="") as file:
        pairs = [(float(row["cosine"]), row["judgement"]) for row in csv.DictReader(file)]
    print("| reviewed pairs | same | series | other |\n|---|---|---|---|")
    for threshold in THRESHOLDS:
        judged = [judgement for cosine, judgement in pairs if cosine >= threshold]
        counts = " | ".join(str(judged.count(name)) for name in ("same", "series", "other"))
        print(f"| cosine {threshold} | {counts} |")


if __name__ == "__main__":
    main()
