"""The five kinds of stage, as contracts. A stage *is* its configuration: a frozen pydantic model.

Fields are YAML keys with units in their names, bounds, defaults and a `description` that names the
paper or table. Stages are row-wise: splitting batches differently must not change any result. They
map Arrow batches and know nothing of Ray, YAML or the run folder, so the same object works in a
notebook or in `ray.data.Dataset.map_batches`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

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
    outside_results: ClassVar[frozenset[str]] = frozenset()
    """Fields that do not decide results: what they name enters by its content (`against`), or only
    says what else is kept (`index`).
    """
    made_for: ClassVar[tuple[SourceKind, ...]] = ()
    """Kinds of source the stage was designed for; empty means all. `curate check` warns on others.
    """

    def source_names(self) -> tuple[str, ...]:
        """Sources that the configuration names; one that does not exist is a SpecError."""
        return ()

    def derived_results(self) -> dict[str, Any]:
        """What follows from `outside_results` and decides results after all (JSON values)."""
        return {}

    def used_distributions(self) -> tuple[str, ...]:
        """Those that decide the results of this configuration."""
        return self.distributions

    def used_determinism(self) -> Determinism:
        """That of this configuration."""
        return self.determinism

    def models(self) -> tuple[ModelFile, ...]:
        """Model files read by the stage. Raises SpecError when one is missing."""
        return ()

    def fits(self) -> tuple[Fit, ...]:
        """What must be learned from all documents before this stage can work, each `name` once."""
        return ()

    def fitted(self, artefacts: Mapping[str, bytes]) -> Self:
        """A copy that works with what its fits learned (by `Fit.name`); made in every worker."""
        return self


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

    def fits(self) -> tuple[Fit, ...]:
        """Those of its annotators: a rule itself learns nothing."""
        found = {fit.name: fit for each in self.annotators() for fit in each.fits()}
        return tuple(found.values())

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
class Emitted:
    """Rows with counts of what happened on the way (`too_short`, `capped`): summed over the run and
    shown beside the stage. Counts of phases inside a `Repeat` are left out.
    """

    rows: pa.RecordBatch
    counts: Mapping[str, int]


Emit = Callable[[pa.RecordBatch], pa.RecordBatch | Emitted]
Visit = Callable[[pa.RecordBatch, pa.RecordBatch], pa.RecordBatch | Emitted]


@dataclass(frozen=True, slots=True)
class Phase:
    """One keyed pass: emit or visit -> partition by key -> sort by (key, order, address) -> settle.

    Rows that are equal in key, order and address must be interchangeable: what tells them apart
    belongs into `order`.
    """

    name: str
    emit: Emit | None
    """Any number of rows per row: `key` (16 bytes), *order, `address` (uint64), *payload.

    The first phase gets documents (columns of `Exchange.columns()` and `address`), a later one the
    rows that the phase before settled. None where `visit` stands in its place.
    """
    settle: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
    """A forward pass over sorted batches with O(1) state per key: a key may span many batches.

    The last phase yields verdict rows, at most one per document: `address`, every field of
    `Exchange.verdicts()`, `representative` (uint64) and `similarity` (float64), null for none. A
    document without a verdict row is kept.
    """
    settled: pa.Schema
    """Schema of what `settle` yields."""
    order: tuple[pa.Field, ...] = ()
    """Integer or float64 columns without nulls, ascending: the first row of a key is its keeper."""
    payload: tuple[pa.Field, ...] = ()
    combine: Callable[[pa.RecordBatch], pa.RecordBatch] | None = None
    """Takes rows sorted by key, may return fewer. Associative, integers only."""
    rows_per_document: int = 1
    """Rows that emit makes of one document (later phases: of one row) at most; plans the number of
    partitions.
    """
    visit: Visit | None = None
    """Instead of `emit`, never in the first phase: reads documents again.

    The phase before settles rows whose first column is `address`; they go to the shards of those
    documents. `visit(documents, rows)`: documents that have a row (the document columns among
    `Exchange.columns()`, then the full `address`, ascending) and all their rows, sorted by address
    and then by the other integer columns, which have no nulls. It returns rows of `schema()`. A
    document on which it raises is quarantined.
    """
    visit_stored: Visit | None = None
    """`visit` for documents of an index: the columns of `Exchange.stored()` in place of the
    document's.
    """
    row_bytes: int | None = None
    """Expected bytes of a row whose payload varies in length; plans the number of partitions."""

    def __post_init__(self) -> None:
        if (self.emit is None) == (self.visit is None):
            raise ValueError(f"phase '{self.name}' needs either `emit` or `visit`")

    def schema(self) -> pa.Schema:
        """Schema of the emitted rows."""
        key = pa.field("key", pa.binary(16), nullable=False)
        return pa.schema(
            [key, *self.order, pa.field("address", pa.uint64(), nullable=False), *self.payload]
        )


@dataclass(frozen=True, slots=True)
class Repeat:
    """Phases that run in a circle until nothing changes, in the place of one phase; never first.

    What the phase before settled feeds the first `emit`, what the last inner phase settles feeds it
    again: both have one schema. The circle ends when an iteration writes the files of the iteration
    before, bit for bit. Raises StageError after `at_most` iterations. Inner phases do not visit.
    """

    phases: tuple[Phase, ...]
    at_most: int = 30
    small: Callable[[pa.Table], pa.Table] | None = None
    """Entering rows -> rows of the fixed point, the same that the circle would find, in one process
    and in memory; used when at most `small_rows` rows enter.
    """
    small_rows: int = 0

    def __post_init__(self) -> None:
        if not self.phases or any(phase.visit is not None for phase in self.phases):
            raise ValueError("Repeat needs phases that emit")


class Exchange(Stage):
    """Looks across documents. Verdicts are signals (prefix: instance name), judged by ordinary
    rules.
    """

    reads: ClassVar[tuple[str, ...]] = ("text",)

    def columns(self) -> tuple[str, ...]:
        """What `emit` needs of a document: document columns and signals measured before (named as
        in rules). `address` comes last.
        """
        return self.reads

    @abstractmethod
    def phases(self) -> tuple[Phase | Repeat, ...]:
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

    indexes_removed: ClassVar[bool] = False
    """Whether documents that this stage removed stay in its index: a stage that counts what
    documents hold counted them too.
    """

    def index_paths(self) -> tuple[str, ...]:
        """Former runs or indexes (`against:`) whose documents take part and are never removed.

        Their rows enter the first phase with bit 63 of the address set (`INDEX_BIT`), and with -1
        in the order column `side` (int64, first in the order), where documents of this run have 0.
        Without order columns they come last in every key.
        """
        return ()

    def writes_index(self) -> bool:
        """Whether the run keeps `index/<instance name>/` for later runs."""
        return False

    def index_parameters(self) -> dict[str, Any] | None:
        """What must be equal to use an index (JSON values); None where the stage has no index."""
        return None

    def stored(self) -> pa.Schema | None:
        """Columns that an index keeps of every document for `visit_stored`, without `address`."""
        return None

    def store(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """n documents (document columns among `columns()`, `address`) -> n rows of `stored()`."""
        raise NotImplementedError(f"{self.name} stores nothing in an index")


class ExchangeEditor(Exchange, Editor):
    """An exchange whose verdicts say what to change: joined to the documents, given to `edit`,
    dropped.

    `verdicts()` are columns of any Arrow type, which `edit` finds under their own names beside the
    document's, null where a document has no verdict. `signals()` are the edit counts (prefix:
    instance name), `rules()` judge those. It makes a new text version, as every editor does.
    """

    evidence_rows: ClassVar[int] = 1_000

    def rules(self) -> tuple[Rule, ...]:
        """Bounds on the edit counts: signals as `signals()` declares them, prefixed `<name>.`."""
        return ()

    def evidence(self) -> pa.Schema | None:
        """Columns of a list of what was edited, for people; the first is int64.

        `report/<instance name>.parquet` holds the `evidence_rows` first distinct rows of the run:
        first column descending, then the others ascending. None for no list.
        """
        return None

    def edit_with_evidence(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """`edit`, and any number of rows of `evidence()`; called instead of `edit` when there is
        an `evidence()`.
        """
        raise NotImplementedError(f"{self.name} lists no evidence")


VERDICT_LINKS: tuple[pa.Field, ...] = (
    pa.field("representative", pa.uint64()),
    pa.field("similarity", pa.float64()),
)
"""Columns that close a verdict row after `address` and `Exchange.verdicts()`."""

INDEX_BIT = 1 << 63
"""Set in the address of a document of an index; bits 32 to 62 number its shard, 0 to 31 its row.
"""


class Fit(Stage):
    """Learns one small artefact from all documents that reach a stage.

    `partial` measures batches, `merge` joins what was measured, `finish` learns, once. `merge` is
    associative and knows no order: how documents are cut into batches and shards changes nothing,
    so states are integers, fixed point, or the smallest of a draw. `finish` may compute in floating
    point, in one thread; `determinism` says for which machines its bytes are equal.
    """

    reads: ClassVar[tuple[str, ...]] = ("text",)

    @abstractmethod
    def max_state_bytes(self) -> int:
        """Arrow bytes that a state never exceeds, however many documents it stands for."""

    @abstractmethod
    def state(self) -> pa.Schema:
        """Schema of a state."""

    @abstractmethod
    def partial(self, batch: pa.RecordBatch) -> pa.Table:
        """State of the documents of a batch (columns of `reads`); a row alone gives its share."""

    @abstractmethod
    def merge(self, states: Sequence[pa.Table]) -> pa.Table:
        """One state for the documents of all these; of none, the state of no documents."""

    @abstractmethod
    def finish(self, state: pa.Table) -> bytes:
        """The artefact: the same bytes for the same state."""

    def sized(self, documents: int) -> Self:
        """A copy for a run that has read so many documents; what it learns from may be fewer."""
        return self
