"""Ids are those of `tokenizers`, whichever backend and model; text never gets a control token."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.tokenizer.every_tokenizer import CONTROL, END
from tokenizers import Tokenizer

from curate.errors import SpecError
from curate.tokenizer.encoding.backends import choose_backend, make_backend
from curate.tokenizer.encoding.control_tokens import read_vocabulary
from curate.tokenizer.encoding.encode import Encoder, shared_encoder

EXPECTED = {
    "gpt4": "gigatoken",
    "gpt2": "gigatoken",
    "single": "gigatoken",
    "gpt4 nfc": "gigatoken",
    "byte level": "gigatoken",
    "characters": "tokenizers",
    "unigram": "tokenizers",
    "wordpiece": "tokenizers",
    "bytes": "bytes",
}
SURROGATES = range(0xD800, 0xE000)


def reference(tokenizer_json: bytes) -> Tokenizer:
    """What `tokenizers` itself makes of text without control tokens."""
    tokenizer = Tokenizer.from_str(tokenizer_json.decode())
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    return tokenizer


def encoded(encoder: Encoder, texts: list[str]) -> list[list[int]]:
    offsets, ids = encoder.encode(pa.array(texts, pa.large_string()))
    assert (ids[offsets[1:] - 1] == encoder.end_of_document_id).all()
    return [part[:-1].tolist() for part in np.split(ids, offsets[1:-1])] if texts else []


def no_control(texts: list[str]) -> list[str]:
    return [text for text in texts if not any(name in text for name in CONTROL)]


@pytest.mark.parametrize("name", EXPECTED)
def test_ids_equal_on_real_and_hostile_text(
    every_kind: dict[str, bytes], real_texts: list[str], hostile_texts: list[str], name: str
) -> None:
    encoder = Encoder(every_kind[name], END)
    assert encoder.backend == EXPECTED[name]
    texts = no_control(
        [*hostile_texts, *real_texts[150:200:5], *real_texts[500:520:2], "e\u0301 é"]
    )
    exact = reference(every_kind[name])
    assert encoded(encoder, texts) == [exact.encode(text).ids for text in texts]


@pytest.mark.parametrize("name", EXPECTED)
def test_text_that_spells_a_control_token_stays_text(
    every_kind: dict[str, bytes], name: str
) -> None:
    encoder = Encoder(every_kind[name], END)
    control = {read_vocabulary(every_kind[name]).tokens[each] for each in CONTROL}
    texts = [
        *CONTROL,
        *(f"a {each} b" for each in CONTROL),
        *(f"x{each}{each}" for each in CONTROL),
    ]
    for text, ids in zip(texts, encoded(encoder, texts), strict=True):
        assert ids, text
        assert not control & set(ids), text


@pytest.mark.parametrize("name", EXPECTED)
def test_every_97th_code_point(every_kind: dict[str, bytes], name: str) -> None:
    characters = [chr(code) for code in range(0, 0x110000, 97) if code not in SURROGATES]
    texts = ["".join(characters), " ".join(characters), "a".join(characters[::2])]
    exact = reference(every_kind[name])
    assert encoded(Encoder(every_kind[name], END), texts) == [exact.encode(t).ids for t in texts]


def test_a_backend_that_cannot_is_refused(every_kind: dict[str, bytes]) -> None:
    for wanted, name in (("bytes", "gpt4"), ("gigatoken", "bytes"), ("gigatoken", "characters")):
        with pytest.raises(SpecError, match=f"pack.encoder: {wanted} does not support"):
            choose_backend(every_kind[name], wanted)
    single = json.loads(every_kind["gpt4"])
    single["pre_tokenizer"]["pretokenizers"].insert(
        0, {"type": "Digits", "individual_digits": True}
    )
    assert choose_backend(json.dumps(single).encode()) == "tokenizers"
    neither = {**single, "model": {**single["model"], "ignore_merges": True}}
    with pytest.raises(SpecError):
        make_backend("gigatoken", read_vocabulary(json.dumps(neither).encode()))


def test_the_shared_encoder_is_renewed(
    every_kind: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shared_encoder(every_kind["bytes"], END, "bytes")
    assert shared_encoder(every_kind["bytes"], END, "bytes") is first
    first.encode(pa.array(["some text"], pa.large_string()))
    monkeypatch.setattr("curate.tokenizer.encoding.encode.RENEWED_BYTES", 1)
    assert shared_encoder(every_kind["bytes"], END, "bytes") is not first


def published(test_data: Path) -> dict[str, bytes]:
    return {
        name: gzip.open(test_data / "tokenizers" / f"{name}.json.gz").read()
        for name in ("gpt2", "t5")
    }


def test_published_tokenizers(test_data: Path, real_texts: list[str]) -> None:
    texts = no_control([*real_texts[10:200:20], *real_texts[410:600:30]])
    for (name, file), end in zip(published(test_data).items(), (END, "</s>"), strict=True):
        exact = reference(file)
        found = encoded(Encoder(file, end), texts)
        assert found == [exact.encode(text, add_special_tokens=False).ids for text in texts], name
    spelled = encoded(Encoder(file, "</s>"), ["</s>", "a <pad> </s> b"])
    assert not {0, 1} & {number for ids in spelled for number in ids}


def slow_for(chosen: str, names: Iterable[str]) -> list[Any]:
    """Parameters of a test that takes minutes for each kind: one in CI, the others are `soak`."""
    return [
        name if name == chosen else pytest.param(name, marks=pytest.mark.soak) for name in names
    ]


def all_texts(test_data: Path) -> Iterator[list[str]]:
    """Every text of the folder of real texts, in batches."""
    for path in sorted(test_data.rglob("*.jsonl.gz")):
        batch: list[str] = []
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                batch += [value for value in record.values() if isinstance(value, str)]
                if len(batch) > 5000:
                    yield batch
                    batch = []
        yield batch
    for pattern in ("books/**/*.txt", "conversations/**/*.xml", "conversations/**/*.txt"):
        for path in sorted(test_data.glob(pattern)):
            yield [path.read_text("utf-8", "replace")]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", slow_for("gpt4", ["gpt4", "gpt2", "single", "gpt4 nfc", "bytes"]))
def test_ids_equal_on_all_real_texts(
    test_data: Path, every_kind: dict[str, bytes], name: str
) -> None:
    encoder = Encoder(every_kind[name], END)
    exact = Encoder(every_kind[name], END, "tokenizers")
    for texts in all_texts(test_data):
        array = pa.array(texts, pa.large_string())
        for found, expected in zip(encoder.encode(array), exact.encode(array), strict=True):
            assert np.array_equal(found, expected)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", slow_for("gpt4", EXPECTED))
def test_every_code_point(every_kind: dict[str, bytes], name: str) -> None:
    characters = [chr(code) for code in range(0x110000) if code not in SURROGATES]
    lines = ["".join(characters[start : start + 4096]) for start in range(0, len(characters), 4096)]
    lines += [" ".join(line) for line in lines] + ["\n1".join(line) for line in lines]
    exact = reference(every_kind[name])
    assert encoded(Encoder(every_kind[name], END), lines) == [
        encoding.ids for encoding in exact.encode_batch(lines)
    ]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", slow_for("gpt4", EXPECTED))
def test_a_document_of_100_mb(
    every_kind: dict[str, bytes], real_texts: list[str], name: str
) -> None:
    block = " ".join(no_control(real_texts)).strip() + "\n"
    copies = 100_000_000 // len(block.encode()) + 1
    encoder = Encoder(every_kind[name], END)
    _, one = encoder.encode(pa.array([block], pa.large_string()))
    _, ids = encoder.encode(pa.array([block * copies], pa.large_string()))
    if name not in ("unigram", "characters", "wordpiece"):
        assert np.array_equal(ids[:-1].reshape(copies, -1), np.tile(one[:-1], (copies, 1)))
    assert len(ids) > 0.98 * copies * (len(one) - 1)
