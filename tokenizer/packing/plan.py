"""The files of a packing plan: `tokens/<split>/packing.json` and the rows below `packing/`.

`packing.json` says how rows were made and what that cost (`PackingFigures` of every strategy). Part
k of the rows is two NumPy files that are read in place: `<k>.starts.npy` (uint32, where the pieces
of a row begin) and `<k>.pieces.npy` (`packing.piece_type`: document, start, length). A document is
its row in documents.parquet; pieces of a row stand in the order of its tokens.
"""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from curate.tokenizer.files.record import read_record
from curate.tokenizer.packing.report import PackingFigures
from curate.tokenizer.packing.rows import Strategy

PLAN_NAME = "packing.json"


def starts_name(part: int) -> str:
    """Below the folder of the split."""
    return f"packing/{part:05d}.starts.npy"


def pieces_name(part: int) -> str:
    """Below the folder of the split."""
    return f"packing/{part:05d}.pieces.npy"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlanPart(_Frozen):
    """One pair of files. lengths: (tokens per row, number of such rows), in the order of the rows;
    `sequence_length` + 1 tokens for `concat`.
    """

    pieces: int = Field(ge=0)
    lengths: tuple[tuple[int, int], ...]

    @property
    def rows(self) -> int:
        return sum(rows for _, rows in self.lengths)


class PackingPlan(_Frozen):
    """The whole file. `seed` starts the sample order; `figures` holds the chosen strategy as it was
    made and the others as they would be; `phases` says how many rows belong to each phase of the
    mixture's schedule (one without a schedule).
    """

    format: Literal["curate-packing"] = "curate-packing"
    format_version: Literal[1] = 1
    strategy: Strategy
    sequence_length: int = Field(ge=2)
    shortest_bucket: int | None
    seed: int = Field(ge=0, lt=2**64)
    figures: dict[Strategy, PackingFigures]
    parts: tuple[PlanPart, ...]
    phases: tuple[int, ...]

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return (json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True) + "\n").encode()


def read_packing_plan(data: bytes, path: str) -> PackingPlan:
    """Parse `packing.json`; `path` is for the message. Raises DataError for anything else."""
    return read_record(PackingPlan, data, path, "packing plan")
