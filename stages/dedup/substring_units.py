"""Units in which `substring_dedup` counts: the bytes of a text, or the tokens of a tokenizer."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Encoding, Tokenizer

from curate.errors import SpecError
from curate.kernels.text_buffers import TextBuffers
from curate.stages.base import ModelFile


def tokenizer_file(path: str) -> ModelFile:
    """`tokenizer.json`, or the folder that holds it. Raises SpecError when there is none."""
    file = Path(path)
    file = file / "tokenizer.json" if file.is_dir() else file
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise SpecError(
            f"substring_dedup.tokenizer: {file} cannot be read ({error.strerror}); give the path "
            "of a tokenizer.json (curate's own, Hugging Face's), or leave it out to count bytes"
        ) from error
    _loaded(str(file), digest)
    return ModelFile(name=f"tokenizer {file.name}", path=str(file), sha256=digest)


def token_units(text: pa.LargeStringArray, model: ModelFile) -> TextBuffers:
    """Token ids of n documents as units of 4 bytes."""
    encoded = _encoded(text, model)
    ids = [np.array(each.ids, np.uint32) for each in encoded]
    lengths = np.array([each.nbytes for each in ids], np.int64)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    data = np.concatenate(ids) if ids else np.empty(0, np.uint32)
    return TextBuffers(pa.py_buffer(offsets), pa.py_buffer(data), 0, len(text))


def byte_spans(
    text: pa.LargeStringArray, spans: pa.ListArray, per_span: int, model: ModelFile
) -> pa.ListArray:
    """Spans of tokens as spans of bytes. per_span: values of a span, begin and end before others.

    A character that belongs in part to a token outside of a span is outside.
    """
    found: list[list[int] | None] = []
    wanted = pc.fill_null(pc.list_value_length(spans), 0).to_numpy(zero_copy_only=False) > 0
    encoded = iter(_encoded(text.filter(pa.array(wanted)), model))
    for document, values in zip(text, spans, strict=True):
        if not values.is_valid or not values.as_py():
            found.append(None)
            continue
        begins, ends = _byte_offsets(document.as_py(), next(encoded))
        rows = np.array(values.as_py(), np.int64).reshape(-1, per_span)
        first, last = rows[:, 0], rows[:, 1] - 1
        before = np.concatenate([[0], np.maximum.accumulate(ends)])
        after = np.concatenate([np.minimum.accumulate(begins[::-1])[::-1], [ends[-1]]])
        rows[:, 0] = np.maximum(begins[first], before[first])
        rows[:, 1] = np.maximum(rows[:, 0], np.minimum(ends[last], after[last + 1]))
        found.append(rows.reshape(-1).tolist())
    return pa.array(found, spans.type)


def _encoded(text: pa.LargeStringArray, model: ModelFile) -> list[Encoding]:
    tokenizer = _loaded(model.path, model.sha256)
    encoded: list[Encoding] = tokenizer.encode_batch(text.to_pylist(), add_special_tokens=False)
    return encoded


def _byte_offsets(text: str, encoding: Encoding) -> tuple[np.ndarray, np.ndarray]:
    """Bytes at which tokens begin and end; the tokenizer counts characters."""
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    width = 1 + (points > 0x7F) + (points > 0x7FF).astype(np.int64) + (points > 0xFFFF)
    position = np.concatenate([[0], np.cumsum(width)])
    offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)
    return position[offsets[:, 0]], position[offsets[:, 1]]


@lru_cache(maxsize=4)
def _loaded(path: str, sha256: str) -> Tokenizer:
    """One object per process. sha256: a file that changed is another tokenizer."""
    data = Path(path).read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SpecError(f"{path} changed since the run was planned")
    try:
        tokenizer = Tokenizer.from_str(data.decode())
    except Exception as error:  # tokenizers raises plain Exception
        raise SpecError(f"{path} is no tokenizer.json: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer
