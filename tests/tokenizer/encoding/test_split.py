"""Which split a document is drawn into: shares, sources of their own, clusters that stay whole."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.tokenizer.config import PackConfig
from curate.tokenizer.encoding.split import Splitting, split_of

IDS = [f"web/{number}" for number in range(20_000)]


def batch(ids: list[str], clusters: list[int | None] | None = None) -> pa.RecordBatch:
    columns = {"id": pa.array(ids)}
    if clusters is not None:
        columns["dedup.cluster"] = pa.array(clusters, pa.int64())
    return pa.RecordBatch.from_pydict(columns)


def test_a_test_split_moves_nothing_between_train_and_validation() -> None:
    without = split_of(pa.array(IDS), 17, 0.1).to_pylist()
    with_test = split_of(pa.array(IDS), 17, 0.1, 0.05).to_pylist()
    assert with_test.count("test") == pytest.approx(1000, abs=120)
    for before, after in zip(without, with_test, strict=True):
        assert after == before or (before, after) == ("train", "test")


def test_there_is_a_test_split_only_where_somebody_asks_for_one() -> None:
    assert Splitting.of(None, None).splits == ("train", "validation")
    assert Splitting.of(PackConfig(), None).splits == ("train", "validation")
    assert Splitting.of(PackConfig(test_fraction=0.01), None).splits[-1] == "test"
    own = PackConfig(split_by_source={"books": {"test_fraction": 0.01}})
    assert Splitting.of(own, None).splits[-1] == "test"


def test_a_source_may_have_its_own_shares() -> None:
    config = PackConfig(
        validation_fraction=0.01, split_by_source={"books": {"validation_fraction": 0.3}}
    )
    splitting = Splitting.of(config, None)
    web = splitting.split(batch(IDS), "web", 17).to_pylist()
    books = splitting.split(batch(IDS), "books", 17).to_pylist()
    assert web == split_of(pa.array(IDS), 17, 0.01).to_pylist()
    assert books == split_of(pa.array(IDS), 17, 0.3).to_pylist()


def test_a_cluster_is_never_divided_even_between_sources_with_different_shares() -> None:
    config = PackConfig(
        validation_fraction=0.2,
        test_fraction=0.1,
        split_by_source={"books": {"validation_fraction": 0.6}},
    )
    splitting = Splitting.of(config, "dedup.cluster")
    clusters = [number % 100 if number % 2 else None for number in range(2000)]
    found: dict[int, set[str]] = {}
    for source in ("web", "books"):
        ids = [f"{source}/{number}" for number in range(2000)]
        splits = splitting.split(batch(ids, clusters), source, 17).to_pylist()
        for cluster, split in zip(clusters, splits, strict=True):
            if cluster is not None:
                found.setdefault(cluster, set()).add(split)
        alone = [split for cluster, split in zip(clusters, splits, strict=True) if cluster is None]
        wanted = 0.2 if source == "web" else 0.6
        assert alone.count("validation") == pytest.approx(1000 * wanted, abs=60)
    assert len(found) == 50
    assert all(len(splits) == 1 for splits in found.values())
    assert {split for splits in found.values() for split in splits} == set(splitting.splits)


@pytest.mark.parametrize(
    "fields",
    [
        {"validation_fraction": 0.5, "test_fraction": 0.5},
        {"test_fraction": 0.4, "split_by_source": {"web": {"validation_fraction": 0.7}}},
    ],
)
def test_nothing_to_train_on_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="leaves something to train on"):
        PackConfig(**fields)
