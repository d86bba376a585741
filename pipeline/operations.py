"""Operations on a batch of live documents: measure, judge, edit, join verdicts. Errors cost rows,
never batches.

An exception inside a per-document stage is retried row by row; rows that raise are quarantined. In
careful mode every document is worked on alone, under the watch's CPU limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import CurateError, StageError
from curate.kernels.measure import FAMILIES
from curate.pipeline.accounts import NO_LANGUAGE, OTHER_LANGUAGE, UNKNOWN_WORDS
from curate.pipeline.batch import Batch
from curate.pipeline.chain import (
    AnnotateOperation,
    EditOperation,
    Operation,
    RuleOperation,
    VerdictOperation,
)
from curate.pipeline.exchanges.evidence import Evidence
from curate.pipeline.exchanges.verdicts import LINK_NAMES
from curate.pipeline.exchanges.verdicts import Verdicts as JoinedVerdicts
from curate.pipeline.fates import quarantined_fates, removed_fates
from curate.pipeline.job import Decision, Watch
from curate.stages.base import ExchangeEditor
from curate.stages.rules import Verdicts, evaluate

Made = TypeVar("Made")

WORD_SIGNALS = frozenset(
    f"{name}.{signal}" for name, family in FAMILIES.items() for signal in family.of_words
)
"""Null where the words of a text are not known."""


class Runner:
    """Runs the operations of a segment over batches and counts per stage entry."""

    def __init__(
        self,
        operations: Sequence[Operation],
        watch: Watch,
        counts: Counter[str] | None = None,
        decisions: Sequence[Decision] = (),
        text_left: Callable[[pa.Array], np.ndarray] | None = None,
    ) -> None:
        """text_left: from ids, bool[n]: whose text is wanted after a removal; None for all."""
        self.operations, self.watch, self.text_left = operations, watch, text_left
        self.counts: Counter[str] = Counter() if counts is None else counts
        self.given_up: dict[str, dict[str, str]] = {}
        self.evidence: dict[str, Evidence] = {}
        """By entry: what exchanges list of their edits."""
        for decision in decisions:
            self.given_up.setdefault(decision.stage, {})[decision.id] = decision.reason
        self.closing = {operation.entry: index for index, operation in enumerate(operations)}
        for entry in self.closing:  # a shard without documents has passed its stages too
            self.counts.update({f"stage|{entry}|read": 0, f"stage|{entry}|kept": 0})

    def run(self, batch: Batch, verdicts: JoinedVerdicts | None) -> Iterator[pa.RecordBatch]:
        """Apply every operation to `batch` in place; yields the fates of the rows that end."""
        started: set[str] = set()
        for index, operation in enumerate(self.operations):
            entry = operation.entry
            if entry not in started:
                started.add(entry)
                self.counts[f"stage|{entry}|read"] += batch.num_rows
            yield from self.apply(operation, batch, verdicts)
            if self.closing[entry] == index:
                self.counts[f"stage|{entry}|kept"] += batch.num_rows
                batch.drop(LINK_NAMES)  # they speak of this exchange, not of a later rule

    def apply(
        self, operation: Operation, batch: Batch, verdicts: JoinedVerdicts | None
    ) -> Iterator[pa.RecordBatch]:
        if batch.num_rows == 0 and not isinstance(operation, RuleOperation):
            add_empty_columns(operation, batch)
        elif isinstance(operation, AnnotateOperation):
            yield from self.measure(operation, batch, lambda part: annotate(operation, part))
        elif isinstance(operation, EditOperation):
            yield from self.measure(operation, batch, lambda part: self.edited(operation, part))
        elif isinstance(operation, VerdictOperation):
            yield from self.join(operation, batch, verdicts)
        elif batch.num_rows:
            yield from self.judge(operation, batch)
        if isinstance(operation, EditOperation):
            batch.drop(operation.joined)

    def join(
        self, operation: VerdictOperation, batch: Batch, verdicts: JoinedVerdicts | None
    ) -> Iterator[pa.RecordBatch]:
        """Add the verdict's columns; yields the fates of the rows on which a visit failed."""
        if verdicts is None:
            raise StageError(f"stage '{operation.entry}': its verdicts are missing")
        failed = verdicts.failed
        if failed.num_rows:
            place = pc.index_in(batch.column("row"), value_set=one_chunk(failed, "row"))
            bad = pc.is_valid(place).to_numpy(zero_copy_only=False)
            if bad.any():
                reasons = failed.take(place.filter(pc.is_valid(place)))
                texts = (reasons.column(name).to_pylist() for name in ("error", "message"))
                dead = batch.split(~bad)
                self.counts[f"stage|{operation.entry}|quarantined"] += dead.num_rows
                yield quarantined_fates(operation.entry, list(zip(*texts, strict=True)), dead)
        join_verdicts(operation, batch, verdicts.joined)

    def edited(self, operation: EditOperation, part: pa.RecordBatch) -> dict[str, pa.Array]:
        """The new text and the edit counts; what an exchange lists of its edits is collected."""
        editor = operation.editor
        if not isinstance(editor, ExchangeEditor) or editor.evidence() is None:
            return edit(operation, part)
        whole, listed = editor.edit_with_evidence(part)
        made = edited_columns(operation, whole, part.num_rows)
        self.evidence.setdefault(operation.entry, Evidence.of(editor)).add(listed)
        return made

    def judge(self, operation: RuleOperation, batch: Batch) -> Iterator[pa.RecordBatch]:
        self.count_other_languages(operation, batch)
        measured = batch.record_batch(judged_columns(operation))
        verdicts = evaluate(operation.rules, measured, operation.columns)
        of_words = [rule.signal in WORD_SIGNALS for rule in operation.rules]
        if any(of_words):
            unknown = np.isnan(verdicts.value[:, of_words]).any(axis=1).sum()
            self.counts[f"{UNKNOWN_WORDS}|{operation.entry}"] += int(unknown)
        kept = verdicts.first_broken() < 0
        if kept.all():
            return
        wanted = None if self.text_left is None else self.text_left(batch.column("id"))
        dead = batch.split(kept, wanted)
        gone = ~kept
        of_dead = Verdicts(
            verdicts.broken[gone], verdicts.value[gone], verdicts.low[gone], verdicts.high[gone]
        )
        self.counts[f"stage|{operation.entry}|removed"] += dead.num_rows
        yield removed_fates(
            operation.entry, operation.rules, operation.columns, of_dead, dead, self.counts
        )

    def count_other_languages(self, operation: RuleOperation, batch: Batch) -> None:
        """Documents whose language the profile of the stage does not know."""
        if operation.languages is None:
            return
        column = batch.column(operation.columns.get("language", "language"))
        for each in pc.value_counts(column).to_pylist():
            if each["values"] not in operation.languages:
                name = each["values"] or NO_LANGUAGE
                self.counts[f"{OTHER_LANGUAGE}|{operation.entry}|{name}"] += each["counts"]

    def measure(
        self,
        operation: AnnotateOperation | EditOperation,
        batch: Batch,
        work: Callable[[pa.RecordBatch], dict[str, pa.Array]],
    ) -> Iterator[pa.RecordBatch]:
        """Add the columns that `work` makes; yields the fates of the rows on which it failed."""
        made, dead = self.guarded(operation.entry, batch, work, operation.guard)
        if made:
            batch.add({name: pa.concat_arrays([part[name] for part in made]) for name in made[0]})
        else:
            add_empty_columns(operation, batch)
        if dead is not None:
            yield dead

    def guarded(
        self,
        entry: str,
        batch: Batch,
        work: Callable[[pa.RecordBatch], Made],
        guard: str | None = None,
    ) -> tuple[list[Made], pa.RecordBatch | None]:
        """Run `work` on the documents. Returns what it made, in row order, and the fates of the
        rows on which it failed, which leave the batch. guard: how decisions name this work, the
        entry by default.
        """
        made, errors, dead = self.attempted(guard or entry, batch, work)
        if dead is None:
            return made, None
        self.counts[f"stage|{entry}|quarantined"] += dead.num_rows
        return made, quarantined_fates(entry, errors, dead)

    def attempted(
        self, guard: str, batch: Batch, work: Callable[[pa.RecordBatch], Made]
    ) -> tuple[list[Made], list[tuple[str, str]], pa.RecordBatch | None]:
        """Run `work` on the whole batch, or row by row after an exception, for given-up documents
        and in careful mode. Returns what it made, in row order, and (kind, message) and rows of
        those on which it failed, which leave the batch.
        """
        whole = batch.record_batch()
        ids = whole.column("id")
        given_up = self.given_up.get(guard, {})
        if not self.watch.single and not _any_of(ids, given_up):
            self.watch.begin(ids[0].as_py(), guard)
            try:
                return [work(whole)], [], None
            except (CurateError, MemoryError):
                raise
            except Exception:  # found again below, row by row, where it names the document
                pass
        made: list[Made] = []
        errors: dict[int, tuple[str, str]] = {}
        for row in range(whole.num_rows):
            identity = ids[row].as_py()
            if identity in given_up:
                errors[row] = ("given_up", given_up[identity])
                continue
            self.watch.begin(identity, guard)
            try:
                made.append(work(whole.slice(row, 1)))
            except (CurateError, MemoryError):
                raise
            except Exception as error:
                errors[row] = ("stage_failed", f"{type(error).__name__}: {error}")
        if self.watch.single:
            self.watch.end()
        if not errors:
            return made, [], None
        dead = batch.split(np.array([row not in errors for row in range(whole.num_rows)]))
        return made, [errors[row] for row in sorted(errors)], dead


def judged_columns(operation: RuleOperation) -> list[str]:
    """The columns that its rules read."""
    named = [name for rule in operation.rules for name in (rule.signal, rule.by) if name]
    return list(dict.fromkeys(operation.columns.get(name, name) for name in named))


def _any_of(ids: pa.Array, wanted: Mapping[str, str]) -> bool:
    if not wanted:
        return False
    return bool(pc.any(pc.is_in(ids, value_set=pa.array(list(wanted), pa.string()))).as_py())


def annotate(operation: AnnotateOperation, batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """The columns an annotator makes, checked against its declaration; document columns are filled
    where they are null.
    """
    annotator = operation.annotator
    measured = annotator.annotate(batch.select(list(annotator.reads)))
    fields = (*operation.fields, *(batch.schema.field(name) for name in annotator.fills))
    check(operation.entry, type(annotator).__name__, measured, fields, batch.num_rows)
    made = {field.name: measured.column(i) for i, field in enumerate(operation.fields)}
    for offset, name in enumerate(annotator.fills):
        made[name] = pc.coalesce(
            batch.column(name), measured.column(len(operation.fields) + offset)
        )
    return made


def edit(operation: EditOperation, batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """The new text and the edit counts."""
    return edited_columns(operation, operation.editor.edit(batch), batch.num_rows)


def edited_columns(
    operation: EditOperation, edited: pa.RecordBatch, rows: int
) -> dict[str, pa.Array]:
    """What an editor returned for so many rows, checked against its declaration."""
    fields = (pa.field("text", pa.large_string()), *operation.fields)
    check(operation.entry, type(operation.editor).__name__, edited, fields, rows)
    return {field.name: edited.column(i) for i, field in enumerate(fields)}


def check(
    entry: str, kind: str, made: pa.RecordBatch, fields: Sequence[pa.Field], rows: int
) -> None:
    """A stage must return what it declared. Raises StageError."""
    types = [column.type for column in made.columns]
    if made.num_rows != rows or types != [field.type for field in fields]:
        raise StageError(
            f"stage '{entry}': {kind} returned {made.num_rows} rows of {types}, declared are "
            f"{rows} rows of "
            f"{[str(field.type) for field in fields]}"
        )


def join_verdicts(operation: VerdictOperation, batch: Batch, verdicts: pa.Table) -> None:
    """Add the verdict columns by row number; a row without a verdict gets nulls."""
    position = pc.index_in(batch.column("row"), value_set=one_chunk(verdicts, "row"))
    names = [*(field.name for field in operation.fields), *LINK_NAMES]
    for index, name in enumerate(names):
        batch.add({name: one_chunk(verdicts, index + 1).take(position)})


def one_chunk(table: pa.Table, column: str | int) -> pa.Array:
    """A column in one piece."""
    found = table.column(column)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def add_empty_columns(operation: Operation, batch: Batch) -> None:
    """Give an empty batch the columns it would have."""
    if not isinstance(operation, RuleOperation):
        batch.add({field.name: pa.array([], field.type) for field in operation.fields})
