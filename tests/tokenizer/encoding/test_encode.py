from __future__ import annotations

import json
import resource
import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from curate.errors import DataError, SpecError, StageError
from curate.tokenizer.encoding import backends, encode
from curate.tokenizer.encoding.assemble import encode_batch
from curate.tokenizer.encoding.backends import GigatokenBackend
from curate.tokenizer.encoding.control_tokens import read_vocabulary
from curate.tokenizer.encoding.encode import Backend, Encoder, EncodingDifference, choose_backend
from curate.tokenizer.training.trained import TrainedTokenizer

BACKENDS: tuple[Backend, ...] = ("gigatoken", "tokenizers")


def large(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def split_ids(offsets: np.ndarray, ids: np.ndarray) -> list[list[int]]:
    return [part.tolist() for part in np.split(ids, offsets[1:-1])]


@pytest.fixture(scope="module")
def exact(trained: TrainedTokenizer) -> Tokenizer:
    tokenizer = Tokenizer.from_str(trained.tokenizer_json.decode())
    tokenizer.encode_special_tokens = True
    return tokenizer


@pytest.fixture(scope="module")
def encoder(trained: TrainedTokenizer) -> Encoder:
    return Encoder(trained.tokenizer_json, "<|endoftext|>")


@pytest.mark.parametrize("backend", BACKENDS)
def test_ids_equal_tokenizers_on_real_and_hostile_text(
    trained: TrainedTokenizer,
    exact: Tokenizer,
    real_texts: list[str],
    hostile_texts: list[str],
    backend: Backend,
) -> None:
    encoder = Encoder(trained.tokenizer_json, "<|endoftext|>", backend)
    texts = hostile_texts + real_texts[:450:3] + hostile_texts
    found = split_ids(*encoder.encode(large(texts)))
    for text, ids in zip(texts, found, strict=True):
        assert ids == [*exact.encode(text).ids, 0]
        assert exact.decode(ids[:-1], skip_special_tokens=False) == text


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_assigned_code_point_once(
    trained: TrainedTokenizer, exact: Tokenizer, backend: Backend
) -> None:
    assigned = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")
    ]
    texts = ["".join(assigned), " ".join(assigned[::5]), "a".join(assigned[1::5])]
    encoder = Encoder(trained.tokenizer_json, "<|endoftext|>", backend)
    found = split_ids(*encoder.encode(large(texts)))
    assert [ids[:-1] for ids in found] == [encoding.ids for encoding in exact.encode_batch(texts)]


@given(texts=st.lists(st.text(max_size=40), max_size=8), cut=st.integers(0, 8))
def test_slices_and_batches_do_not_change_ids(
    encoder: Encoder, exact: Tokenizer, texts: list[str], cut: int
) -> None:
    array = large(texts)
    expected = [[*exact.encode(text).ids, 0] for text in texts]
    parts = [array.slice(0, cut), array.slice(cut)]
    found = [split_ids(*encoder.encode(part)) for part in parts if len(part)]
    assert [ids for part in found for ids in part] == expected
    offsets, ids = encoder.encode(array)
    assert offsets.dtype == np.int64
    assert ids.dtype == np.uint32
    assert offsets.tolist() == [0, *np.cumsum([len(document) for document in expected])]


def test_no_text_yields_a_special_token(encoder: Encoder) -> None:
    text = large(["x <|endoftext|> y", "<|pad|>", "<|endoftext|><|pad|>"])
    offsets, ids = encoder.encode(text)
    assert np.flatnonzero(ids <= 1).tolist() == (offsets[1:] - 1).tolist()


def test_an_empty_document_is_its_end_token(encoder: Encoder) -> None:
    offsets, ids = encoder.encode(large(["", ""]))
    assert offsets.tolist() == [0, 1, 2]
    assert ids.tolist() == [0, 0]
    offsets, ids = encoder.encode(large([]))
    assert offsets.tolist() == [0]
    assert ids.tolist() == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_20_mb_document_takes_bounded_memory(
    trained: TrainedTokenizer, real_texts: list[str], backend: Backend
) -> None:
    encoder = Encoder(trained.tokenizer_json, "<|endoftext|>", backend)
    block = "".join(real_texts[10:200])
    bytes_wanted = 20_000_000 if backend == "gigatoken" else 4_000_000
    copies = bytes_wanted // len(block.encode()) + 1
    _, one = encoder.encode(large([block + "\n"]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _, ids = encoder.encode(large([(block + "\n") * copies]))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert np.array_equal(ids[:-1].reshape(copies, -1), np.tile(one[:-1], (copies, 1)))
    assert grown < 12 * bytes_wanted + 100_000_000


def test_a_long_document_goes_through_the_library_in_pieces(
    trained: TrainedTokenizer,
    exact: Tokenizer,
    real_texts: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backends, "PIECE_CHARACTERS", 1000)
    monkeypatch.setattr(backends, "BATCH_CHARACTERS", 5000)
    encoder = Encoder(trained.tokenizer_json, "<|endoftext|>", "tokenizers")
    texts = ["".join(real_texts[190:230]) + "<|endoftext|>" + "".join(real_texts[400:420]), "", "a"]
    found = split_ids(*encoder.encode(large(texts)))
    assert [ids[:-1] for ids in found] == [exact.encode(text).ids for text in texts]


def test_a_difference_between_the_libraries_stops_the_run(
    trained: TrainedTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = json.loads(trained.tokenizer_json)
    other["model"]["merges"] = other["model"]["merges"][:-900]
    encoder = Encoder(trained.tokenizer_json, "<|endoftext|>", "gigatoken")
    encoder.text.main_encoder = GigatokenBackend(read_vocabulary(json.dumps(other).encode()))
    monkeypatch.setattr(encode, "VERIFIED_RATE", 1.0)
    text = "The government of the United Kingdom and international law"
    with pytest.raises(EncodingDifference, match=r"token \d+ is \d+ by gigatoken") as found:
        encoder.encode(large(["", text]))
    assert found.value.index == 1
    batch = pa.RecordBatch.from_pydict(
        {"id": ["web/1", "web/2"], "text": large(["", text]), "source": ["web", "web"]}
    )
    with pytest.raises(StageError, match="encode: document web/2: token"):
        encode_batch(batch, pa.array(["train", "train"]), encoder, "part-00000", 0)


def test_the_library_is_chosen_once_and_recorded(trained: TrainedTokenizer) -> None:
    assert choose_backend(trained.tokenizer_json) == "gigatoken"
    assert choose_backend(trained.tokenizer_json, "tokenizers") == "tokenizers"
    encoder = Encoder(trained.tokenizer_json, "<|endoftext|>")
    assert encoder.backend_version.startswith("gigatoken ")
    assert encoder.end_of_document_id == 0
    assert encoder.vocabulary_size == trained.vocabulary_size


def test_a_tokenizer_that_gigatoken_does_not_support_takes_tokenizers() -> None:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=60, special_tokens=["</s>", "<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(["a few words of text"] * 5, trainer)
    saved = tokenizer.to_str().encode()
    assert choose_backend(saved) == "tokenizers"
    with pytest.raises(SpecError, match="gigatoken does not support"):
        choose_backend(saved, "gigatoken")
    encoder = Encoder(saved, "</s>")
    tokenizer.encode_special_tokens = True
    _, ids = encoder.encode(large(["few words"]))
    assert ids.tolist() == [*tokenizer.encode("few words").ids, encoder.end_of_document_id]


def test_wrong_tokenizers_and_null_texts_are_told(trained: TrainedTokenizer) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        Encoder(b"{}", "<|endoftext|>")
    with pytest.raises(SpecError, match=r"no token '<\|eos\|>'"):
        Encoder(trained.tokenizer_json, "<|eos|>")
    ordinary = json.loads(trained.tokenizer_json)
    ordinary["added_tokens"][0]["special"] = False
    with pytest.raises(SpecError, match="is an ordinary token"):
        Encoder(json.dumps(ordinary).encode(), "<|endoftext|>")
    holes = json.loads(trained.tokenizer_json)
    holes["added_tokens"].append({**holes["added_tokens"][0], "id": 2003, "content": "<|far|>"})
    with pytest.raises(SpecError, match=r"has holes: 3 ids below 2,004 .*2000, 2001, 2002"):
        Encoder(json.dumps(holes).encode(), "<|endoftext|>")
    model = {"type": "Unigram", "unk_id": 1, "vocab": [["a", 0.0]]}
    with pytest.raises(SpecError, match="unk_id is 1, it has 1 tokens"):
        Encoder(json.dumps({"model": model}).encode(), "<|endoftext|>")
    for change in ({"id": 1}, {"content": "<|pad|>"}):
        twice = json.loads(trained.tokenizer_json)
        twice["added_tokens"][0] |= change
        with pytest.raises(SpecError, match=r"several tokens with|the vocabulary says"):
            Encoder(json.dumps(twice).encode(), "<|pad|>")
    with pytest.raises(DataError, match="1 of 2 texts are null"):
        Encoder(trained.tokenizer_json, "<|endoftext|>").encode(
            pa.array(["a", None], pa.large_string())
        )
