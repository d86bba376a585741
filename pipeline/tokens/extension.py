"""`curate tokenizer extend`: texts and a base tokenizer in, a folder with the longer one out.

Long texts are taken in parts cut at line ends, so that one book has something to hold out. Parts
are held out by a draw on their text: the same ones whatever order or files they come in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import DataError, SpecError
from curate.kernels.draw import Purpose, draw_many, selected
from curate.pipeline.run_folder import RunFolder, stream
from curate.stages.sources.base import BadRecord, Caps, Record, Source
from curate.stages.sources.jsonl import Jsonl
from curate.stages.sources.parquet import Parquet
from curate.stages.sources.text import Text
from curate.storage.store import Store
from curate.tokenizer.training.extend import (
    Compression,
    ExtendedTokenizer,
    ExtendSettings,
    compression,
    extend_tokenizer,
)

PART_CHARACTERS = 20_000
HELD_OUT = 0.05
MEASURED_BYTES = 16 * 2**20
BATCH_TEXTS = 2000
SPLIT_BYTES = 2**60


@dataclass(frozen=True, slots=True)
class Extension:
    """What was made, and what it is good for. measured_on: `held-out` or `training` text."""

    made: ExtendedTokenizer
    measured_on: str
    new_texts: Compression
    old_texts: Compression | None

    def report(self) -> dict[str, Any]:
        """The content of `extension.json`."""
        return {
            "first_id": self.made.first_id,
            "added_tokens": len(self.made.added),
            "added_characters": self.made.characters,
            "measured_on": self.measured_on,
            "new_texts": _measured(self.new_texts),
            "old_texts": None if self.old_texts is None else _measured(self.old_texts),
        }


def extend(
    base: str,
    texts: Sequence[str],
    old_texts: Sequence[str],
    settings: ExtendSettings,
    bytes_per_place: int,
    output: str,
) -> Extension:
    """Extend and write `tokenizer.json`, `extension.json` and the base's `tokenizer_config.json`,
    if it has one, to the folder `output`.

    Raises SpecError for a base or a place that cannot be used, DataError for texts that cannot be
    read.
    """
    data, beside = read_base_place(base)
    learned, held_out = _parted(texts, bytes_per_place)
    measured_on = "held-out" if held_out else "training"
    made = extend_tokenizer(data, learned, settings)
    extension = Extension(
        made,
        measured_on,
        compression(data, made.tokenizer_json, _first(held_out or learned)),
        compression(data, made.tokenizer_json, _first(_batches(old_texts, bytes_per_place)))
        if old_texts
        else None,
    )
    store = Store(output)
    report = json.dumps(extension.report(), indent=2, sort_keys=True) + "\n"
    store.publish("extension.json", report.encode())
    if beside is not None:
        store.publish("tokenizer_config.json", beside)
    store.publish("tokenizer.json", made.tokenizer_json)
    return extension


def read_base_place(place: str) -> tuple[bytes, bytes | None]:
    """`tokenizer.json` and `tokenizer_config.json` of a file, a folder, or a run folder."""
    if place.endswith(".json"):
        folder, _, name = place.rpartition("/")
        store, file = Store(folder or "."), name
        config = "tokenizer_config.json"
    else:
        store = Store(place)
        inside = "" if store.exists("tokenizer.json") else "tokenizer/"
        file, config = f"{inside}tokenizer.json", f"{inside}tokenizer_config.json"
    if not store.exists(file):
        raise SpecError(f"{place}: no tokenizer.json, nor a folder or a run that holds one")
    return store.read(file), store.read(config) if store.exists(config) else None


def read_texts(place: str) -> Iterator[str]:
    """Texts of a run folder's documents, or of a file or glob by its ending."""
    source = None if Path(place).is_dir() else _source(place)
    if source is None:
        folder = RunFolder(place)
        if not folder.exists():
            raise SpecError(
                f"{place}: texts are a run folder, or files that end in .parquet, .jsonl or .txt"
            )
        for batch in stream(folder.documents(), ["text"]):
            yield from batch.column("text").to_pylist()
        return
    for file in source.files("."):
        for split in source.splits(file, SPLIT_BYTES):
            for item in source.records(split, Caps()):
                if isinstance(item, BadRecord):
                    raise DataError(f"{file.url}: {item.locator}: {item.message}")
                if isinstance(item, Record):
                    yield item.text


def _source(place: str) -> Source | None:
    """What reads files with this ending; None for another one (a run may be called `web-1.5`)."""
    name = place.lower()
    for ending in (".gz", ".zst", ".bz2", ".xz", ".lz4"):
        name = name.removesuffix(ending)
    kinds: dict[str, type[Parquet] | type[Jsonl] | type[Text]]
    kinds = {".parquet": Parquet, ".jsonl": Jsonl, ".json": Jsonl, ".ndjson": Jsonl, ".txt": Text}
    kind = kinds.get(Path(name).suffix)
    return None if kind is None else kind.model_validate({"paths": (place,)})


def _parts(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > PART_CHARACTERS:
        end = text.find("\n", start + PART_CHARACTERS) + 1
        if end == 0:
            break
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def _batches(places: Sequence[str], bytes_per_place: int) -> Iterator[pa.LargeStringArray]:
    for place in places:
        left = bytes_per_place
        held: list[str] = []
        for text in read_texts(place):
            parts = list(_parts(text))
            held += parts
            left -= sum(len(part.encode()) for part in parts)
            if len(held) >= BATCH_TEXTS:
                yield pa.array(held, pa.large_string())
                held = []
            if left <= 0:
                break
        if held:
            yield pa.array(held, pa.large_string())


def _parted(
    places: Sequence[str], bytes_per_place: int
) -> tuple[list[pa.LargeStringArray], list[pa.LargeStringArray]]:
    learned, held_out = [], []
    for batch in _batches(places, bytes_per_place):
        drawn = selected(draw_many(0, Purpose.SPLIT, batch), HELD_OUT)
        learned.append(batch.filter(pa.array(~drawn)))
        if drawn.any():
            held_out.append(batch.filter(pa.array(drawn)))
    return learned, held_out


def _first(batches: Iterable[pa.LargeStringArray]) -> Iterator[pa.LargeStringArray]:
    """Batches up to `MEASURED_BYTES` of text: encoding is slow in `tokenizers`."""
    left = MEASURED_BYTES
    for batch in batches:
        yield batch
        left -= pc.sum(pc.binary_length(batch)).as_py() or 0
        if left <= 0:
            return


def _measured(found: Compression) -> dict[str, Any]:
    return {
        **asdict(found),
        "bytes_per_token_before": found.before,
        "bytes_per_token_after": found.after,
    }
