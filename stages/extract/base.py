"""From HTML to text, by one of several engines under one small contract.

An engine gets decoded HTML and returns the text a reader of the page would want. Engines see
hostile pages: a crash, a hang or a bomb of nested tags is the caller's to contain (the pipeline
runs every call under a time limit); an exception is a result.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

EngineName = Literal["curate", "resiliparse", "trafilatura", "justext"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """text: paragraphs separated by newlines, valid UTF-8, no NUL; "" where the page has no main
    text."""

    text: str


class Extractor(ABC):
    """An engine; made once per process and reused."""

    name: ClassVar[EngineName]
    distributions: ClassVar[tuple[str, ...]]

    @abstractmethod
    def extract(self, html: str, url: str | None) -> Extracted:
        """Main text of one page. url: its address, which some engines use. Raises whatever the
        library raises."""


def tidy(text: str) -> str:
    """NUL and lone surrogates, which a document must not hold, as U+FFFD; no white space at the
    ends."""
    text = text.replace("\x00", "\ufffd").strip()
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text
