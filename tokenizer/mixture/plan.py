"""Which documents are seen how often: a mixture's rates turned into whole numbers, and their files.

A document of a stratum with rate r is seen ⌊r⌋ times, and once more where its draw (purpose
"mixture", key: the document's id) is below the stratum's threshold. The threshold is the one that
comes nearest to the stratum's tokens, so a stratum misses its target by at most half a document,
and a larger target takes a superset of the documents of a smaller one.

`tokens/<split>/mixture.json` states sources, phases and strata with targets and what was reached;
`mixture.parquet` has a row per row of `documents.parquet` and a column of uint16 per phase
(`phase_0`, …): how often the document is seen in that phase. `MixturePlan` reads both.

Memory: 32 kB per stratum and the documents in one 4,096th of the draws, whatever the corpus. Cost:
three passes over 16 bytes per document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa

from curate.errors import DataError
from curate.kernels.draw import DRAWS
from curate.tokenizer.mixture.rates import Solution, available_tokens

FORMAT = "curate-mixture"
BIN_BITS = 12
BINS = 1 << BIN_BITS
SHIFT = np.uint64(64 - BIN_BITS)


@dataclass(frozen=True, slots=True)
class MixtureRows:
    """n documents: number of the stratum, draw and length in tokens of each."""

    strata: np.ndarray
    draws: np.ndarray
    tokens: np.ndarray


Scan = Callable[[], Iterator[MixtureRows]]
"""Goes through all documents, in order of documents.parquet; may be called several times."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often documents of a stratum are seen up to the end of a phase: `whole` times, and once
    more where their draw is below `extra_below`.
    """

    whole: int
    extra_below: int


def repeats_of(solution: Solution, scan: Scan) -> list[list[Repeats]]:
    """For every phase and stratum, up to the end of the phase. Two passes."""
    sizes = [stratum.tokens for stratum in solution.strata]
    histogram = np.zeros((len(sizes), BINS), dtype=np.int64)
    for rows in scan():
        np.add.at(histogram, (rows.strata, rows.draws >> SHIFT), rows.tokens)
    ends = histogram.cumsum(axis=1)
    if ends[:, -1].tolist() != sizes:
        raise DataError("the mixture was planned for other documents; its step must run again")
    wanted: list[list[tuple[int, Fraction, int]]] = []
    needed = np.zeros((len(sizes), BINS), dtype=np.bool_)
    reached = [Fraction(0)] * len(sizes)
    for phase in solution.phases:
        reached = [a + b for a, b in zip(reached, phase.strata, strict=True)]
        found = []
        for number, (target, size) in enumerate(zip(reached, sizes, strict=True)):
            whole, rest = divmod(target, size)
            place = int(np.searchsorted(ends[number], int(rest), side="right"))
            found.append((int(whole), rest, place))
            needed[number, place] = True
        wanted.append(found)
    inside = _documents_in(needed, scan)
    return [
        [
            _repeats(whole, rest, place, ends[number], inside.get((number, place)))
            for number, (whole, rest, place) in enumerate(found)
        ]
        for found in wanted
    ]


def _documents_in(
    needed: np.ndarray, scan: Scan
) -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]:
    """Draws (ascending) and tokens of the documents in some bins, by (stratum, bin)."""
    parts = []
    for rows in scan():
        bins = (rows.draws >> SHIFT).astype(np.int64)
        chosen = needed[rows.strata, bins]
        parts.append(
            (rows.strata[chosen] * BINS + bins[chosen], rows.draws[chosen], rows.tokens[chosen])
        )
    keys, draws, tokens = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((draws, keys))
    keys, draws, tokens = keys[order], draws[order], tokens[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    return {
        divmod(int(keys[start]), BINS): (draws[start:end], tokens[start:end])
        for start, end in zip(starts, [*starts[1:], len(keys)], strict=True)
    }


def _repeats(
    whole: int,
    rest: Fraction,
    place: int,
    ends: np.ndarray,
    inside: tuple[np.ndarray, np.ndarray] | None,
) -> Repeats:
    """The threshold within one bin whose tokens come nearest to `rest`."""
    assert inside is not None
    draws, tokens = inside
    before = int(ends[place - 1]) if place else 0
    sums = [before, *(before + np.cumsum(tokens)).tolist()]
    after = int(np.searchsorted(sums, int(rest), side="right"))
    taken = after if sums[after] - rest < rest - sums[after - 1] else after - 1
    below = int(draws[taken]) if taken < len(draws) else (place + 1) << int(SHIFT)
    return Repeats(whole + 1, 0) if below == DRAWS else Repeats(whole, below)


def copies_of(rows: MixtureRows, repeats: Sequence[Repeats]) -> np.ndarray:
    """int64[n]: how often each document is seen up to the end of a phase."""
    whole = np.array([each.whole for each in repeats], dtype=np.int64)
    below = np.array([each.extra_below for each in repeats], dtype=np.uint64)
    found: np.ndarray = whole[rows.strata] + (rows.draws < below[rows.strata])
    return found


def passes(copies: np.ndarray) -> Iterator[np.ndarray]:
    """int64 rows in their order, each as often as it is seen: all that are seen at all, then those
    that are seen twice, … so that a document and its repeats are far apart.
    """
    for times in range(1, int(copies.max(initial=0)) + 1):
        yield np.flatnonzero(copies >= times)


def copies_schema(phases: int) -> pa.Schema:
    """Columns `phase_0`, …"""
    return pa.schema([pa.field(f"phase_{i}", pa.uint16(), nullable=False) for i in range(phases)])


class Realised:
    """Turns rows into copies per phase, and adds up what was reached."""

    def __init__(self, solution: Solution, repeats: Sequence[Sequence[Repeats]]) -> None:
        self.solution, self.repeats = solution, repeats
        shape = (len(repeats), len(solution.strata))
        self.tokens = np.zeros(shape, dtype=np.int64)
        self.documents = np.zeros(shape, dtype=np.int64)

    def batch(self, rows: MixtureRows) -> pa.RecordBatch:
        """Rows of `mixture.parquet`."""
        before = np.zeros(len(rows.draws), dtype=np.int64)
        columns = []
        for phase, repeats in enumerate(self.repeats):
            until = copies_of(rows, repeats)
            copies = until - before
            before = until
            np.add.at(self.tokens[phase], rows.strata, copies * rows.tokens)
            np.add.at(self.documents[phase], rows.strata, copies)
            columns.append(pa.array(copies.astype(np.uint16)))
        return pa.RecordBatch.from_arrays(columns, schema=copies_schema(len(self.repeats)))

    def content(self, config: Mapping[str, Any], split: str) -> dict[str, Any]:
        """`mixture.json`."""
        strata, phases = self.solution.strata, self.solution.phases
        available = available_tokens(strata)
        names = list(available)
        members = {
            name: [i for i, stratum in enumerate(strata) if stratum.source == name]
            for name in names
        }
        tokens = {name: int(self.tokens[:, own].sum()) for name, own in members.items()}
        return {
            "format": FORMAT,
            "format_version": 1,
            "split": split,
            "mixture": dict(config),
            "tokens": sum(tokens.values()),
            "documents": int(self.documents.sum()),
            "sources": {
                name: {
                    "available_documents": sum(strata[i].documents for i in members[name]),
                    "available_tokens": available[name],
                    "target_tokens": round(self.solution.tokens_of(name)),
                    "tokens": tokens[name],
                    "documents": int(self.documents[:, members[name]].sum()),
                    "share": tokens[name] / max(1, sum(tokens.values())),
                    "epochs": tokens[name] / available[name],
                }
                for name in names
            },
            "phases": [
                {
                    "until": phase.until,
                    "target_tokens": round(phase.tokens),
                    "tokens": int(self.tokens[number].sum()),
                    "documents": int(self.documents[number].sum()),
                    "sources": {
                        name: {
                            "target_share": _ratio(self.solution.tokens_of(name, number), phase),
                            "tokens": int(self.tokens[number, members[name]].sum()),
                        }
                        for name in names
                    },
                }
                for number, phase in enumerate(phases)
            ],
            "strata": [
                {
                    "source": stratum.source,
                    "language": stratum.language,
                    "factor": [stratum.factor.numerator, stratum.factor.denominator],
                    "domain": stratum.domain,
                    "documents": stratum.documents,
                    "tokens": stratum.tokens,
                    "until": [
                        {"whole": own[i].whole, "extra_below": f"{own[i].extra_below:016x}"}
                        for own in self.repeats
                    ],
                }
                for i, stratum in enumerate(strata)
            ],
            "warnings": list(self.solution.warnings),
        }


def _ratio(part: Fraction, phase: Any) -> float:
    return float(part / phase.tokens) if phase.tokens else 0.0


def to_bytes(content: Mapping[str, Any]) -> bytes:
    """Canonical JSON."""
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True)
class MixturePlan:
    """A plan that was read back. `copies`: uint16[documents of the split] per phase."""

    content: Mapping[str, Any]
    copies: tuple[np.ndarray, ...]

    @classmethod
    def read(cls, data: bytes, copies: pa.Table, path: str) -> MixturePlan:
        """From the bytes of `mixture.json` and the rows of `mixture.parquet`; `path` is for
        messages. Raises DataError.
        """
        try:
            content = json.loads(data)
            known = content["format"] == FORMAT and content["format_version"] == 1
            phases = len(content["phases"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: this is no mixture plan: {error}") from error
        if not known or copies.schema.names != copies_schema(phases).names:
            raise DataError(f"{path}: this is no mixture plan that this version reads")
        return cls(content, tuple(copies.column(i).to_numpy() for i in range(phases)))

    @property
    def phases(self) -> tuple[float, ...]:
        """Where each phase ends, as a share of all tokens."""
        return tuple(phase["until"] for phase in self.content["phases"])

    def rows(self, phase: int) -> np.ndarray:
        """int64: rows of documents.parquet in training order: as `passes` gives them."""
        return np.concatenate([np.empty(0, dtype=np.int64), *passes(self.copies[phase])])
