"""Language identification with fastText (Joulin et al. 2016, arXiv 1607.01759), model lid.176
(CC-BY-SA 3.0).

What: the most probable languages of a document with their probabilities, and a filter that keeps
the languages one wants at a minimum probability. The compact model (0.9 MB) comes with this
package; the full one (131 MB) is given by path.

As everywhere in the field the text is one line: line feeds become spaces. Also blanked are the two
words that fastText takes for its own marks: `</s>` ends the line, so a page that begins with it
would be judged by nothing at all, and `__label__x` is a label. NUL counts as a space. A document of
white space has no language (null). At most `max_text_bytes` from the start of the text are read,
cut at a character boundary, so that a book costs no more than a long page.

Differs from datatrove and DCLM (0.65 on lid.176.bin): the compact model by default; the threshold
is per language; long texts are cut.

Cost: 2.5 to 4.6 MB/s per core with lid.176.ftz (C4, English and Korean Wikipedia), so this is the
slowest of the basic filters; the model is loaded once per process. Scores depend on the CPU type in
the last digits (`determinism = "platform"`); they can exceed 1 by rounding and are cut to 1.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Self

import pyarrow as pa
from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from curate.errors import SpecError
from curate.models import catalogue
from curate.stages.base import Annotator, Filter, ModelFile, Stage
from curate.stages.rules import Rule

DEFAULT_MODEL = "lid.176.ftz"
DEFAULT_MINIMUM_SCORE = 0.65
"""Of datatrove, DCLM and FineWeb."""

LID_176_MODELS = ("lid.176.ftz", "lid.176.bin")
LID_176_LANGUAGES: tuple[str, ...] = tuple(
    (
        "af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce "
        "ceb ckb co cs cv cy da de diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd "
        "gl gn gom gu gv he hi hif hr hsb ht hu hy ia id ie ilo io is it ja jbo jv ka kk km kn "
        "ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms mt "
        "mwl my myv mzn nah nap nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt qu rm "
        "ro ru rue sa sah sc scn sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt "
        "tyv ug uk ur uz vec vep vi vls vo wa war wuu xal xmf yi yo yue zh "
    ).split()
)
"""Labels of lid.176: ISO 639-1 or 639-3 codes as Wikipedia uses them."""

_COUNTRY_FOR_LANGUAGE = {
    "cn": "zh",
    "cz": "cs",
    "dk": "da",
    "gr": "el",
    "jp": "ja",
    "kr": "ko",
    "se": "sv",
    "ua": "uk",
    "vn": "vi",
}
"""Codes of countries that people write for languages."""

_LABEL = "__label__"
_SPACES = bytes.maketrans(b"\n\0", b"  ")


class _LanguageModel(Stage):
    """What the annotator and the filter share: the model and how it is asked."""

    version: ClassVar = 1
    determinism: ClassVar = "platform"
    distributions: ClassVar = ("fasttext-wheel",)

    model: str = Field(
        DEFAULT_MODEL,
        min_length=1,
        description="fastText model: a name of the catalogue (lid.176.ftz) or a path",
    )
    top_k: int = Field(1, ge=1, le=16, description="languages kept as signals, most probable first")
    max_text_bytes: int = Field(
        2**17,
        ge=1024,
        description="bytes of UTF-8 read from the start of a document; the rest is not looked at",
    )

    def models(self) -> tuple[ModelFile, ...]:
        """The model file with its digest. Raises SpecError where it is missing or damaged."""
        return (_model_file(self.model),)


class LanguageIdentification(_LanguageModel, Annotator):
    """The `top_k` most probable languages: `label`, `score`, `label_2`, `score_2`, ..."""

    name: ClassVar = "language_identification"
    fills: ClassVar = ("language", "language_score")

    def signals(self) -> tuple[pa.Field, ...]:
        """`label` (string) and `score` (float64, 0 to 1), then the same with `_2`, `_3`, ..."""
        return tuple(
            pa.field(f"{signal}{suffix}", kind)
            for suffix in _suffixes(self.top_k)
            for signal, kind in (("label", pa.string()), ("score", pa.float64()))
        )

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """n documents in, n rows out. O(bytes), at most `max_text_bytes` per document.

        Raises SpecError when the model file is missing or is none. Every text has an answer.
        """
        found = _model_file(self.model)
        model = _load(found.path, found.sha256)
        texts = batch.column("text").cast(pa.large_binary()).to_pylist()
        rankings = [_rank(model, text, self.top_k, self.max_text_bytes) for text in texts]
        columns: list[pa.Array] = []
        for place in range(self.top_k):
            entries = [
                ranking[place] if place < len(ranking) else (None, None) for ranking in rankings
            ]
            columns.append(pa.array([label for label, _ in entries], pa.string()))
            columns.append(pa.array([score for _, score in entries], pa.float64()))
        schema = [
            *self.signals(),
            pa.field("language", pa.string()),
            pa.field("language_score", pa.float64()),
        ]
        return pa.record_batch([*columns, columns[0], columns[1]], schema=pa.schema(schema))


def _as_minimum_scores(value: Any) -> Any:
    """`[en, de]` is short for `{en: 0.65, de: 0.65}`; everything else is left to the type check."""
    if isinstance(value, list | tuple) and all(isinstance(code, str) for code in value):
        return dict.fromkeys(value, DEFAULT_MINIMUM_SCORE)
    return value


_Score = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]
_KEEP_SCHEMA = {
    "anyOf": [
        {
            "type": "object",
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
            "minProperties": 1,
        },
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {"type": "null"},
    ],
    "default": None,
}


class Language(_LanguageModel, Filter):
    """Keep documents in the wanted languages; without `keep` only measure."""

    name: ClassVar = "language"
    requires: ClassVar = (LanguageIdentification,)

    keep: Annotated[
        dict[str, _Score] | None, BeforeValidator(_as_minimum_scores), WithJsonSchema(_KEEP_SCHEMA)
    ] = Field(
        None,
        description="lowest probability (0 to 1) per wanted language, or a list of languages "
        "(0.65 each: datatrove, DCLM); others are removed; left out: nothing is removed",
    )

    @model_validator(mode="after")
    def _languages_are_known(self) -> Self:
        if self.keep is None:
            return self
        if not self.keep:
            raise ValueError(
                "keep: names no language, so every document would go; "
                "leave `keep` out to only measure"
            )
        known = _languages_of(self.model)
        for code in self.keep:
            if code not in known:
                raise ValueError(f"keep: {self.model} {_unknown_language(code, known)}")
        return self

    def annotators(self) -> tuple[Annotator, ...]:
        """One `LanguageIdentification` with this stage's configuration."""
        return (
            LanguageIdentification(
                model=self.model, top_k=self.top_k, max_text_bytes=self.max_text_bytes
            ),
        )

    def rules(self) -> tuple[Rule, ...]:
        """One rule: the best score has a lowest value per language, infinity for unwanted ones."""
        if self.keep is None:
            return ()
        prefix = LanguageIdentification.name
        lowest: Mapping[str, float] = {**self.keep, "default": math.inf}
        return (Rule("score", signal=f"{prefix}.score", low=lowest, by=f"{prefix}.label"),)


def _unknown_language(code: str, known: tuple[str, ...]) -> str:
    """What is wrong with a code, the nearest known one, and which there are (all when few)."""
    meant = _COUNTRY_FOR_LANGUAGE.get(code.lower(), "")
    near = [meant] if meant in known else get_close_matches(code.lower(), known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    listed = ", ".join(known) if len(known) <= 20 else f"{len(known)} codes such as en, de, zh"
    return f"knows no language {code!r}{hint} It knows {listed}"


def _suffixes(top_k: int) -> list[str]:
    return ["", *(f"_{place}" for place in range(2, top_k + 1))]


def _model_file(name_or_path: str) -> ModelFile:
    found = catalogue.find(name_or_path)
    return ModelFile(name=found.name, path=found.path, sha256=found.sha256)


def _languages_of(name_or_path: str) -> tuple[str, ...]:
    """Labels of the model, sorted; a model other than lid.176 is loaded for them."""
    if PurePath(name_or_path).name in LID_176_MODELS:
        return LID_176_LANGUAGES
    try:
        found = catalogue.find(name_or_path)
        labels, _counts = _load(found.path, found.sha256).getLabels("replace")
    except SpecError as error:
        raise ValueError(str(error)) from error
    return tuple(sorted(label.removeprefix(_LABEL) for label in labels))


@functools.cache
def _load(path: str, sha256: str) -> Any:
    """The model, once per process; the digest is part of the key: a replaced file is read again.

    Raises SpecError when the file is no fastText model. `fasttext.load_model` prints a notice and
    its `predict` fails with numpy 2, so the extension module below it is used.
    """
    import fasttext_pybind

    del sha256
    model = fasttext_pybind.fasttext()
    try:
        model.loadModel(path)
    except (ValueError, RuntimeError, MemoryError) as error:
        raise SpecError(f"{path}: not a fastText model ({error})") from error
    return model


def _rank(
    model: Any, text: bytes | None, top_k: int, max_text_bytes: int
) -> list[tuple[str, float]]:
    """(label, probability) of one text, most probable first; empty for a text of white space."""
    line = _one_line(text or b"", max_text_bytes)
    if not line.strip():
        return []
    found = model.predict(line + b"\n", top_k, 0.0, "replace")
    return [(label.removeprefix(_LABEL), min(1.0, probability)) for probability, label in found]


def _one_line(text: bytes, max_text_bytes: int) -> bytes:
    """The start of the text without what fastText takes for the end of a line or for a label."""
    line = _cut(text, max_text_bytes).translate(_SPACES)
    # The space keeps the two sides apart, so blanking one mark cannot make another.
    return line.replace(b"</s>", b" ").replace(_LABEL.encode(), b" ")


def _cut(text: bytes, max_bytes: int) -> bytes:
    """At most `max_bytes`, ending between two characters."""
    if len(text) <= max_bytes:
        return text
    end = max_bytes
    while end > 0 and text[end] & 0b1100_0000 == 0b1000_0000:
        end -= 1
    return text[:end]
