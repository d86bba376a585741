"""Bad words by language (Raffel et al. 2020, C4, arXiv 1910.10683, section 2.2): documents that
hold a word of a list for their language go.

The lists are yours: `path` names a folder with one file per language, named by its code (`en`,
`de.txt`, `ja.txt.gz`), or one file for all. The lists of C4 and datatrove are LDNOOBW's
(github.com/LDNOOBW/List-of-Dirty-Naughty-Obscene-and-Otherwise-Bad-Words, CC-BY-4.0, 28 languages):
clone that repository and give its folder. They are not part of this package: whoever uses them must
name their authors. Lists of such words remove medicine, law and texts by and about minorities along
with what they are for (Dodge et al. 2021, arXiv 2104.08758); look at `bad_words.first` in the
removed documents.

A word counts when it stands alone: no letter, number, `_` or combining mark touches it. In
languages written without spaces (ja, zh, th and others) it counts anywhere. Case is ignored. The
list is chosen by the column `language` (`en-GB` falls back to `en`); a document without a language
gets the list of `default_language`, one in a language without a list has no signals and is kept.

As in datatrove's `C4BadWordsFilter` with `keep_fraction: 0`, which decides the same on 2,000
documents of C4 (benchmarks/golden_bad_words). Differs: entries with capital letters match too (it
lowers the text but not the list: 61 of the 68 Spanish ones never do there); a combining mark
belongs to its word; a language without a list stops nothing; the draw of `keep_fraction` depends on
the document's id alone, so it is the same in every order.

Cost: one pass, 5 to 8 ns per byte, no memory per document.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.errors import SpecError
from curate.kernels.draw import Purpose, draw_many, selected
from curate.kernels.phrases import PhraseSet
from curate.stages.base import Annotator, Filter, ModelFile, SourceKind, Stage
from curate.stages.lists import ListFile, read_list
from curate.stages.rules import Rule

WITHOUT_SPACES = frozenset("bo dz ja km lo my th wuu yue zh".split())
"""Languages whose words are not set apart (C4 and datatrove: ja, th, zh)."""

EVERY_LANGUAGE = "*"
"""Key of a list that holds for all languages."""

_FILE_NAME = re.compile(r"([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*)(?:\.txt)?(?:\.gz)?")


class _BadWordLists(Stage):
    """What the annotator and the filter share: the lists and how a document is judged by them."""

    version: ClassVar[int] = 1

    path: str = Field(
        min_length=1,
        description="folder with a list per language, named by its code (a checkout of LDNOOBW, "
        "CC-BY-4.0, is one), or one list file for all languages; UTF-8, plain or gzip",
    )
    default_language: str = Field(
        "en", min_length=2, description="language of documents whose column `language` is empty"
    )
    allow: dict[str, tuple[str, ...]] = Field(
        default={"ja": ("sm", "グロ", "女の子"), "zh": ("性",)},
        description="entries of the lists that are no bad words, by language (C4, datatrove)",
    )
    keep_fraction: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the documents with bad words that a draw keeps all the same "
        "(C4's code: 0)",
    )
    seed: int = Field(
        0, ge=0, lt=2**64, description="start of the draw of `keep_fraction` by document id"
    )

    def models(self) -> tuple[ModelFile, ...]:
        """The list files. Raises SpecError: missing, empty, not UTF-8, no list for the default."""
        lists = _read_lists(self.path)
        _list_of(self.default_language, lists, self.path)
        return tuple(lists[code].as_model(f"bad words {code}") for code in sorted(lists))


class BadWordCounts(_BadWordLists, Annotator):
    """Bad words of a document.

    count: matches, null where there is no list for the language. fraction: characters in matches,
    of all characters. first: the entry that matches first. count_after_draw (only with a
    `keep_fraction`): `count`, but 0 for documents that the draw keeps.
    """

    name: ClassVar[str] = "bad_words"
    reads: ClassVar[tuple[str, ...]] = ("id", "text", "language")

    def signals(self) -> tuple[pa.Field, ...]:
        """`count` (int64), `fraction` (float64), `first` (string), maybe `count_after_draw`."""
        drawn = [pa.field("count_after_draw", pa.int64())] if self.keep_fraction > 0 else []
        return (
            pa.field("count", pa.int64()),
            pa.field("fraction", pa.float64()),
            pa.field("first", pa.string()),
            *drawn,
        )

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """n documents in, n rows out. O(bytes). Raises SpecError when a list cannot be read."""
        lists = _read_lists(self.path)
        text, rows = batch.column("text"), batch.num_rows
        language = pc.dictionary_encode(pc.fill_null(batch.column("language"), ""))
        which = language.indices.to_numpy(zero_copy_only=False)
        count, characters = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        length, first = np.ones(rows, np.int64), pa.nulls(rows, pa.string())
        listed = np.zeros(rows, np.bool_)
        for index, code in enumerate(language.dictionary.to_pylist()):
            wanted = code or self.default_language
            key = _key_of(wanted, lists)
            if key is None:
                continue
            of_language = which == index
            words, phrases = _phrases(
                lists[key].path,
                lists[key].sha256,
                _primary(wanted) not in WITHOUT_SPACES,
                tuple(self.allow.get(_primary(wanted), ())),
            )
            mask = pa.array(of_language)
            found = phrases.counts(text if of_language.all() else text.filter(mask))
            listed |= of_language
            count[of_language], characters[of_language] = found.count, found.characters
            length[of_language] = np.maximum(found.text_characters, 1)
            named = words.take(pa.array(found.first, mask=found.first < 0))
            first = pc.replace_with_mask(first, mask, named)
        columns = [
            pa.array(count, mask=~listed),
            pa.array(characters / length, mask=~listed),
            first,
        ]
        if self.keep_fraction > 0:
            draws = draw_many(self.seed, Purpose.KEEP, batch.column("id"))
            kept = selected(draws, self.keep_fraction)
            columns.append(pa.array(np.where(kept, 0, count), mask=~listed))
        return pa.RecordBatch.from_arrays(columns, schema=pa.schema(self.signals()))


class BadWords(_BadWordLists, Filter):
    """Remove documents with words of a list for their language."""

    name: ClassVar[str] = "bad_words"
    made_for: ClassVar[tuple[SourceKind, ...]] = ("web", "forum")
    requires: ClassVar[tuple[type[Annotator], ...]] = (BadWordCounts,)

    max_count: int | None = Field(
        0, ge=0, le=2**53, description="most bad words in a document (C4: 0); null for no bound"
    )
    max_fraction: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="characters in bad words, of all characters (data-juicer bounds words of all "
        "words by 0.045); left out: no bound",
    )
    unlisted_languages: Literal["keep", "remove"] = Field(
        "keep", description="what happens to documents in a language without a list"
    )

    def annotators(self) -> tuple[Annotator, ...]:
        """One `BadWordCounts` with this stage's lists."""
        return (
            BadWordCounts(**{name: getattr(self, name) for name in _BadWordLists.model_fields}),
        )

    def rules(self) -> tuple[Rule, ...]:
        """`count` (after the draw, where there is one), then `fraction` if it is bounded."""
        missing: Literal["break", "keep"] = "keep" if self.unlisted_languages == "keep" else "break"
        count = "count_after_draw" if self.keep_fraction > 0 else "count"
        rules = []
        if self.max_count is not None:
            rules.append(Rule("count", f"bad_words.{count}", high=self.max_count, missing=missing))
        if self.max_fraction is not None:
            rules.append(
                Rule("fraction", "bad_words.fraction", high=self.max_fraction, missing=missing)
            )
        return tuple(rules)


def _read_lists(path: str) -> Mapping[str, ListFile]:
    """The lists by language code, or one under `EVERY_LANGUAGE`."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return {EVERY_LANGUAGE: read_list(path)}
    lists: dict[str, ListFile] = {}
    for file in sorted(folder.iterdir()):
        found = _FILE_NAME.fullmatch(file.name)
        if found is None or not file.is_file():
            continue
        code = found[1].replace("_", "-").lower()
        if code in lists:
            raise SpecError(f"{path}: two lists for the language {code}; remove one of them")
        lists[code] = read_list(str(file))
    if not lists:
        raise SpecError(
            f"{path}: no file in this folder is named by a language code (en, de.txt, ja.txt.gz); "
            "get the lists of LDNOOBW from github.com/LDNOOBW, or write your own"
        )
    return lists


def _primary(language: str) -> str:
    return language.replace("_", "-").lower().partition("-")[0]


def _key_of(language: str, lists: Mapping[str, ListFile]) -> str | None:
    """The list for a language: its own, that of the language without region, or the only one."""
    keys = (language.replace("_", "-").lower(), _primary(language), EVERY_LANGUAGE)
    return next((key for key in keys if key in lists), None)


def _list_of(language: str, lists: Mapping[str, ListFile], path: str) -> None:
    if _key_of(language, lists) is None:
        raise SpecError(
            f"{path}: no list for `default_language` {language!r}; there are lists for "
            f"{', '.join(sorted(lists))}"
        )


@functools.lru_cache(maxsize=256)
def _phrases(
    path: str, sha256: str, whole_words: bool, allow: tuple[str, ...]
) -> tuple[pa.StringArray, PhraseSet]:
    """The entries that count, and how to find them; made once per process and file state."""
    del sha256
    allowed = frozenset(allow)
    words = [word for word in read_list(path).texts() if word not in allowed]
    return pa.array(words, pa.string()), PhraseSet(words, whole_words=whole_words)
