"""`encoder: {model: folder}`: a tiny transformer with drawn weights, written by the test."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tiny
from pydantic import ValidationError
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from curate.errors import SpecError, StageError
from curate.pipeline.executors.simulated import SimulatedExecutor
from curate.pipeline.run_folder import RunFolder
from curate.pipeline.spec.model import EngineConfig, PipelineSpec
from curate.stages.dedup.embedding import Embedding, EmbeddingFit, ModelEncoder, embedded
from curate.stages.dedup.semantic import SemanticDedup
from curate.stages.sources.jsonl import Jsonl

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
TEXTS = [tiny.prose(tiny.Dice(f"embedding {n}"), tiny.ENGLISH, 20 + n) for n in range(24)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers of BERT, 32 wide, as `save_pretrained` writes it."""
    path = tmp_path_factory.mktemp("encoder") / "model"
    write_model(path, seed=7)
    return path


def write_model(path: Path, seed: int, width: int = 32) -> None:
    import torch
    from transformers import BertConfig, BertModel

    words = sorted({word.lower() for word in tiny.ENGLISH})
    vocabulary = {word: place for place, word in enumerate(["[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    torch.manual_seed(seed)
    network = BertModel(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=width,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=128,
        )
    )
    network.save_pretrained(path)
    tokenizer.save(str(path / "tokenizer.json"))


def encoder_of(path: Path, **fields: object) -> ModelEncoder:
    return ModelEncoder.model_validate({"model": str(path), "max_tokens": 64, **fields})


def vectors(encoder: ModelEncoder, texts: list[str]) -> np.ndarray:
    known = tuple((file.name, file.sha256) for file in encoder.files())
    return embedded(pa.array(texts, pa.large_string()), encoder, known)


@needs_torch
def test_a_vector_depends_on_its_text_alone(folder: Path) -> None:
    encoder = encoder_of(folder)
    together = vectors(encoder, [*TEXTS, "", " \n"])
    alone = np.vstack([vectors(encoder, [text]) for text in TEXTS])
    assert (together[: len(TEXTS)] == alone).all()
    assert not together[len(TEXTS) :].any(), "an empty text has no vector"
    assert (np.abs(alone).max(axis=1) == 127).all() and len(np.unique(alone, axis=0)) == len(TEXTS)


@needs_torch
def test_batches_pooling_prefix_and_the_bound_of_tokens(folder: Path) -> None:
    plain = vectors(encoder_of(folder), TEXTS)
    batches = vectors(encoder_of(folder, batch_documents=5), TEXTS)
    assert np.abs(batches.astype(int) - plain).max() <= 1, "padding is masked"
    assert (vectors(encoder_of(folder, pooling="first"), TEXTS) != plain).any()
    long = [text + " the end" for text in TEXTS if len(text.split()) > 30]
    cut = encoder_of(folder, max_tokens=16)
    assert (vectors(cut, long) == vectors(cut, [text + " other words" for text in long])).all()
    prefixed = encoder_of(folder, prefix="word for ")
    expected = vectors(encoder_of(folder), ["word for " + text for text in TEXTS])
    assert (vectors(prefixed, TEXTS) == expected).all()


@needs_torch
def test_an_artefact_is_read_back_and_knows_its_model(folder: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "model", seed=7)
    encoder = encoder_of(tmp_path / "model")
    fit = EmbeddingFit(encoder=encoder, sample_documents=20, cluster_documents=8, seed=3)
    fit = fit.sized(len(TEXTS))
    batch = pa.RecordBatch.from_pydict({"text": pa.array(TEXTS, pa.large_string())})
    artefact = fit.finish(fit.merge([fit.partial(batch)]))
    read = Embedding.from_bytes(artefact, encoder)
    assert read.to_bytes() == artefact and read.centres.shape == (3, 32)
    before = {file.name: file.sha256 for file in encoder.files()}
    write_model(tmp_path / "model", seed=8)
    after = {file.name: file.sha256 for file in encoder.files()}
    assert [name for name in before if before[name] != after[name]] == ["encoder model.safetensors"]
    from curate.stages.dedup import embedding

    embedding._loaded.cache_clear()
    with pytest.raises(StageError, match="not what the run was planned with"):
        read.embed(pa.array(TEXTS, pa.large_string()))


def pipeline(folder: Path, name: str, stage: SemanticDedup, **engine: int) -> PipelineSpec:
    texts = [*TEXTS, TEXTS[3], TEXTS[5].upper().lower(), "", TEXTS[7] + " "]
    lines = (json.dumps({"text": text}) + "\n" for text in texts)
    (folder / "docs.jsonl").write_text("".join(lines))
    sizes = {"shard_input_bytes": 1024, "exchange_partition_bytes": 2048, "batch_bytes": 1024}
    return tiny.plain_spec(
        folder,
        folder / name,
        {"docs": Jsonl(paths=(f"{folder}/docs.jsonl",))},
        tiny.entries((("semantic_dedup", stage, {}),), ("docs",)),
        EngineConfig(**(sizes | engine)),
        keep_intermediates="none",
    )


@needs_torch
def test_a_run_with_a_model_is_the_same_for_any_cut_and_order(folder: Path, tmp_path: Path) -> None:
    stage = SemanticDedup(encoder=encoder_of(folder), threshold=0.999, cluster_documents=8)
    tiny.run(pipeline(tmp_path, "out", stage))
    large = pipeline(tmp_path, "large", stage, shard_input_bytes=1 << 20)
    tiny.run(large, SimulatedExecutor(seed=3))
    texts = [[row["text"] for row in tiny.rows(tmp_path / n, "removed")] for n in ("out", "large")]
    assert texts[0] == texts[1]
    assert {TEXTS[3], TEXTS[7] + " "} <= set(texts[0])
    run = RunFolder(str(tmp_path / "out")).run()
    assert run["determinism"] == {"weakest": "platform", "stage": "semantic_dedup"}
    (counts,) = (each["counts"] for each in run["stages"] if each["name"] == "semantic_dedup")
    assert counts["without_features"] == 1
    many = stage.model_copy(update={"encoder": encoder_of(folder, batch_documents=4)})
    spec = replace(pipeline(tmp_path, "many", many), keep_intermediates="none")
    assert tiny.run(spec).record["determinism"]["weakest"] == "none"


@needs_torch
def test_what_cannot_be_used_is_refused_before_the_run(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"has no .*tokenizer\.json, \*\.safetensors"):
        encoder_of(tmp_path / "nowhere").files()
    with pytest.raises(SpecError, match="set max_tokens: 128"):
        SemanticDedup(encoder=encoder_of(folder, max_tokens=129)).models()
    shape = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(shape | {"hidden_size": 2048}))
    with pytest.raises(SpecError, match="2048 numbers, at most 1024"):
        encoder_of(tmp_path).dimensions()


def test_fields_of_the_other_encoder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="bucket_bits, dimensions belong to encoder: lsa"):
        SemanticDedup(encoder=encoder_of(tmp_path), dimensions=64, bucket_bits=12)
    assert SemanticDedup(encoder=encoder_of(tmp_path)).used_determinism() == "platform"
    for fields in ({"device": "cuda"}, {"batch_documents": 8}):
        stage = SemanticDedup(encoder=encoder_of(tmp_path, **fields))
        assert stage.used_determinism() == "none"


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
def test_the_extra_is_named_where_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"pip install 'curate\[embeddings\]', or use encoder: lsa"):
        SemanticDedup(encoder=encoder_of(tmp_path)).models()
