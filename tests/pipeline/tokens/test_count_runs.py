"""Counting pre-tokens in a run: the same sums for any parts, order, tree, batch and table size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import tiny

from curate.errors import StageError
from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.job import JobContext
from curate.pipeline.spec.model import PipelineSpec
from curate.pipeline.tokens.count_jobs import CountJob, MergeCountsJob
from curate.storage.store import Store
from curate.tokenizer.config import PackConfig, TokenizerConfig
from curate.tokenizer.encoding.split import Splitting
from curate.tokenizer.training.counts import count_texts

CONFIG = TokenizerConfig(vocab_size=300)


def counting_spec(corpus: Path, output: Path, **engine: int) -> PipelineSpec:
    spec = tiny.small_spec(corpus, output, **engine)
    return replace(spec, stages=(), tokenizer=CONFIG, pack=None)


def texts(output: Path, source: str) -> pa.Array:
    parts = sorted((output / "documents" / source).glob("*.parquet"))
    table = pa.concat_tables([pq.read_table(path, columns=["text"]) for path in parts])
    return table.column("text").cast(pa.large_string()).combine_chunks()


def counts(output: Path) -> list[pa.Table]:
    """The counted sources, in order of their files' content."""
    found = [pq.read_table(path) for path in output.glob("steps/tokenizer.merge-*/*.counts.*")]
    return sorted(found, key=lambda table: table.num_rows)


@pytest.fixture(scope="module")
def reference(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("counted") / "out"
    tiny.run(counting_spec(small_corpus, output, part_bytes=2**20))
    return output


def test_every_source_has_one_file_of_exact_counts(reference: Path) -> None:
    expected = [count_texts([texts(reference, source)], CONFIG) for source in tiny.SOURCES]
    expected.sort(key=lambda each: len(each.pretokens))
    for table, each in zip(counts(reference), expected, strict=True):
        assert table.column("pretoken").combine_chunks().equals(each.pretokens)
        assert table.column("count").to_pylist() == each.counts.tolist()
    assert not list(reference.glob("steps/tokenizer.count-*/*.counts.*")), "intermediate files"


def test_same_counts_and_tokenizer_for_any_parts_order_and_tree(
    small_corpus: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curate.pipeline.tokens.count_steps.MERGE_FAN_IN", 2)
    spec = counting_spec(small_corpus, tmp_path / "out", part_bytes=4_000, batch_bytes=1_024)
    result = tiny.run(spec, SimulatedExecutor(seed=1, twice=0.2, lost=0.2))
    assert result.executed["tokenizer.count"] >= 16
    assert result.executed["tokenizer.merge"] >= 12, "more than one level"
    assert len(counts(tmp_path / "out")) == len(tiny.SOURCES), "lower levels are collected"
    for found, expected in zip(counts(tmp_path / "out"), counts(reference), strict=True):
        assert found.equals(expected)
    name = "tokenizer/tokenizer.json"
    assert (tmp_path / "out" / name).read_bytes() == (reference / name).read_bytes()


def test_a_full_table_is_written_as_a_run_and_merging_gives_the_same(
    reference: Path, small_corpus: Path
) -> None:
    store = Store(str(reference))
    context = JobContext(store, counting_spec(small_corpus, reference, batch_bytes=2_000).engine, 7)
    path = "documents/web/part-00000.parquet"
    document = store.publish("steps/copy/copy.parquet", (reference / path).read_bytes())
    document = replace(document, rows=pq.read_metadata(reference / path).num_rows)
    job = CountJob("spilled", "0" * 32, document, "web", CONFIG, Splitting(), table_bytes=1)
    made = job.run(context)
    assert len(made.files) > 3
    merged = MergeCountsJob("merged", "0" * 32, tuple(file.ref for file in made.files))
    (file,) = merged.run(context).files
    expected = count_texts([texts(reference, "web")], CONFIG)
    found = pq.read_table(reference / file.ref.path)
    assert found.column("pretoken").combine_chunks().equals(expected.pretokens)
    assert found.column("count").to_pylist() == expected.counts.tolist()
    assert made.counts["counted|web|documents"] == expected.documents
    assert made.counts["counted|web|text_bytes"] == expected.text_bytes


def test_another_vocabulary_counts_nothing_and_another_pattern_does(
    small_corpus: Path, tmp_path: Path
) -> None:
    spec = counting_spec(small_corpus, tmp_path / "out")
    tiny.run(spec)
    smaller = replace(spec, tokenizer=TokenizerConfig(vocab_size=280))
    assert set(tiny.run(smaller).executed) == {"tokenizer"}
    other = replace(spec, tokenizer=TokenizerConfig(vocab_size=280, pattern="gpt2"))
    assert {"tokenizer.count", "tokenizer.merge", "tokenizer"} == set(tiny.run(other).executed)


def test_only_the_train_split_is_counted(small_corpus: Path, tmp_path: Path) -> None:
    spec = counting_spec(small_corpus, tmp_path / "out")
    tiny.run(replace(spec, pack=PackConfig(validation_fraction=0.5)))
    whole = sum(pc.sum(table.column("count")).as_py() for table in counts(tmp_path / "out"))
    tiny.run(counting_spec(small_corpus, tmp_path / "all"))
    every = sum(pc.sum(table.column("count")).as_py() for table in counts(tmp_path / "all"))
    assert 0.3 * every < whole < 0.7 * every


def test_an_empty_train_split_is_a_clear_error(small_corpus: Path, tmp_path: Path) -> None:
    spec = counting_spec(small_corpus, tmp_path / "out")
    web = replace(spec, sources={"web": spec.sources["web"]})
    with pytest.raises(StageError, match="no text to train on"):
        tiny.run(replace(web, pack=PackConfig(validation_fraction=0.999999)))
    assert not (tmp_path / "out" / "tokenizer").exists()
