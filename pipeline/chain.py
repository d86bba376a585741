"""From a source's chain of stages to segments of operations.

A *segment* is a fused run of per-document operations between two exchanges. Annotators are inserted
before the first filter that needs them, once per text version. Signal columns are named here:
`<prefix>.<signal>`, and `<prefix>.<signal>@<editor>` after an edit; the annotator says what its
prefix is.

Measures are taken together: the first one of a text version in a segment brings along all those
that later filters of the segment need of the same words, so that one native pass fills them all.
Each column keeps the place that its own filter gives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from curate.errors import SpecError
from curate.pipeline.spec.model import StageEntry
from curate.stages.base import Annotator, Editor, Exchange, ExchangeEditor, Filter, Fit, Stage
from curate.stages.measures import Measure, MeasureGroup
from curate.stages.rules import Rule
from curate.storage.schema import DOCUMENT_COLUMNS, DOCUMENT_FIELDS


@dataclass(frozen=True)
class AnnotateOperation:
    """Measure signals; `fields` are the final columns in the order of `annotator.signals()`.

    parts: the annotators behind it, each by its first column; several where measures are fused.
    """

    entry: str
    annotator: Annotator
    fields: tuple[pa.Field, ...]
    parts: Mapping[str, Annotator]

    @property
    def guard(self) -> str:
        return self.entry


@dataclass(frozen=True)
class RuleOperation:
    """Judge documents. `columns` maps a rule's signal to its column.

    languages: those that the profile of the stage was measured for, to tell of others; None where
    there is no profile.
    """

    entry: str
    rules: tuple[Rule, ...]
    columns: Mapping[str, str]
    languages: tuple[str, ...] | None = None


@dataclass(frozen=True)
class EditOperation:
    """Change text and count the edits in `fields`.

    guard: how decisions name it; not as the entry where that emits documents too, in another
    segment. joined: columns that were there for this edit alone.
    """

    entry: str
    editor: Editor
    fields: tuple[pa.Field, ...]
    guard: str
    joined: tuple[str, ...] = ()


@dataclass(frozen=True)
class VerdictOperation:
    """Join the verdicts of an exchange; `fields` are their columns."""

    entry: str
    fields: tuple[pa.Field, ...]


Operation = AnnotateOperation | RuleOperation | EditOperation | VerdictOperation


@dataclass(frozen=True)
class LearnPlan:
    """What an entry learns from the documents that reach it."""

    entry: str
    fits: tuple[Fit, ...]


@dataclass(frozen=True)
class SegmentPlan:
    """One segment of one source.

    signals_before: columns that exist when it starts; signals: those it adds. exchange: the
    exchange whose rows it emits at its end. applies: the exchange whose verdicts it joins at its
    start. reads: what that exchange reads of a document -> its column. learns: the fits whose
    states it measures at its end; uses: those whose artefacts its stages work with. materialise: it
    writes new base shards, not a sidecar.
    """

    source: str
    index: int
    operations: tuple[Operation, ...]
    entries: tuple[StageEntry, ...]
    signals_before: tuple[pa.Field, ...]
    signals: tuple[pa.Field, ...]
    fills: tuple[pa.Field, ...]
    exchange: StageEntry | None
    applies: StageEntry | None
    materialise: bool
    reads: Mapping[str, str] = field(default_factory=dict)
    learns: LearnPlan | None = None
    uses: LearnPlan | None = None

    def beside(self) -> tuple[pa.Field, ...]:
        """Columns of its sidecar after `alive`: document columns it fills, then its signals."""
        return (*self.fills, *self.signals)

    def guards(self) -> frozenset[str]:
        """Entries whose code runs on single documents here, so that one may be given up in it."""
        names = [] if self.exchange is None else [self.exchange.name]
        for operation in self.operations:
            if isinstance(operation, AnnotateOperation):
                names.append(operation.entry)
            elif isinstance(operation, EditOperation):
                names.append(operation.guard)
        return frozenset(names if self.learns is None else [*names, self.learns.entry])

    def closes(self) -> frozenset[str]:
        """Entries whose last operation is in this segment or before it."""
        names = {entry.name for entry in self.entries if not isinstance(entry.stage, Exchange)}
        return frozenset(names | {operation.entry for operation in self.operations})


@dataclass
class _Builder:
    """Walks a chain; holds what the current segment has collected."""

    source: str
    segments: list[SegmentPlan] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    entries: list[StageEntry] = field(default_factory=list)
    known: dict[str, pa.Field] = field(default_factory=dict)
    before: tuple[pa.Field, ...] = ()
    measured: dict[str, dict[str, str]] = field(default_factory=dict)
    ahead: dict[str, tuple[pa.Field, ...]] = field(default_factory=dict)
    upcoming: Sequence[StageEntry] = ()
    filled: dict[str, None] = field(default_factory=dict)
    version: str = ""
    edited: bool = False
    applies: StageEntry | None = None
    uses: LearnPlan | None = None

    def add_field(self, prefix: str, signal: pa.Field, entry: StageEntry) -> pa.Field:
        """Declare a column."""
        return self.declare(pa.field(f"{prefix}.{signal.name}", signal.type), entry)

    def declare(self, column: pa.Field, entry: StageEntry) -> pa.Field:
        """Make a column known. Raises SpecError for one that exists."""
        if column.name in self.known or column.name in DOCUMENT_COLUMNS:
            raise SpecError(
                f"stage '{entry.name}': the signal column '{column.name}' exists already; give the "
                "stage another name"
            )
        self.known[column.name] = column
        return column

    def annotate(self, annotator: Annotator, entry: StageEntry) -> dict[str, str]:
        """Insert the annotator unless it ran on this text version; signal -> column."""
        identity = self.identity(annotator)
        if identity not in self.measured:
            if identity not in self.ahead:
                self.insert(annotator, entry)
            fields = [self.declare(column, entry) for column in self.ahead.pop(identity)]
            self.measured[identity] = {
                f"{annotator.name}.{signal.name}": column.name
                for signal, column in zip(annotator.signals(), fields, strict=True)
            }
        return self.measured[identity]

    def identity(self, annotator: Annotator) -> str:
        """Equal for annotators that measure the same on the current text version."""
        return f"{annotator.name}|{annotator.model_dump_json()}|{self.version}"

    def insert(self, annotator: Annotator, entry: StageEntry) -> None:
        """Append the operation that runs the annotator, with the measures that go along; `ahead`
        keeps their columns until their filters declare them.
        """
        together = [(annotator, entry)]
        if isinstance(annotator, Measure):
            together = self.measures_ahead(annotator, entry)
        fields = [
            tuple(
                pa.field(f"{each.prefix(owner.name)}.{signal.name}{self.version}", signal.type)
                for signal in each.signals()
            )
            for each, owner in together
        ]
        measures = [each for each, _ in together if isinstance(each, Measure)]
        self.operations.append(
            AnnotateOperation(
                entry.name,
                MeasureGroup(measures=tuple(measures)) if len(measures) > 1 else annotator,
                tuple(column for columns in fields for column in columns),
                {
                    columns[0].name: each
                    for (each, _), columns in zip(together, fields, strict=True)
                },
            )
        )
        self.filled |= dict.fromkeys(annotator.fills)
        self.ahead |= {
            self.identity(each): columns
            for (each, _), columns in zip(together, fields, strict=True)
        }

    def measures_ahead(
        self, first: Measure, entry: StageEntry
    ) -> list[tuple[Annotator, StageEntry]]:
        """`first`, then the new measures of the same words that this entry and later filters need
        before the text changes or the segment ends; with the entry that needs each first.
        """
        found: dict[str, tuple[Annotator, StageEntry]] = {self.identity(first): (first, entry)}
        words = first.segmenter()
        for each in (entry, *self.upcoming):
            learns = each is not entry and each.stage.fits()
            if learns or isinstance(each.stage, Editor | Exchange):
                break
            for wanted in each.stage.annotators() if isinstance(each.stage, Filter) else ():
                if not isinstance(wanted, Measure):
                    continue
                identity = self.identity(wanted)
                known = identity in self.measured or identity in self.ahead
                if known or wanted.segmenter() not in (None, words or wanted.segmenter()):
                    continue
                words = words or wanted.segmenter()
                found.setdefault(identity, (wanted, each))
            if each.checkpoint:
                break
        return list(found.values())

    def add(self, entry: StageEntry) -> None:
        stage = entry.stage
        if stage.fits():
            learns = LearnPlan(entry.name, stage.fits())
            if not inherits(stage):
                self.close(exchange=None, learns=learns)
            elif self.uses is not None:
                self.close(exchange=None)
            self.uses = learns
        self.entries.append(entry)
        if isinstance(stage, Annotator):
            self.annotate(stage, entry)
        elif isinstance(stage, Filter):
            columns: dict[str, str] = {}
            for annotator in stage.annotators():
                columns |= self.annotate(annotator, entry)
            languages = None if stage.profile is None else stage.profile.languages
            self.judge(entry, stage.judged_rules(), columns, languages)
        elif isinstance(stage, Exchange):
            self.add_exchange(entry, stage)
        elif isinstance(stage, Editor):
            self.version = f"@{entry.name}"
            fields = tuple(self.add_field(entry.name, signal, entry) for signal in stage.signals())
            self.operations.append(EditOperation(entry.name, stage, fields, entry.name))
            self.edited = True
            self.judge_edits(entry, stage, fields)
        else:
            raise SpecError(
                f"stage '{entry.name}': {type(stage).__name__} is none of the five kinds of stage"
            )
        if entry.checkpoint and not isinstance(stage, Exchange):
            self.close(exchange=None)

    def add_exchange(self, entry: StageEntry, stage: Exchange) -> None:
        """Emit at the end of this segment, join the verdicts in the next."""
        self.close(exchange=entry)
        self.applies = entry
        if isinstance(stage, ExchangeEditor):
            self.add_editing(entry, stage)
            return
        fields = tuple(self.add_field(entry.name, signal, entry) for signal in stage.verdicts())
        columns = {
            f"{stage.name}.{signal.name}": column.name
            for signal, column in zip(stage.verdicts(), fields, strict=True)
        }
        self.operations.append(VerdictOperation(entry.name, fields))
        self.judge(entry, stage.rules(), columns)

    def add_editing(self, entry: StageEntry, stage: ExchangeEditor) -> None:
        """Its verdicts are columns for the edit alone, under the names it gave them."""
        for verdict in stage.verdicts():
            if verdict.name in self.known or verdict.name in DOCUMENT_COLUMNS:
                raise SpecError(
                    f"stage '{entry.name}': its verdict '{verdict.name}' is a column of the "
                    "document already"
                )
        joined = tuple(verdict.name for verdict in stage.verdicts())
        self.version = f"@{entry.name}"
        fields = tuple(self.add_field(entry.name, signal, entry) for signal in stage.signals())
        self.operations.append(VerdictOperation(entry.name, stage.verdicts()))
        self.operations.append(
            EditOperation(entry.name, stage, fields, f"{entry.name}: edit", joined)
        )
        self.edited = True
        self.judge_edits(entry, stage, fields)

    def judge_edits(self, entry: StageEntry, stage: Editor, fields: Sequence[pa.Field]) -> None:
        """The rules that an editor has on its own counts."""
        if stage.rules():
            columns = {
                f"{stage.name}.{signal.name}": column.name
                for signal, column in zip(stage.signals(), fields, strict=True)
            }
            self.judge(entry, stage.rules(), columns)

    def judge(
        self,
        entry: StageEntry,
        rules: tuple[Rule, ...],
        columns: dict[str, str],
        languages: tuple[str, ...] | None = None,
    ) -> None:
        """Append the rules of an entry; columns: its signals, as the rules name them."""
        self.operations.append(
            RuleOperation(entry.name, rules, self.resolve(entry, rules, columns), languages)
        )

    def resolve(
        self, entry: StageEntry, rules: Sequence[Rule], columns: dict[str, str]
    ) -> dict[str, str]:
        """Signal -> column for every rule. Raises SpecError for a signal that nobody measures."""
        return {
            wanted: self.column(entry, columns.get(wanted, wanted), wanted, f"rule '{rule.name}'")
            for rule in rules
            for wanted in (rule.signal, *((rule.by,) if rule.by is not None else ()))
        }

    def column(self, entry: StageEntry, column: str, wanted: str, who: str) -> str:
        """The column that `who` means by `wanted`: `column`, or that of this text version. Raises
        SpecError where nobody makes it.
        """
        for name in (column, wanted + self.version):
            if name in self.known or name in DOCUMENT_COLUMNS:
                return name
        raise SpecError(
            f"stage '{entry.name}': {who} needs '{wanted}', which no stage before it measures"
        )

    def read_by(self, entry: StageEntry) -> dict[str, str]:
        """What an exchange reads of a document -> its column."""
        assert isinstance(entry.stage, Exchange)
        names = [name for name in entry.stage.columns() if name != "address"]
        return {name: self.column(entry, name, name, "it") for name in names}

    def close(self, exchange: StageEntry | None, learns: LearnPlan | None = None) -> None:
        """End the current segment; it emits for `exchange`, measures what `learns` needs, or writes
        base shards when there is neither.
        """
        before = {signal.name for signal in self.before}
        self.segments.append(
            SegmentPlan(
                source=self.source,
                index=len(self.segments) + 1,
                operations=tuple(self.operations),
                entries=tuple(self.entries),
                signals_before=self.before,
                signals=tuple(column for name, column in self.known.items() if name not in before),
                fills=tuple(column for column in DOCUMENT_FIELDS if column.name in self.filled),
                exchange=exchange,
                applies=self.applies,
                materialise=self.edited
                or (exchange is None and learns is None)
                or (exchange is not None and exchange.checkpoint),
                reads={} if exchange is None else self.read_by(exchange),
                learns=learns,
                uses=self.uses,
            )
        )
        self.before = tuple(self.known.values())
        self.operations, self.entries, self.applies, self.edited = [], [], None, False
        self.uses = None
        self.filled = {}


def inherits(stage: Stage) -> bool:
    """Whether what the stage must learn comes with the index that it reads."""
    return isinstance(stage, Exchange) and bool(stage.index_paths())


def compile_chain(source: str, entries: Sequence[StageEntry]) -> tuple[SegmentPlan, ...]:
    """Segments of one source in order; the last one materialises what `documents/` is made of.

    Raises SpecError for a rule on a signal that nobody measures and for two stages that would write
    the same column.
    """
    builder = _Builder(source)
    for place, entry in enumerate(entries):
        builder.upcoming = entries[place + 1 :]
        builder.add(entry)
    last = builder.segments[-1] if builder.segments else None
    if builder.operations or last is None or last.exchange is not None or last.learns is not None:
        builder.close(exchange=None)
    segments = builder.segments
    return (*segments[:-1], replace(segments[-1], materialise=True))


def all_signals(chains: Sequence[Sequence[SegmentPlan]]) -> tuple[pa.Field, ...]:
    """Every signal column of the run, in order of first appearance: the declared tail of every
    published schema.

    Raises SpecError when two sources give one column different types.
    """
    found: dict[str, pa.Field] = {}
    for segments in chains:
        for segment in segments:
            for signal in segment.signals:
                other = found.setdefault(signal.name, signal)
                if other.type != signal.type:
                    raise SpecError(
                        f"signal '{signal.name}' is {other.type} in one source and {signal.type} "
                        "in another"
                    )
    return tuple(found.values())
