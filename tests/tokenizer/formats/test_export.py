"""Exports against the libraries that read them: equal ids on every document; refusals."""

from __future__ import annotations

import gzip
import json
from functools import cache
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pytest
from tokenizers import Tokenizer
from typer.testing import CliRunner

from curate.cli.app import app
from curate.errors import SpecError
from curate.tokenizer.config import TokenizerConfig
from curate.tokenizer.formats.export import export_tokenizer
from curate.tokenizer.training.counts import count_texts
from curate.tokenizer.training.train import train

LLAMA = ("</s>", "<unk>", "<s>")
TO_SENTENCEPIECE = {
    "unigram": {"model": "unigram"},
    "unigram, single digits": {
        "model": "unigram",
        "digits": "single",
        "special_tokens": LLAMA,
        "reserved_tokens": 4,
        "pad_vocabulary_to": 64,
    },
    "bpe on characters": {"model": "bpe", "alphabet": "characters"},
    "bpe on characters, single digits": {
        "model": "bpe",
        "alphabet": "characters",
        "digits": "single",
        "special_tokens": LLAMA,
        "pad_vocabulary_to": 64,
    },
}
TO_TIKTOKEN = {
    "gpt4": {"reserved_tokens": 3, "pad_vocabulary_to": 128},
    "gpt2, single digits": {"pattern": "gpt2", "digits": "single"},
    "llama3": {"pattern": "llama3", "special_tokens": ("<|end|>", "<|begin|>")},
}
NAMES = "<0x41><unk> <s></s>\n<|endoftext|>\n<|reserved_0|> <|reserved_4|> <|end|>"
HARD = [NAMES, " a", "  b  c ", "\n\n x", "▁a▁▁b ▁", "é" * 999, "𐍈🙂" * 300, "12345 ١٢٣"]


def read_texts(path: Path, limit: int) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in islice(lines, limit)]


def documents(data: Path, count: int) -> list[str]:
    """Of articles and pages no tokenizer here was trained on: 45 % English, 30 % Korean, C4."""
    shares = {"wikipedia/en-1": 0.45, "wikipedia/ko-1": 0.3, "c4/c4-b": 0.25}
    return [
        text
        for name, share in shares.items()
        for text in read_texts(data / f"{name}.jsonl.gz", int(count * share))
    ]


@cache
def trained(data: Path, options: str) -> bytes:
    config = TokenizerConfig.model_validate(
        {"vocab_size": 8000, "character_coverage": 0.998, **json.loads(options)}
    )
    texts = read_texts(data / "wikipedia" / "en-0.jsonl.gz", 150)
    texts += read_texts(data / "wikipedia" / "ko-0.jsonl.gz", 100)
    texts += read_texts(data / "c4" / "c4-a.jsonl.gz", 50)
    counts = count_texts([pa.array(texts, pa.large_string())], config)
    return train(counts, config).tokenizer_json


def expected(saved: bytes, texts: list[str]) -> list[list[int]]:
    tokenizer = Tokenizer.from_str(saved.decode())
    tokenizer.encode_special_tokens = True
    return [found.ids for found in tokenizer.encode_batch_fast(texts)]


def through_sentencepiece(saved: bytes, texts: list[str]) -> list[list[int]]:
    sentencepiece = pytest.importorskip("sentencepiece", reason="needs the development extras")
    data = export_tokenizer(saved, "sentencepiece").data
    return sentencepiece.SentencePieceProcessor(model_proto=data).encode(texts)


def through_tiktoken(saved: bytes, texts: list[str], folder: Path) -> list[list[int]]:
    tiktoken = pytest.importorskip("tiktoken", reason="needs the development extras")
    from tiktoken.load import load_tiktoken_bpe

    found = export_tokenizer(saved, "tiktoken")
    (folder / "tok.tiktoken").write_bytes(found.data)
    ranks = load_tiktoken_bpe(str(folder / "tok.tiktoken"))
    encoding = tiktoken.Encoding(mergeable_ranks=ranks, **(found.sidecar or {}))
    return [encoding.encode_ordinary(text) for text in texts]


@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("options", TO_SENTENCEPIECE.values(), ids=TO_SENTENCEPIECE.keys())
def test_sentencepiece_gives_equal_ids(
    test_data: Path, hostile_texts: list[str], options: dict[str, object], count: int
) -> None:
    saved = trained(test_data, json.dumps(options))
    texts = documents(test_data, count) + hostile_texts + HARD
    assert through_sentencepiece(saved, texts) == expected(saved, texts)


@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("options", TO_TIKTOKEN.values(), ids=TO_TIKTOKEN.keys())
def test_tiktoken_gives_equal_ids(
    test_data: Path,
    hostile_texts: list[str],
    options: dict[str, object],
    count: int,
    tmp_path: Path,
) -> None:
    saved = trained(test_data, json.dumps(options))
    texts = documents(test_data, count) + hostile_texts + HARD
    assert through_tiktoken(saved, texts, tmp_path) == expected(saved, texts)


def test_sentencepiece_knows_the_special_tokens_and_decodes(test_data: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece", reason="needs the development extras")
    saved = trained(test_data, json.dumps(TO_SENTENCEPIECE["unigram, single digits"]))
    data = export_tokenizer(saved, "sentencepiece").data
    loaded = sentencepiece.SentencePieceProcessor(model_proto=data)
    assert (loaded.eos_id(), loaded.unk_id(), loaded.bos_id()) == (0, 1, 2)
    assert loaded.get_piece_size() == 8000
    for text in ("naïve 한국어 \n x", " a  b "):
        assert loaded.decode(loaded.encode(text)) == text


def test_an_unknown_piece_is_added_where_there_is_none(
    test_data: Path, hostile_texts: list[str]
) -> None:
    sentencepiece = pytest.importorskip("sentencepiece", reason="needs the development extras")
    saved = trained(test_data, json.dumps(TO_SENTENCEPIECE["bpe on characters"]))
    content = json.loads(saved)
    content["model"]["vocab"]["<s>"] = content["model"]["vocab"].pop("<unk>")
    content["model"]["unk_token"] = None
    for token in content["added_tokens"]:
        if token["content"] == "<unk>":
            token["content"] = "<s>"
    saved = json.dumps(content).encode()
    found = export_tokenizer(saved, "sentencepiece")
    assert "one more id, 8000" in found.notes[0]
    loaded = sentencepiece.SentencePieceProcessor(model_proto=found.data)
    assert loaded.unk_id() == 8000
    assert loaded.encode(hostile_texts) == expected(saved, hostile_texts)


def test_published_tokenizers_that_fit_no_format_are_refused(test_data: Path) -> None:
    for path in sorted((test_data / "tokenizers").rglob("*tokenizer*.json*"))[:3]:
        saved = path.read_bytes()
        if saved[:1] == b"{":
            with pytest.raises(SpecError, match="tokenizer export"):
                export_tokenizer(saved, "sentencepiece")


@pytest.mark.parametrize(
    ("options", "wanted", "reason"),
    [
        ({"model": "unigram"}, "tiktoken", "byte-level BPE only"),
        ({"model": "wordpiece"}, "tiktoken", "byte-level BPE only"),
        ({"model": "wordpiece"}, "sentencepiece", "Unigram and BPE on characters"),
        ({"alphabet": "characters"}, "tiktoken", "byte-level BPE only"),
        ({}, "sentencepiece", "Unigram and BPE on characters"),
        ({"model": "bytes"}, "tiktoken", "not cut by one regular expression"),
        ({"model": "bytes"}, "sentencepiece", "without byte fallback"),
        ({"normalization": "nfc"}, "tiktoken", "no normal forms"),
        ({"model": "unigram", "normalization": "nfkc"}, "sentencepiece", "normal form"),
        ({"model": "unigram", "digits": "triples"}, "sentencepiece", "single digits"),
        ({"alphabet": "characters", "pattern": "gpt4"}, "sentencepiece", "normal form"),
        ({"pattern": "metaspace"}, "tiktoken", "no normal forms"),
    ],
)
def test_other_pairs_are_spec_errors(options: dict[str, object], wanted: str, reason: str) -> None:
    config = TokenizerConfig.model_validate({"vocab_size": 500, **options})
    counts = count_texts([pa.array(["some words, and 12 more " * 9], pa.large_string())], config)
    saved = train(counts, config).tokenizer_json
    with pytest.raises(SpecError, match=reason):
        export_tokenizer(saved, wanted)


@pytest.mark.parametrize("broken", [b"", b"{}", b"[]", b'{"model": 3}', b"\xff"])
def test_what_is_no_tokenizer_is_refused(broken: bytes) -> None:
    with pytest.raises(SpecError, match=r"no tokenizer\.json"):
        export_tokenizer(broken, "tiktoken")


def test_tokens_that_are_found_in_any_text_are_refused(test_data: Path) -> None:
    content = json.loads(trained(test_data, json.dumps({})))
    content["added_tokens"][0]["special"] = False
    with pytest.raises(SpecError, match="finds the added token"):
        export_tokenizer(json.dumps(content).encode(), "tiktoken")


def test_ids_out_of_order_and_holes_are_refused(test_data: Path) -> None:
    content = json.loads(trained(test_data, json.dumps({})))
    merges = content["model"]["merges"]
    swapped = {**content["model"], "merges": [merges[1], merges[0], *merges[2:]]}
    with pytest.raises(SpecError, match="not in the order of its merges"):
        export_tokenizer(json.dumps({**content, "model": swapped}).encode(), "tiktoken")
    content = json.loads(trained(test_data, json.dumps(TO_SENTENCEPIECE["bpe on characters"])))
    last = max(content["model"]["vocab"], key=content["model"]["vocab"].__getitem__)
    content["model"]["vocab"][last] += 5
    with pytest.raises(SpecError, match="holes"):
        export_tokenizer(json.dumps(content).encode(), "sentencepiece")


def test_the_command_writes_the_file_and_its_sidecar(test_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run" / "tokenizer"
    run.mkdir(parents=True)
    (run / "tokenizer.json").write_bytes(trained(test_data, json.dumps({})))
    output = tmp_path / "tok.tiktoken"
    arguments = ["tokenizer", "export", str(tmp_path / "run"), "--format", "tiktoken"]
    done = CliRunner().invoke(app, [*arguments, "-o", str(output)])
    assert done.exit_code == 0, done.output
    assert "pattern: " in done.output
    sidecar = json.loads((tmp_path / "tok.tiktoken.json").read_text())
    assert sidecar["special_tokens"] == {"<|endoftext|>": 0}
    assert output.read_bytes().count(b"\n") == 7999
    failed = CliRunner().invoke(
        app, ["tokenizer", "export", str(run / "absent.json"), "--format", "tiktoken", "-o", "x"]
    )
    assert isinstance(failed.exception, SpecError)
    refused = CliRunner().invoke(
        app,
        ["tokenizer", "export", str(run), "--format", "sentencepiece", "-o", f"{tmp_path}/a.model"],
    )
    assert isinstance(refused.exception, SpecError)
    assert not (tmp_path / "a.model").exists()
