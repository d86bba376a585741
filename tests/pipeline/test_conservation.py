"""Promise 2: every record is in exactly one of documents/, removed/ and quarantine/, and every
count says so.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import tiny
from curate_test_stages import CrowdedOpenings, Fragile, HideDigits
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.spec.model import EngineConfig, PipelineSpec, StageEntry
from curate.stages.base import Stage
from curate.stages.dedup.exact import ExactDedup
from curate.stages.quality.gopher import GopherQuality
from curate.stages.sources.jsonl import Jsonl

HOSTILE = st.sampled_from(
    [
        "",
        " ",
        "\u0000",
        "please raise",
        "<script>alert(1)</script>",
        "\u202eevil",
        "e\u0301\u0323" * 50,
        "\U0010ffff\ufdd0",
        "the " * 400,
        "a\r\nb\u2028c\u0085d",
        "12 34 ٣٤ ۵",
        "\ufeffBOM",
    ]
)
TEXTS = st.one_of(
    HOSTILE,
    st.text(max_size=60),
    st.integers(0, 4).map(lambda n: f"The same text number {n} of and to."),
)
LINES = st.one_of(
    TEXTS.map(lambda text: json.dumps({"text": text}).encode()),
    TEXTS.map(lambda text: json.dumps({"text": text}, ensure_ascii=False).encode()),
    st.sampled_from(
        [
            b"",
            b"{}",
            b"[1]",
            b"null",
            b'{"text": null}',
            b'{"text": "\\ud800"}',
            b'{"text": "\xff"}',
            b"\x00",
        ]
    ),
    st.binary(max_size=20).filter(lambda line: b"\n" not in line and b"\r" not in line),
)
CORPORA = st.dictionaries(
    st.sampled_from(["web", "böcks", "x"]),
    st.lists(st.lists(LINES, max_size=25), min_size=1, max_size=3),
    min_size=1,
)
CHAIN: tuple[tuple[str, Stage, dict[str, Any]], ...] = (
    ("fragile", Fragile(), {}),
    ("gopher_quality", GopherQuality(min_words=2, min_stop_words=0, min_mean_word_length=1), {}),
    ("exact_dedup", ExactDedup(), {}),
    ("hide_digits", HideDigits(max_digits=5), {}),
    ("crowded_openings", CrowdedOpenings(max_crowd=2), {}),
    ("again", ExactDedup(by="normalized_text"), {}),
)


def pipeline(
    folder: Path, corpus: dict[str, list[list[bytes]]], stages: tuple[StageEntry, ...]
) -> PipelineSpec:
    for source, files in corpus.items():
        for number, lines in enumerate(files):
            (folder / f"{source}-{number}.jsonl").write_bytes(b"\n".join(lines))
    return tiny.plain_spec(
        folder,
        folder / "out",
        {source: Jsonl(paths=(f"{folder}/{source}-*.jsonl",)) for source in corpus},
        stages,
        EngineConfig(
            shard_input_bytes=1024,
            exchange_partition_bytes=1024,
            exchange_fan_in=2,
            batch_bytes=1024,
            row_group_bytes=1024,
        ),
        seed=3,
        max_bad_fraction=1.0,
    )


def check(folder: Path, corpus: dict[str, list[list[bytes]]], record: dict[str, Any]) -> None:
    """The books of one finished run."""
    output = folder / "out"
    rows = {name: tiny.rows(output, name) for name in ("documents", "removed", "quarantine")}
    ids = Counter(row["id"] for found in rows.values() for row in found)
    assert not [identity for identity, times in ids.items() if times != 1]

    blank = sum(record["skipped"][source].get("blank_line", 0) for source in corpus)
    total = record["totals"]
    assert total["read"] == total["kept"] + total["removed"] + total["quarantined"] == len(ids)
    assert {name: len(found) for name, found in rows.items()} == {
        "documents": total["kept"],
        "removed": total["removed"],
        "quarantine": total["quarantined"],
    }
    lines = sum(
        data.count(b"\n") + (not data.endswith(b"\n")) for data in all_bytes(corpus) if data
    )
    empty = sum(1 for data in all_bytes(corpus) if not data)
    assert total["read"] + blank == lines + empty, (
        "every line is a record or a blank line; an empty file is one bad record"
    )

    for stage in record["stages"]:
        for account in (stage, *stage["by_source"].values()):
            assert (
                account["read"] == account["kept"] + account["removed"] + account["quarantined"]
            ), stage["name"]
            assert sum(account["rules"].values()) == account["removed"]
        ended = Counter(
            (row["fate"], row["source"])
            for name in ("removed", "quarantine")
            for row in rows[name]
            if row["stage"] == stage["name"]
        )
        for source, account in stage["by_source"].items():
            assert ended["removed", source] == account["removed"]
            assert ended["quarantined", source] == account["quarantined"]

    kept = {row["id"]: row["source"] for row in rows["documents"]}
    everything = {row["id"]: row["source"] for found in rows.values() for row in found}
    for row in rows["removed"]:
        if row["stage"] in ("exact_dedup", "again"):
            assert everything[row["duplicate_of"]] == row["duplicate_source"]
            assert row["similarity"] == 1.0
        else:
            assert row["duplicate_of"] is None
        if row["stage"] == "again":
            assert row["duplicate_of"] in kept, "nothing comes after the last stage"
    for name in ("removed", "quarantine"):
        addresses = [row["address"] for row in rows[name]]
        assert addresses == sorted(set(addresses)), "document order"


def all_bytes(corpus: dict[str, list[list[bytes]]]) -> list[bytes]:
    return [b"\n".join(lines) for files in corpus.values() for lines in files]


@settings(max_examples=20)
@given(corpus=CORPORA, seed=st.integers(0, 99))
def test_every_record_ends_in_exactly_one_place(
    corpus: dict[str, list[list[bytes]]], seed: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = pipeline(folder, corpus, tiny.entries(CHAIN, tuple(corpus)))
        record: Any = tiny.run(spec, SimulatedExecutor(seed=seed)).record
        check(folder, corpus, record)


def test_a_pipeline_without_stages_keeps_everything_it_can_read(tmp_path: Path) -> None:
    corpus = {"web": [[b'{"text": "one"}', b"", b"broken", b'{"text": "two"}']]}
    record: Any = tiny.run(pipeline(tmp_path, corpus, ())).record
    assert record["totals"]["kept"] == 2
    assert record["totals"]["quarantined"] == 1
    check(tmp_path, corpus, record)


def test_duplicates_name_the_kept_copy_and_its_source(
    small_corpus: Path, small_reference: Path
) -> None:
    documents = {
        row["id"]: row["text"] for row in tiny.rows(small_reference, "documents", ["id", "text"])
    }
    removed = {row["id"]: row for row in tiny.rows(small_reference, "removed")}
    copies = [row for row in removed.values() if row["stage"] == "exact_dedup"]
    assert copies
    for row in copies:
        keeper = row["duplicate_of"]
        text = documents[keeper] if keeper in documents else removed[keeper]["text"]
        assert keeper.startswith(f"{row['duplicate_source']}/")
        if row["duplicate_source"] == "table":  # later stages edit the texts of the others
            assert text == row["text"]
    shared = [
        row for row in copies if row["source"] != "wiki" and row["duplicate_source"] == "wiki"
    ]
    assert shared, "`prefer: [wiki]` keeps wiki's copy of a text that other sources have too"
    assert not [
        row for row in copies if row["source"] == "wiki" and row["duplicate_source"] != "wiki"
    ]


def test_documents_keep_what_stages_filled_in_before_an_exchange(small_reference: Path) -> None:
    rows = tiny.rows(
        small_reference,
        "documents",
        ["language", "language_score", "language.label", "language.score"],
    )
    assert rows
    for row in rows:
        assert row["language"] == row["language.label"] == "en"
        assert row["language_score"] == row["language.score"]


def test_an_editor_judges_what_it_edited(tmp_path: Path) -> None:
    """Its rules see its own counts; a removed document is told with value and bound."""
    texts = ("a 1 b", "12 345 6789", "no digit")
    corpus = {"web": [[json.dumps({"text": text}).encode() for text in texts]]}
    chain = (("hidden", HideDigits(max_digits=5), {}),)
    spec = pipeline(tmp_path, corpus, tiny.entries(chain, ("web",)))
    record: Any = tiny.run(spec, SimulatedExecutor(seed=1)).record
    check(tmp_path, corpus, record)
    kept = tiny.rows(tmp_path / "out", "documents")
    assert [row["text"] for row in kept] == ["a 0 b", "no digit"]
    (removed,) = tiny.rows(tmp_path / "out", "removed")
    assert removed["signal"] == "hidden.digits"
    told = (removed["stage"], removed["rule"], removed["value"], removed["high"])
    assert told == ("hidden", "digits", 9.0, 5.0)
