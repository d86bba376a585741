from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels.token_rows import IdNotAllowed, close_documents, encode_bytes

TYPES = [np.dtype("<u2"), np.dtype("<i4"), np.dtype("<u4")]


def offsets_of(rows: list[list[int]]) -> np.ndarray:
    return np.cumsum([0, *map(len, rows)], dtype=np.int64)


@pytest.mark.parametrize("dtype", TYPES)
@given(rows=st.lists(st.lists(st.integers(1, 299), max_size=20), max_size=20))
def test_every_document_ends_with_the_end_token(dtype: np.dtype, rows: list[list[int]]) -> None:
    ids = np.array([number for row in rows for number in row], dtype=np.uint32)
    allowed = np.ones(300, dtype=np.bool_)
    allowed[0] = False
    found = close_documents(ids, offsets_of(rows), allowed, 0, dtype)
    assert found.dtype == dtype
    assert found.tolist() == [number for row in rows for number in (*row, 0)]


def test_the_first_id_that_text_may_not_have_is_told() -> None:
    allowed = np.array([False, True, True])
    for wrong in (0, 3, 2**32 - 1):
        ids = np.array([1, 2, wrong, 0], dtype=np.uint32)
        with pytest.raises(IdNotAllowed) as found:
            close_documents(ids, np.array([0, 1, 4]), allowed, 0, np.dtype("<u2"))
        assert (found.value.position, found.value.token) == (2, wrong)


@pytest.mark.parametrize("offsets", [[0, 1], [1, 3], [0, 3, 2, 3], [0, 5]])
def test_offsets_that_do_not_fit_the_ids_are_refused(offsets: list[int]) -> None:
    ids = np.ones(3, dtype=np.uint32)
    with pytest.raises(ValueError, match="offsets"):
        close_documents(ids, np.array(offsets), np.ones(2, np.bool_), 0, np.dtype("<u2"))


@pytest.mark.parametrize("dtype", TYPES)
@given(texts=st.lists(st.text(max_size=20), max_size=10), first=st.integers(0, 3))
def test_bytes_are_looked_up(dtype: np.dtype, texts: list[str], first: int) -> None:
    table = np.arange(256, dtype=np.uint32)[::-1] + 7
    text = pa.array(texts, pa.large_string()).slice(min(first, len(texts)))
    found = encode_bytes(text, table, 3, dtype)
    expected = [
        number
        for value in text.to_pylist()
        for number in (*(262 - byte for byte in value.encode()), 3)
    ]
    assert found.dtype == dtype
    assert found.tolist() == expected
