"""Text embeddings from a transformer that lies on disk: the other encoder of `semantic_dedup`, as
in the paper (Abbas et al. 2023), which used CLIP and OPT.

Any encoder in the format of Hugging Face works whose vector is the mean or the first of its last
hidden states (sentence-transformers, E5, BGE, GTE): a folder with `config.json`, `tokenizer.json`
and weights as `.safetensors` (nothing is unpickled, no code of the folder runs, nothing is
downloaded). Vectors are rounded to int8; everything after them is exact.

A text is cut after `max_tokens`. With `batch_documents: 1` a vector depends on its text alone, in
one thread: the same on every machine of one CPU type. Larger batches and GPUs are faster, but the
last bits of a vector depend on its neighbours, so `determinism` is `none` and a document at the
threshold may go in one run and stay in another.

Cost: that of the model, per document and again for the sample; its weights in the memory of every
worker. Needs the extra `embeddings` (torch, transformers).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import orjson
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field
from tokenizers import Tokenizer

from curate.errors import SpecError, StageError
from curate.stages.base import Determinism, ModelFile
from curate.stages.dedup.cosine import MOST_DIMENSIONS
from curate.stages.dedup.latent import TINY, SampleFit, centres_of

Pooling = Literal["mean", "first"]
Device = Literal["cpu", "cuda"]
NEEDED = ("torch", "transformers")
_BLOCK = 1 << 20


class ModelEncoder(BaseModel):
    """A transformer encoder, by path."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        min_length=1,
        description="folder with config.json, tokenizer.json and weights (.safetensors)",
    )
    pooling: Pooling = Field(
        "mean", description="vector of a text: mean of its tokens' (E5, GTE), or the first (BGE)"
    )
    prefix: str = Field("", max_length=1000, description="put before every text (E5: 'query: ')")
    max_tokens: int = Field(512, ge=4, le=1 << 20, description="tokens of a text that are read")
    batch_documents: int = Field(
        1,
        ge=1,
        le=4096,
        description="texts computed at once; above 1 vectors depend on their neighbours in the "
        "last bits (determinism: none)",
    )
    device: Device = Field(
        "cpu", description="cpu, or cuda (determinism: none; use --executor inline, one worker)"
    )

    def determinism(self) -> Determinism:
        """`platform` where a vector depends on its text alone."""
        alone = self.device == "cpu" and self.batch_documents == 1
        return "platform" if alone else "none"

    def files(self) -> tuple[ModelFile, ...]:
        """What decides vectors. Raises SpecError when something is missing."""
        missing = [name for name in NEEDED if find_spec(name) is None]
        if missing:
            raise SpecError(
                f"semantic_dedup.encoder: {' and '.join(missing)} not installed; "
                "pip install 'curate[embeddings]', or use encoder: lsa"
            )
        folder = Path(self.model)
        weights = sorted(folder.glob("*.safetensors"))
        wanted = [folder / "config.json", folder / "tokenizer.json", *weights]
        lacking = [path.name for path in wanted if not path.is_file()]
        lacking += [] if weights else ["*.safetensors"]
        if lacking:
            raise SpecError(
                f"semantic_dedup.encoder: {folder} has no {', '.join(lacking)}; give a folder that "
                "AutoModel.save_pretrained and AutoTokenizer.save_pretrained wrote"
            )
        return tuple(_model_file(path) for path in wanted)

    def dimensions(self) -> int:
        """Numbers of a vector. Raises SpecError for a model that cannot be used."""
        path = Path(self.model) / "config.json"
        try:
            shape = orjson.loads(path.read_bytes())
            size, most = int(shape["hidden_size"]), shape.get("max_position_embeddings")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SpecError(f"semantic_dedup.encoder: {path} cannot be used ({error})") from error
        if size > MOST_DIMENSIONS:
            raise SpecError(
                f"semantic_dedup.encoder: vectors of {self.model} have {size} numbers, at most "
                f"{MOST_DIMENSIONS} are compared exactly; take a smaller model"
            )
        if isinstance(most, int) and self.max_tokens > most:
            raise SpecError(
                f"semantic_dedup.encoder: {self.model} reads {most} tokens; set max_tokens: {most}"
            )
        return size


@dataclass(frozen=True)
class Embedding:
    """What was learned. centres: int8, clusters × dimensions; models: file -> sha256."""

    encoder: ModelEncoder
    centres: np.ndarray
    models: tuple[tuple[str, str], ...]

    def embed(self, text: pa.LargeStringArray) -> np.ndarray:
        """int8[n, dimensions]; zeros for an empty text."""
        return embedded(text, self.encoder, self.models)

    def to_bytes(self) -> bytes:
        """One line of JSON, then the centres."""
        head = {"models": self.models, "shape": self.centres.shape}
        return orjson.dumps(head) + b"\n" + self.centres.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes, encoder: ModelEncoder) -> Embedding:
        """What `to_bytes` made."""
        head, _, body = data.partition(b"\n")
        shape = orjson.loads(head)
        centres = np.frombuffer(body, np.int8).reshape(shape["shape"])
        return cls(encoder, centres, tuple((name, sha256) for name, sha256 in shape["models"]))


class EmbeddingFit(SampleFit):
    """Learns the centres of clusters; the encoder is learned already."""

    name: ClassVar[str] = "centres"
    determinism: ClassVar[Determinism] = "platform"
    distributions: ClassVar[tuple[str, ...]] = ("numpy", "scipy", *NEEDED, "tokenizers")

    encoder: ModelEncoder

    def used_determinism(self) -> Determinism:
        """That of the encoder."""
        return self.encoder.determinism()

    def models(self) -> tuple[ModelFile, ...]:
        """Those of the encoder."""
        return self.encoder.files()

    def finish(self, state: pa.Table) -> bytes:
        models = tuple((file.name, file.sha256) for file in self.models())
        vectors = embedded(self.texts(state), self.encoder, models)
        centres = centres_of(vectors, self.clusters, self.seed)
        return Embedding(self.encoder, centres, models).to_bytes()


def embedded(
    text: pa.LargeStringArray, encoder: ModelEncoder, models: tuple[tuple[str, str], ...]
) -> np.ndarray:
    """int8[n, dimensions]: the direction of every text, its largest number 127; zeros for an empty
    text. models: as the run was planned with. Raises StageError for others.
    """
    made = np.zeros((len(text), encoder.dimensions()), np.int8)
    filled = [row for row, each in enumerate(text.to_pylist()) if each.strip()]
    if not filled:
        return made
    model = _loaded(encoder, models)
    for start in range(0, len(filled), encoder.batch_documents):
        rows = filled[start : start + encoder.batch_documents]
        vectors = model.vectors([text[row].as_py() for row in rows])
        largest = np.abs(vectors).max(axis=1)
        made[rows] = np.rint(vectors / np.maximum(largest, TINY)[:, None] * 127)
    return made


class _Model:
    """A loaded encoder."""

    def __init__(self, encoder: ModelEncoder) -> None:
        import torch
        from transformers import AutoModel

        self._torch: Any = torch
        self._encoder = encoder
        if encoder.device == "cuda" and not torch.cuda.is_available():
            raise StageError(
                "semantic_dedup.encoder: device: cuda, but this worker sees no GPU; use "
                "--executor inline on a machine with one, or device: cpu"
            )
        if encoder.device == "cpu":
            torch.set_num_threads(1)
        self._tokenizer = Tokenizer.from_file(str(Path(encoder.model) / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(encoder.max_tokens)
        self._network = (
            AutoModel.from_pretrained(
                encoder.model,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
            )
            .to(encoder.device)
            .eval()
        )

    def vectors(self, texts: list[str]) -> np.ndarray:
        """float64[n, dimensions]."""
        torch = self._torch
        encoded = self._tokenizer.encode_batch([self._encoder.prefix + text for text in texts])
        lengths = [max(len(each.ids), 1) for each in encoded]
        ids = torch.zeros((len(texts), max(lengths)), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, each in enumerate(encoded):
            ids[row, : len(each.ids)] = torch.tensor(each.ids)
            mask[row, : lengths[row]] = 1
        ids, mask = ids.to(self._encoder.device), mask.to(self._encoder.device)
        with torch.inference_mode():
            states = self._network(input_ids=ids, attention_mask=mask).last_hidden_state
            if self._encoder.pooling == "first":
                pooled = states[:, 0]
            else:
                weights = mask.unsqueeze(-1).to(states.dtype)
                pooled = (states * weights).sum(dim=1) / weights.sum(dim=1)
        found: np.ndarray = pooled.to("cpu", dtype=torch.float64).numpy()
        return found


@lru_cache(maxsize=1)
def _loaded(encoder: ModelEncoder, models: tuple[tuple[str, str], ...]) -> _Model:
    """One model per process."""
    present = tuple((file.name, file.sha256) for file in encoder.files())
    if present != models:
        raise StageError(
            f"semantic_dedup.encoder: {encoder.model} is not what the run was planned with"
        )
    return _Model(encoder)


def _model_file(path: Path) -> ModelFile:
    status = path.stat()
    sha256 = _digest(str(path), status.st_size, status.st_mtime_ns)
    return ModelFile(name=f"encoder {path.name}", path=str(path), sha256=sha256)


@lru_cache(maxsize=64)
def _digest(path: str, size: int, modified: int) -> str:
    """Read once per process and version of a file."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()
