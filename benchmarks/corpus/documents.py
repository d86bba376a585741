"""What the corpus is made of: a page of HTML or a text, with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Item:
    """One document before anything is dropped.

    origin: the package or the shared set. html: the bytes of a page; text: what a plain set says.
    """

    origin: str
    path: str
    language: str
    kind: str
    date: str
    html: bytes | None = None
    text: str = ""

    def content(self) -> bytes:
        """The bytes that two equal documents share."""
        return self.html if self.html is not None else self.text.encode()

    def digest(self) -> bytes:
        """Exact duplicates have the same."""
        return sha256(self.content().strip()).digest()

    def url(self) -> str:
        """An address that can never be fetched (RFC 2606)."""
        return f"http://{self.origin.replace('/', '-')}.example/{self.path}"
