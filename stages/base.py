"""The five kinds of stage, as contracts. A stage *is* its configuration: a frozen pydantic model.

Fields are YAML keys with units in their names, bounds, defaults and a `description` that names the
paper or table. Stages are row-wise: splitting batches differently must not change any result. They
map Arrow batches and know nothing of Ray, YAML or the run folder, so the same object works in a
notebook or in `ray.data.Dataset.map_batches`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from curate.stages.profiles import ProfileField
from curate.stages.rules import Rule

Determinism = Literal["exact", "platform", "none"]
"""exact: same on every CPU. platform: same on one CPU type (model scores, BLAS). none: GPU,
network.
"""

SourceKind = Literal["web", "book", "encyclopedia", "forum", "paper", "code", "math"]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file that a stage reads: its digest enters the stage's fingerprint and is checked by
    every worker.
    """

    name: str
    path: str
    sha256: str


class Stage(BaseModel):
    """What all kinds share. Subclasses set class variables and add their YAML keys as fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    """The YAML key; also the default instance name."""
    version: ClassVar[int] = 1
    """Changed whenever results change; a golden test per stage fails otherwise."""
    determinism: ClassVar[Determinism] = "exact"
    distributions: ClassVar[tuple[str, ...]] = ()
    """Python distributions whose versions decide the results."""
    made_for: ClassVar[tuple[SourceKind, ...]] = ()
    """Kinds of source the stage was designed for; empty means all. `curate check` warns on others.
    """

    def source_names(self) -> tuple[str, ...]:
        """Sources that the configuration names; one that does not exist is a SpecError."""
        return ()

    def used_distributions(self) -> tuple[str, ...]:
        """Those that decide the results of this configuration."""
        return self.distributions

    def models(self) -> tuple[ModelFile, ...]:
        """Model files read by the stage. Raises SpecError when one is missing."""
        return ()


class Annotator(Stage):
    """Measures signals of single documents.

    Column names are `<prefix>.<signal>`, with `@<editor>` for later text versions. `reads` lists
    the document columns used. Equal annotators are inserted once per text version.
    """

    reads: ClassVar[tuple[str, ...]] = ("text",)
    fills: ClassVar[tuple[str, ...]] = ()
    """Document columns (`language`, `language_score`) that it sets when they have no value yet."""

    @abstractmethod
    def signals(self) -> tuple[pa.Field, ...]:
        """Measured columns without prefix: float64, int64 or bool (strings only as `by` columns and
        labels).
        """

    @abstractmethod
    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """n rows in (columns of `reads`), n rows out: exactly `signals()` and then the columns of
        `fills`.
        """

    def word_segmenter(self) -> str | None:
        """What divides the text into words, by a name that changes when the words do; None for an
        annotator that needs no words.
        """
        return None

    def prefix(self, entry: str) -> str:
        """Of its columns: `name` for one without configuration, `entry` (the instance name of the
        stage that configures it) for others.
        """
        return entry if type(self).model_fields else self.name


class Filter(Stage):
    """Required signals and rules over them; never free code."""

    requires: ClassVar[tuple[type[Annotator], ...]] = ()

    profile: ProfileField = Field(
        default=None,
        description="bounds per language: a bundled profile (multilingual) or the path of one",
    )

    def annotators(self) -> tuple[Annotator, ...]:
        """The annotators the rules need. Override when one takes its fields from this stage."""
        return tuple(kind() for kind in self.requires)

    @abstractmethod
    def rules(self) -> tuple[Rule, ...]:
        """Rules in the order in which they name the reason of a removal."""

    def judged_rules(self) -> tuple[Rule, ...]:
        """`rules()` with the bounds of the profile. Raises SpecError where it does not fit."""
        if self.profile is None:
            return self.rules()
        for used in {annotator.word_segmenter() for annotator in self.annotators()} - {None}:
            self.profile.check_segmenter(str(used))
        return self.profile.apply(self.name, self.rules())


class Editor(Stage):
    """Changes text; counts its edits as signals (prefix: instance name). Never changes the number
    of rows.

    An editor may judge what it had to do: its rules see only its own signals, right after the edit.
    """

    @abstractmethod
    def signals(self) -> tuple[pa.Field, ...]:
        """Counts of edits, without prefix."""

    @abstractmethod
    def edit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """n rows in (document columns), n rows out: column `text`, then exactly `signals()`."""

    def rules(self) -> tuple[Rule, ...]:
        """Bounds on the edit counts: signals as `signals()` declares them, prefixed `<name>.`."""
        return ()


@dataclass(frozen=True, slots=True)
class Phase:
    """One keyed pass: emit -> partition by key -> sort by (key, order, address) -> settle."""

    name: str
    emit: Callable[[pa.RecordBatch], pa.RecordBatch]
    """Any number of rows per row: `key` (16 bytes), *order, `address` (uint64), *payload.

    The first phase gets documents (columns of `Exchange.reads` and `address`), a later one the rows
    that the phase before settled.
    """
    settle: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
    """A forward pass over sorted batches with O(1) state per key: a key may span many batches.

    The last phase yields verdict rows: `address`, every field of `Exchange.verdicts()`,
    `representative` (uint64) and `similarity` (float64), null for none. A document without a
    verdict row is kept.
    """
    settled: pa.Schema
    """Schema of what `settle` yields."""
    order: tuple[pa.Field, ...] = ()
    """Integer or float64 columns, ascending: the first row of a key is its keeper."""
    payload: tuple[pa.Field, ...] = ()
    combine: Callable[[pa.RecordBatch], pa.RecordBatch] | None = None
    """Takes rows sorted by key, may return fewer. Associative, integers only."""
    rows_per_document: int = 1
    """Rows that emit makes of one document at most; plans the number of partitions."""

    def schema(self) -> pa.Schema:
        """Schema of the emitted rows."""
        key = pa.field("key", pa.binary(16), nullable=False)
        return pa.schema(
            [key, *self.order, pa.field("address", pa.uint64(), nullable=False), *self.payload]
        )


class Exchange(Stage):
    """Looks across documents. Verdicts are signals (prefix: instance name), judged by ordinary
    rules.
    """

    reads: ClassVar[tuple[str, ...]] = ("text",)

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """Passes in order; the output of one feeds the next, the last settles verdicts."""

    @abstractmethod
    def verdicts(self) -> tuple[pa.Field, ...]:
        """Signals of the verdict, without prefix. A document without a verdict has nulls, which its
        rules must keep.
        """

    @abstractmethod
    def rules(self) -> tuple[Rule, ...]:
        """Rules on the verdict: signal names as `verdicts()` declares them, prefixed with
        `<name>.`.
        """


VERDICT_LINKS: tuple[pa.Field, ...] = (
    pa.field("representative", pa.uint64()),
    pa.field("similarity", pa.float64()),
)
"""Columns that close a verdict row after `address` and `Exchange.verdicts()`."""
