"""The last two phases of deduplication: number the copies of a key, then tell them how many they
are.

*copies*: rows arrive by (key, keeping order, address). The first row of a key is its keeper; the
others are numbered as they come. *sizes*: the size of a key is known only at its end, so the
keeper's row carries it to a second pass, where it is the first row of its key. Keys of one row
leave nothing. State per key: its 16 bytes, the keeper, a count; a key may span any number of
batches. Cost: a unique document 24 bytes of exchange and its order columns, a copy 56 more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from curate.kernels.hashes import as_keys, key_bytes
from curate.kernels.row_order import group_starts
from curate.stages.base import Phase
from curate.stages.dedup.policy import DedupExchange, cluster_numbers

_COPY = pa.field("copy", pa.int64(), nullable=False)
_KEEPER = pa.field("keeper", pa.uint64(), nullable=False)
_MEMBERS = pa.field("members", pa.int64(), nullable=False)
"""Of the key, in the keeper's row; 0 in the others."""


def copy_phases(
    stage: DedupExchange,
    emit: Callable[[pa.RecordBatch], pa.RecordBatch],
    similarity: float | None,
) -> tuple[Phase, Phase]:
    """Phases that end in the verdicts of `stage`.

    emit: rows `key, *stage.order_fields(), address`, one per compared document; equal keys are
    copies. similarity: of a copy to its keeper; None where the key does not say.
    """
    sizes = Phase(
        name="sizes",
        emit=lambda rows: rows,
        settle=lambda batches: _sized(batches, stage.verdict_schema(), similarity),
        settled=stage.verdict_schema(),
        order=(_COPY,),
        payload=(_KEEPER, _MEMBERS),
    )
    numbered = sizes.schema()
    copies = Phase(
        name="copies",
        emit=emit,
        settle=lambda batches: _numbered(batches, numbered),
        settled=numbered,
        order=stage.order_fields(),
    )
    return copies, sizes


class KeyRuns:
    """Runs of equal keys over batches; run 0 of a batch goes on from the batch before.

    index: int64[n], the run of every row. starts: bool[n], rows that begin a run.
    """

    def __init__(self) -> None:
        self._open: bytes | None = None
        self.keys = np.zeros((1, 16), np.uint8)
        self.index = np.empty(0, np.int64)
        self.starts = np.empty(0, np.bool_)

    def take(self, keys: pa.FixedSizeBinaryArray) -> None:
        """Find the runs of the next batch, which has a row."""
        self.starts = group_starts(keys, self._open)
        self.index = np.cumsum(self.starts)
        raw = key_bytes(keys)
        before = np.frombuffer(self._open or bytes(16), np.uint8).reshape(1, 16)
        self.keys = np.vstack([before, raw[self.starts]])
        self._open = raw[-1].tobytes()


def _numbered(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Every member of keys with two rows or more: its number, keeper and, at the keeper, size."""
    runs, keeper, count = KeyRuns(), np.zeros(1, np.uint64), 0
    for batch in batches:
        if batch.num_rows == 0:
            continue
        runs.take(batch.column("key"))
        index = runs.index
        address = batch.column("address").to_numpy(zero_copy_only=False).astype(np.uint64)
        keepers = np.concatenate([keeper, address[runs.starts]])
        first = np.concatenate([[-count], np.flatnonzero(runs.starts)])
        counts = np.bincount(index, minlength=len(keepers))
        counts[0] += count
        copy = np.arange(len(index)) - first[index]
        later = copy > 0
        yield _rows(
            schema, runs.keys[index[later]], copy[later], address[later], keepers[index[later]]
        )
        ended = np.flatnonzero(counts[:-1] > 1)
        yield _rows(schema, runs.keys[ended], None, keepers[ended], keepers[ended], counts[ended])
        keeper, count = keepers[-1:], int(counts[-1])
    if count > 1:
        yield _rows(schema, runs.keys[-1:], None, keeper, keeper, np.array([count]))


def _rows(
    schema: pa.Schema,
    keys: np.ndarray,
    copy: np.ndarray | None,
    address: np.ndarray,
    keeper: np.ndarray,
    members: np.ndarray | None = None,
) -> pa.RecordBatch:
    none = np.zeros(len(keys), np.int64)
    columns = [
        as_keys(keys),
        pa.array(none if copy is None else copy, pa.int64()),
        pa.array(address, pa.uint64()),
        pa.array(keeper, pa.uint64()),
        pa.array(none if members is None else members, pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _sized(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, similarity: float | None
) -> Iterator[pa.RecordBatch]:
    """Verdicts: the first row of a key holds its size."""
    runs, size = KeyRuns(), np.zeros(1, np.int64)
    for batch in batches:
        if batch.num_rows == 0:
            continue
        runs.take(batch.column("key"))
        members = batch.column("members").to_numpy(zero_copy_only=False)
        sizes = np.concatenate([size, members[runs.starts]])
        is_keeper = batch.column("copy").to_numpy(zero_copy_only=False) == 0
        alike = np.full(batch.num_rows, np.nan if similarity is None else similarity)
        columns = [
            batch.column("address"),
            batch.column("copy"),
            pa.array(cluster_numbers(runs.keys)[runs.index]),
            pa.array(sizes[runs.index]),
            pa.array(batch.column("keeper").to_numpy(zero_copy_only=False), mask=is_keeper),
            pa.array(alike, mask=is_keeper | np.isnan(alike)),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
        size = sizes[-1:]
