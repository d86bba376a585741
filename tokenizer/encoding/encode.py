"""Documents to token ids, each ending with the end-of-document token.

The library that encodes (`backends`) is chosen once, at plan time, and kept: nothing falls back
during a run. Every call encodes some documents, chosen by a draw on their text, with `tokenizers`
as well and stops on the first difference. No text yields a control token (`control_tokens`), and
every id is looked at: one that text cannot have stops the run.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import curate
from curate.errors import DataError, StageError
from curate.kernels.draw import Purpose, draw_many, selected
from curate.kernels.token_rows import IdNotAllowed, close_documents
from curate.tokenizer.encoding.backends import (
    Backend,
    BytesBackend,
    LibraryBackend,
    choose_backend,
    make_backend,
    offsets_of,
)
from curate.tokenizer.encoding.control_tokens import check_encodable, read_vocabulary
from curate.tokenizer.encoding.safe_cuts import PIECE_CHARACTERS, safe_pieces

__all__ = [
    "Backend",
    "Encoder",
    "EncodingDifference",
    "TextEncoder",
    "choose_backend",
    "shared_encoder",
]

VERIFIED_RATE = 1 / 1024
VERIFIED_CHARACTERS = 16 * 1024
RENEWED_BYTES = 4 * 2**30
"""Text after which a shared encoder is made anew: gigatoken's cache of pre-tokens has no bound."""


class EncodingDifference(StageError):
    """The libraries disagree. `index` is the document's place in the batch."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


class TextEncoder:
    """Ids of texts, nothing appended. One per worker process; not thread-safe.

    tokenizer_json: the bytes of the file. backend: what `choose_backend` returned. Raises SpecError
    when the file is no tokenizer, or tokens collide.
    """

    def __init__(self, tokenizer_json: bytes, backend: Backend | None = None) -> None:
        self.vocabulary = read_vocabulary(tokenizer_json)
        self.exact = LibraryBackend(self.vocabulary)
        self.backend: Backend = backend or choose_backend(tokenizer_json)
        self.main_encoder = (
            self.exact
            if self.backend == "tokenizers"
            else make_backend(self.backend, self.vocabulary)
        )

    @property
    def backend_version(self) -> str:
        """`<distribution> <version>` of the library that encodes; `bytes` is our own."""
        number = curate.__version__ if self.backend == "bytes" else version(self.backend)
        return f"{self.backend} {number}"

    def encode(self, text: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
        """offsets int64[n + 1] and ids uint32 of n texts (no nulls), some compared.

        Raises EncodingDifference where the libraries differ (document and position).
        """
        offsets, ids = self.main_encoder.encode(text)
        self.verify(text, offsets, ids, 0)
        return offsets, ids

    def verify(
        self, text: pa.LargeStringArray, offsets: np.ndarray, ids: np.ndarray, ends: int
    ) -> None:
        """Compare the first document and the drawn ones (without their `ends` end tokens) with
        `tokenizers`.

        Of a long text the first part is compared, about 16 Ki characters; a text of over 256 Ki
        characters without any place to cut is left out, because `tokenizers` would need gigabytes
        for it.
        """
        if self.main_encoder is self.exact:
            return
        chosen = selected(draw_many(0, Purpose.SAMPLE, text), VERIFIED_RATE)
        chosen[:1] = True
        for index in np.flatnonzero(chosen).tolist():
            value = text[index].as_py()
            prefix = next(safe_pieces(value, VERIFIED_CHARACTERS, self.exact.cut))
            if len(prefix) > PIECE_CHARACTERS:
                continue
            _, expected = self.exact.encode(pa.array([prefix], pa.large_string()))
            found = ids[offsets[index] : offsets[index + 1] - ends]
            if len(prefix) < len(value):
                found = found[: len(expected)]
            if not np.array_equal(found, expected):
                raise EncodingDifference(index, self._difference(found, expected))

    def _difference(self, found: np.ndarray, expected: np.ndarray) -> str:
        shared = min(len(found), len(expected))
        differing = np.flatnonzero(found[:shared] != expected[:shared])
        position = int(differing[0]) if len(differing) else shared
        return (
            f"token {position} is {_at(found, position)} by {self.backend}, "
            f"{_at(expected, position)} by tokenizers; set `pack: {{encoder: tokenizers}}` and "
            "please report the text"
        )


class Encoder:
    """Encodes batches of documents for token files. One per worker process; not thread-safe.

    end_of_document: the control token appended to each document. Raises SpecError as `TextEncoder`,
    and when the file lacks the token or has ids without a token.
    """

    def __init__(
        self, tokenizer_json: bytes, end_of_document: str, backend: Backend | None = None
    ) -> None:
        vocabulary = read_vocabulary(tokenizer_json)
        check_encodable(vocabulary, end_of_document)
        self.text = TextEncoder(tokenizer_json, backend)
        self.end_of_document = end_of_document
        self.end_of_document_id = vocabulary.control[end_of_document]
        self.vocabulary_size = vocabulary.size
        self._allowed = vocabulary.allowed
        self.encoded_bytes = 0

    @property
    def backend(self) -> Backend:
        """The library that encodes."""
        return self.text.backend

    @property
    def backend_version(self) -> str:
        """See `TextEncoder.backend_version`."""
        return self.text.backend_version

    def encode(
        self, text: pa.LargeStringArray, dtype: np.dtype | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """offsets int64[n + 1] and ids of n texts (no nulls), each with its end-of-document token.

        dtype: of the ids, uint32 by default (it must hold the vocabulary). Raises
        EncodingDifference where the libraries differ (document and position) or an id is one that
        text cannot have.
        """
        if text.null_count:
            raise DataError(
                f"encode: {text.null_count} of {len(text)} texts are null; a document always "
                "has a text"
            )
        wanted = np.dtype(np.uint32) if dtype is None else dtype
        self.encoded_bytes += text.nbytes
        if isinstance(self.text.main_encoder, BytesBackend):
            ids = self.text.main_encoder.encode_closed(text, self.end_of_document_id, wanted)
            offsets = offsets_of(pc.binary_length(text).to_numpy() + 1)
            self.text.verify(text, offsets, ids, 1)
            return offsets, ids
        offsets, ids = self.text.encode(text)
        try:
            closed = close_documents(ids, offsets, self._allowed, self.end_of_document_id, wanted)
        except IdNotAllowed as error:
            index = int(np.searchsorted(offsets, error.position, side="right")) - 1
            place = error.position - int(offsets[index])
            raise EncodingDifference(
                index,
                f"token {place} is {error.token} by {self.backend}, which no text may have; the "
                f"vocabulary has {self.vocabulary_size:,} ids",
            ) from error
        return offsets + np.arange(len(offsets)), closed


def _at(ids: np.ndarray, position: int) -> str:
    return str(int(ids[position])) if position < len(ids) else "absent"


@lru_cache(maxsize=1)
def _kept(tokenizer_json: bytes, end_of_document: str, backend: Backend) -> Encoder:
    return Encoder(tokenizer_json, end_of_document, backend)


def shared_encoder(tokenizer_json: bytes, end_of_document: str, backend: Backend) -> Encoder:
    """The encoder of this process: a warm cache for the next part of the documents.

    Results do not depend on it. It is made anew after `RENEWED_BYTES` of text.
    """
    encoder = _kept(tokenizer_json, end_of_document, backend)
    if encoder.encoded_bytes > RENEWED_BYTES:
        _kept.cache_clear()
        encoder = _kept(tokenizer_json, end_of_document, backend)
    return encoder
