"""Characters of a document, measured once for all filters that ask for them.

Cost: about 5 ns per byte of English, no memory per document.
"""

from __future__ import annotations

from typing import ClassVar

from curate.stages.measures import Measure


class CharacterStatistics(Measure):
    """Shares of kinds of characters, and the longest words and lines.

    Of all characters (code points), white space included: alphanumeric_fraction (letters and
    numbers of any script: `str.isalnum`), digit_fraction (category Nd), special_fraction
    (data-juicer's set: ASCII punctuation, digits and white space, some 230 others, emoji of one
    code point), not_english_fraction (all but `a-z A-Z 0-9 ? ! , .` and LF: NeMo), bracket_fraction
    (`{}[]()⟨⟩`), white_space_fraction (space, TAB, LF, CR, BS: NeMo), url_fraction (what NeMo's
    expression for http:// and https:// matches).
    longest_word: characters of the longest run without white space; a letter of a script without
    spaces (Han, kana, Thai, ...) ends a run too, so that Chinese prose is not one word.
    mean_line_length: characters, line ends included, per line of `str.splitlines`. longest_line:
    characters. open_line_fraction: lines (ends: LF) that do not end with `. ? ! " '`, of all lines
    with more than white space (NeMo's "sentences").
    An empty text measures 0 throughout.
    """

    name: ClassVar[str] = "characters"
    version: ClassVar[int] = 1
    family: ClassVar[str] = "characters"


class LengthStatistics(Measure):
    """characters: code points. bytes: of UTF-8."""

    name: ClassVar[str] = "length"
    version: ClassVar[int] = 1
    family: ClassVar[str] = "length"
