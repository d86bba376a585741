"""Phrases that show text made by a machine: assistants, refusals, templates, translation.

Assistant phrases ("as an ai language model", "certainly! here is"), refusals ("i cannot fulfill
this request"), what templates leave behind ("[insert name]", "lorem ipsum", "{{name}}") and what
translators do ("this page was automatically translated") are counted. By default the stage only
measures: texts about assistants, templates and translation quote the same phrases. Bound what your
corpus should not hold, for example `max_assistant: 0`.

The phrases are data: `stages/quality/phrases/machine_text/<language>.toml` for de, en, es, fr, it,
ja, ko, pt, ru, zh, written for this package; `phrases` adds a file of your own in the same form.
All languages are searched in all documents, case is ignored, phrases match anywhere. A phrase is a
sign, not a proof: most machine text shows none.

Relative: the FineWeb report (Penedo et al. 2024, arXiv 2406.17557) counts phrases such as "as a
large language model" per crawl to see how much machine text a crawl holds.

Cost: one pass, 4 to 6 ns per byte for all languages together, no memory per document.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from curate.stages.base import Annotator, Filter, ModelFile, Stage
from curate.stages.quality.phrase_groups import (
    GroupedPhrases,
    as_model,
    grouped,
    packaged_groups,
    read_groups,
)
from curate.stages.rules import Rule

LanguageCode = Literal["de", "en", "es", "fr", "it", "ja", "ko", "pt", "ru", "zh"]
LANGUAGES: tuple[LanguageCode, ...] = ("de", "en", "es", "fr", "it", "ja", "ko", "pt", "ru", "zh")
KINDS = ("assistant", "refusal", "template", "translation")


class _Phrases(Stage):
    """What the annotator and the filter share: which phrases are searched."""

    version: ClassVar[int] = 1

    languages: tuple[LanguageCode, ...] = Field(
        LANGUAGES,
        description="languages whose phrases are searched, in every document; none: only `phrases`",
    )
    phrases: str | None = Field(
        None,
        description="TOML file of your own with lists `assistant`, `refusal`, `template`, "
        "`translation`, added to those of the languages",
    )

    def models(self) -> tuple[ModelFile, ...]:
        """The file of the user. Raises SpecError: missing, no TOML, not UTF-8, without a phrase."""
        if self.phrases is None:
            return ()
        read_groups(Path(self.phrases), KINDS)
        return (as_model(self.phrases),)


class MachinePhrases(_Phrases, Annotator):
    """Phrases of machine text in a document.

    assistant, refusal, template, translation: matches of each kind; kinds do not hide each other.
    count: matches of all kinds, leftmost and longest, without overlap. fraction: characters in
    these matches, of all characters. first: the phrase that matches first, null for none.
    """

    name: ClassVar[str] = "machine_text"

    def signals(self) -> tuple[pa.Field, ...]:
        """Five int64 counts, `fraction` (float64), `first` (string)."""
        counts = (pa.field(name, pa.int64()) for name in (*KINDS, "count"))
        return (*counts, pa.field("fraction", pa.float64()), pa.field("first", pa.string()))

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """n documents in, n rows out. O(bytes). Raises ValueError for nulls or invalid UTF-8."""
        digest = "".join(model.sha256 for model in self.models())
        searched = _searched(self.languages, self.phrases, digest)
        found = searched.phrases.counts(batch.column("text"))
        texts = pa.array(searched.texts, pa.string())
        columns = [pa.array(found.by_group[:, kind]) for kind in range(len(KINDS))]
        columns += [
            pa.array(found.count),
            pa.array(found.characters / np.maximum(found.text_characters, 1)),
            texts.take(pa.array(found.first, mask=found.first < 0)),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=pa.schema(self.signals()))


_MOST = Field(None, ge=0, le=2**53, description="most phrases of this kind; left out: no bound")


class MachineText(_Phrases, Filter):
    """Count phrases of assistants, refusals, templates and translators; bound them on request."""

    name: ClassVar[str] = "machine_text"
    requires: ClassVar[tuple[type[Annotator], ...]] = (MachinePhrases,)

    max_phrases: int | None = Field(
        None, ge=0, le=2**53, description="most phrases of all kinds; left out: no bound"
    )
    max_assistant: int | None = _MOST
    max_refusal: int | None = _MOST
    max_template: int | None = _MOST
    max_translation: int | None = _MOST
    max_fraction: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="characters in phrases, of all characters; left out: no bound",
    )

    def annotators(self) -> tuple[Annotator, ...]:
        """One `MachinePhrases` with this stage's phrases."""
        return (MachinePhrases(languages=self.languages, phrases=self.phrases),)

    def rules(self) -> tuple[Rule, ...]:
        """A rule for every bound that is set; none by default."""
        bounds = {kind: getattr(self, f"max_{kind}") for kind in KINDS}
        bounds |= {"count": self.max_phrases, "fraction": self.max_fraction}
        return tuple(
            Rule(name, f"machine_text.{name}", high=bound)
            for name, bound in bounds.items()
            if bound is not None
        )


@functools.lru_cache(maxsize=16)
def _searched(languages: tuple[str, ...], path: str | None, digest: str) -> GroupedPhrases:
    """Made once per process and state of the user's file."""
    del digest
    parts = [packaged_groups(f"machine_text/{language}", KINDS) for language in languages]
    if path is not None:
        parts.append(read_groups(Path(path), KINDS))
    return grouped(tuple(parts), KINDS)
