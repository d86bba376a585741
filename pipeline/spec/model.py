"""A checked pipeline file as data. `pipeline.spec.load` makes it; nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from curate.stages.base import SourceKind, Stage
from curate.stages.sources.base import InputFile, Source
from curate.tokenizer.config import PackConfig, TokenizerConfig
from curate.tokenizer.mixture.config import MixtureConfig


class Section(BaseModel):
    """Base of the plain sections of the file: unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


NAME_PATTERN = r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$"
"""Names become folder names: no separators, no leading dot."""

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class PipelineHead(Section):
    """The plain values at the top of the file."""

    name: Name = Field(description="name of the pipeline: letters, digits, '.', '_' and '-'")
    output: str = Field(
        min_length=1,
        description="run folder: a path relative to this file, or an fsspec URL (s3://, gs://)",
    )
    seed: int = Field(
        0, ge=0, lt=2**64, description="start of every draw; the same seed gives the same bytes"
    )
    max_bad_fraction: Fraction = Field(
        0.01, description="the run stops (exit code 3) when more of the records are quarantined"
    )
    keep_intermediates: Literal["extracted", "all", "none"] = Field(
        "extracted", description="what stays in steps/ after the run"
    )


class EntryOptions(Section):
    """Keys beside a stage in an entry of `stages:`."""

    name: Name | None = Field(None, description="instance name; the stage's own by default")
    needs: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="stages or sources it takes documents from; the entry before by default",
    )
    only: tuple[str, ...] | None = Field(
        None, min_length=1, description="sources it works on; others pass by untouched"
    )
    kinds: tuple[SourceKind, ...] | None = Field(
        None, min_length=1, description="kinds of source it is meant for; others pass by untouched"
    )
    expect_kept: tuple[Fraction, Fraction] | None = Field(
        None,
        description="guard rail [low, high]: outside it the run stops (exit code 3)",
    )
    checkpoint: bool = Field(
        False,
        description="write the documents after this stage, so that later changes restart here",
    )
    published_removal: Fraction | None = Field(
        None, description="share of documents its paper says it removes; twice that warns"
    )


RECIPE_KEY = "recipe"
"""The key of an entry that stands for a recipe's stages."""

RESERVED_KEYS: tuple[str, ...] = tuple(EntryOptions.model_fields)
"""Keys beside a stage: no stage is called so."""


class EngineConfig(Section):
    """Sizes of the work; none of them depends on the machine. Byte values accept `256 MiB`."""

    shard_input_bytes: int = Field(
        256 * 2**20,
        ge=1024,
        description="input per reading task; also text per output shard, bytes",
    )
    exchange_partition_bytes: int = Field(
        512 * 2**20, ge=1024, description="planned size of one exchange partition, bytes"
    )
    exchange_fan_in: int = Field(
        1024, ge=2, description="exchange files read at once; more are consolidated in groups first"
    )
    batch_bytes: int = Field(
        32 * 2**20, ge=1024, description="text per Arrow batch inside a worker, bytes"
    )
    row_group_bytes: int = Field(
        16 * 2**20, ge=1024, description="text per Parquet row group, bytes"
    )
    part_bytes: int = Field(
        2**30, ge=1024, description="text per published part of documents/, bytes"
    )
    max_document_bytes: int = Field(
        100 * 2**20, ge=1024, description="a longer record is quarantined, bytes"
    )
    max_expansion_ratio: int = Field(
        1000, ge=2, description="decompressed bytes per compressed byte before a file is cut off"
    )
    document_timeout_s: float = Field(
        60.0, gt=0, description="CPU seconds one document may take before it is given up, s"
    )


class RemovedConfig(Section):
    """What removed/ keeps of the text."""

    text: Literal["all", "sample", "none"] | None = Field(
        None,
        description="all below 20 GB of planned input, else sample (1 % by draw); null chooses",
    )


class ReportConfig(Section):
    """The HTML report."""

    title: str | None = Field(None, description="headline; the pipeline's name by default")
    examples: int = Field(10, ge=0, le=100, description="removed documents shown per rule")


@dataclass(frozen=True, slots=True)
class StageEntry:
    """One entry of `stages:`. `name` is the instance name; `line` is where it stands in the file
    (1-based, 0 if none).
    """

    name: str
    stage: Stage
    needs: tuple[str, ...]
    """Names of the stages or sources it takes documents from; already filled in when the file left
    it out.
    """
    only: tuple[str, ...] | None = None
    expect_kept: tuple[float, float] | None = None
    checkpoint: bool = False
    line: int = 0
    published_removal: float | None = None
    kinds: tuple[str, ...] | None = None


@dataclass(frozen=True)
class PipelineSpec:
    """The whole file. `path` is the file, `folder` where its relative paths start; both stay out of
    every fingerprint.
    """

    name: str
    output: str
    seed: int
    sources: Mapping[str, Source]
    stages: tuple[StageEntry, ...]
    tokenizer: TokenizerConfig | None
    pack: PackConfig | None
    engine: EngineConfig
    removed: RemovedConfig
    report: ReportConfig
    max_bad_fraction: float
    keep_intermediates: Literal["extracted", "all", "none"]
    path: str
    folder: str
    text: str
    """The file as read, kept for `run.json`."""
    overrides: tuple[str, ...] = ()
    """The `key.path=value` arguments, in the order they were applied."""
    mixture: MixtureConfig | None = None
    notes: tuple[str, ...] = ()
    """What recipes would do and this version of curate cannot."""

    @cached_property
    def input_files(self) -> dict[str, list[InputFile]]:
        """Files of every source, listed once. Raises SpecError when a pattern matches nothing."""
        return {name: source.files(self.folder) for name, source in self.sources.items()}
