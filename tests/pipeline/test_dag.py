"""The DAG: a stable order, one path per source, and every fault of its shape."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.pipeline.dag import DagError, resolve
from curate.pipeline.spec.model import StageEntry
from curate.stages.dedup.exact import ExactDedup

SOURCES = ("web", "books", "code")


def entry(name: str, *needs: str, only: tuple[str, ...] | None = None) -> StageEntry:
    return StageEntry(name, ExactDedup(), needs, only)


def chains(entries: Sequence[StageEntry], sources: Sequence[str] = SOURCES) -> dict[str, str]:
    resolved = resolve(entries, sources).chains
    return {source: " ".join(each.name for each in chain) for source, chain in resolved.items()}


def faults(*entries: StageEntry, sources: Sequence[str] = SOURCES) -> list[tuple[object, ...]]:
    with pytest.raises(DagError) as caught:
        resolve(entries, sources)
    return [(each.index, each.key, each.item, each.message) for each in caught.value.problems]


def test_no_stages_means_documents_as_they_are() -> None:
    assert resolve((), SOURCES).chains == {"web": (), "books": (), "code": ()}


def test_only_lets_other_sources_pass_by() -> None:
    entries = (entry("a", *SOURCES), entry("b", "a", only=("web", "code")), entry("c", "b"))
    assert chains(entries) == {"web": "a b c", "books": "a c", "code": "a b c"}


def test_branches_that_start_at_sources_join() -> None:
    entries = (
        entry("prose", "web", "books"),
        entry("programs", "code"),
        entry("all", "programs", "prose"),
        entry("last", "all"),
    )
    assert chains(entries) == {
        "web": "prose all last",
        "books": "prose all last",
        "code": "programs all last",
    }


def test_a_source_may_enter_late() -> None:
    entries = (entry("a", "web"), entry("b", "a", "books"))
    assert chains(entries, ("web", "books")) == {"web": "a b", "books": "b"}


def test_order_is_that_of_the_file_where_needs_allow() -> None:
    entries = (
        entry("c", "b"),
        entry("x", "books", "code"),
        entry("b", "web"),
        entry("z", "c", "x"),
    )
    assert [each.name for each in resolve(entries, SOURCES).order] == ["x", "b", "c", "z"]


def test_unknown_names() -> None:
    assert faults(entry("a", "wob"), entry("b", "b"), entry("c", "a", "a", only=("boks",))) == [
        (0, "needs", 0, "'wob' is neither a stage nor a source; there are: web, books, code, b, c"),
        (1, "needs", 0, "stage 'b' needs itself"),
        (2, "needs", 1, "'a' is named twice"),
        (2, "only", 0, "source 'boks' is not defined; sources are: web, books, code"),
    ]


def test_names_that_are_taken() -> None:
    assert faults(entry("a", "web"), entry("a", "a"), entry("web", "a"))[:2] == [
        (1, "name", None, "a second stage is called 'a'"),
        (2, "name", None, "stage 'web' has the name of a source"),
    ]


def test_a_second_stage_of_one_name_is_one_fault() -> None:
    """A stage needs the one before it, so that of two equal neighbours one seems to need itself."""
    assert faults(entry("a", *SOURCES), entry("a", "a")) == [
        (1, "name", None, "a second stage is called 'a'")
    ]


def test_a_cycle_is_written_out() -> None:
    (fault,) = faults(entry("a", *SOURCES), entry("b", "a", "d"), entry("c", "b"), entry("d", "c"))
    assert fault[:3] == (1, "needs", 1)
    assert "'b' → 'd' → 'c' → 'b'" in str(fault[3])


def test_joins_must_share_no_source() -> None:
    (fault,) = faults(
        entry("a", *SOURCES), entry("b", "a", only=("web",)), entry("c", "a"), entry("d", "b", "c")
    )
    assert fault[:3] == (3, "needs", 1)
    assert "'b' and 'c' both bring documents of source 'web'" in str(fault[3])


def test_two_sinks_and_a_source_that_goes_nowhere() -> None:
    found = faults(entry("a", "web"), entry("b", "books"))
    assert found[0][:3] == (0, "", None)
    assert "'a' ends a branch" in str(found[0][3])
    assert "this version has none" in str(found[0][3])
    assert found[1][0] is None
    assert "source 'code' comes to no stage" in str(found[1][3])


def test_only_names_a_source_that_does_not_come() -> None:
    (fault,) = faults(
        entry("a", "web", only=("books",)), entry("b", "a", "books"), sources=("web", "books")
    )
    assert fault[:3] == (0, "only", 0)
    assert "does not come to 'a', only: web" in str(fault[3])


@given(st.lists(st.sets(st.sampled_from(SOURCES)), max_size=8))
def test_a_chain_gives_every_source_its_stages_in_order(limits: list[set[str]]) -> None:
    entries = [
        StageEntry(
            f"s{index}",
            ExactDedup(),
            (f"s{index - 1}",) if index else SOURCES,
            tuple(sorted(limit)) or None,
        )
        for index, limit in enumerate(limits)
    ]
    found = resolve(entries, SOURCES)
    assert list(found.order) == entries
    for source in SOURCES:
        assert list(found.chains[source]) == [
            each for each in entries if each.only is None or source in each.only
        ]
