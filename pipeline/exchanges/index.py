"""Indexes: what an exchange needs of a former run's documents, kept to be read, not recomputed.

A run whose stage `writes_index()` publishes `index/<instance name>/`: per base shard the rows that
the documents which the stage kept (`indexes_removed`: all that it saw) sent into its first phase
(`rows-*.sliced`, sorted), their ids and sources (`ids-*.parquet`) and, where the stage stores
something for visits, that (`stored-*.sliced`); what its fits learned (`learned-*.bin`), which later
runs take over instead of learning. `manifest.json` names the files with size and checksum, and says
with which stage, version and parameters they were made. A later run names the former run or the
folder under `against:`; other parameters, another version or other columns are refused with both
printed.

Documents of an index have `INDEX_BIT` in their address. They come first in the order, are never
judged, and are named as representatives like any other document.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson
import pyarrow as pa
import xxhash

from curate.errors import DataError, SpecError
from curate.pipeline.driver import Step
from curate.pipeline.exchanges.index_jobs import (
    SIDE_COLUMN,
    CopyLearnedJob,
    ImportJob,
    IndexedArtefact,
    IndexedShard,
    IndexJob,
)
from curate.pipeline.exchanges.rows import first_phase
from curate.pipeline.fingerprint import digest, distribution_versions
from curate.pipeline.fit import ARTEFACT, Artefact
from curate.pipeline.plan import Plan
from curate.pipeline.publish import Promotion
from curate.pipeline.spec.model import PipelineSpec, StageEntry
from curate.pipeline.steps import Indexes, StepFactory
from curate.stages.base import INDEX_BIT, Exchange
from curate.storage.store import FileRef, Store

FORMAT = 1
FOLDER = "index"
MANIFEST = "manifest.json"
LEARNED_KIND = "index_learned"
KINDS = {"rows": "sliced", "ids": "parquet", "stored": "sliced"}


def folder_of(entry: StageEntry) -> str:
    """Where a run keeps the index of a stage."""
    return f"{FOLDER}/{entry.name}"


def identity(stage: Exchange) -> dict[str, Any]:
    """What must be equal between an index and the stage that reads it. Raises SpecError for a stage
    that has no index.
    """
    parameters = stage.index_parameters()
    if parameters is None:
        raise SpecError(
            f"{stage.name} keeps no index and reads none; leave `against:` and `index:` out"
        )
    phase = first_phase(StageEntry(stage.name, stage, ()))
    first = phase.order[0] if phase.order else None
    ordered = first is not None and (first.name, first.type) != SIDE_COLUMN
    if phase.combine is not None or ordered:
        raise SpecError(
            f"{stage.name}: its phase '{phase.name}' cannot take rows of an index: it combines "
            "rows, or has an order that does not begin with `side` (int64)"
        )
    stored = stage.stored()
    return {
        "format": FORMAT,
        "stage": stage.name,
        "version": stage.version,
        "parameters": parameters,
        "distributions": distribution_versions(stage.used_distributions()),
        "models": {model.name: model.sha256 for model in stage.models()},
        "rows": _columns(phase.schema()),
        "stored": None if stored is None else _columns(stored),
        "fits": [fit.name for fit in stage.fits()],
    }


def _columns(schema: pa.Schema) -> list[list[str]]:
    return [[field.name, str(field.type)] for field in schema]


def load_indexes(spec: PipelineSpec) -> Indexes:
    """What the indexes that every stage names hold. Raises SpecError: none there, made with other
    parameters, or learned apart.
    """
    shards, learned = {}, {}
    for entry in spec.stages:
        if isinstance(entry.stage, Exchange) and (paths := entry.stage.index_paths()):
            found = [_load(entry, path, spec.folder) for path in paths]
            every = [shard for part, _ in found for shard in part]
            shards[entry.name] = tuple(
                replace(shard, number=number) for number, shard in enumerate(every)
            )
            _check_learned(entry, paths, [artefacts for _, artefacts in found])
            learned[entry.name] = found[0][1]
        elif isinstance(entry.stage, Exchange) and entry.stage.writes_index():
            identity(entry.stage)
    return Indexes(shards, learned)


def _check_learned(
    entry: StageEntry, paths: Sequence[str], learned: Sequence[tuple[IndexedArtefact, ...]]
) -> None:
    for path, artefacts in zip(paths, learned, strict=True):
        for one, first in zip(artefacts, learned[0], strict=True):
            if one.sha256 != first.sha256:
                raise SpecError(
                    f"stage '{entry.name}': the indexes {paths[0]} and {path} were learned apart "
                    f"({one.fit}: {first.sha256[:12]} there, {one.sha256[:12]} here), so their "
                    "documents cannot be compared; make the second one against the first"
                )


def _load(
    entry: StageEntry, path: str, folder: str
) -> tuple[list[IndexedShard], tuple[IndexedArtefact, ...]]:
    """Shards, numbered from 0, and what was learned."""
    assert isinstance(entry.stage, Exchange)
    wanted = identity(entry.stage)
    url = path if "://" in path else os.path.join(folder, path)
    store, relative = _find(entry, path, url)
    manifest = _manifest(store, relative, f"{path}/{relative}".rstrip("/"))
    for name, value in wanted.items():
        if manifest.get(name) != value:
            raise SpecError(
                f"stage '{entry.name}': the index {path} was made with another {name}: "
                f"{_shown(manifest.get(name), value)} there, {_shown(value, manifest.get(name))} "
                "here; use the same settings, or make the index again"
            )
    prefix = f"{relative}/" if relative else ""
    shards = [
        IndexedShard(
            store.url,
            number,
            _reference(prefix, files["rows"]),
            _reference(prefix, files["ids"]),
            _reference(prefix, files["stored"]) if "stored" in files else None,
        )
        for number, files in enumerate(manifest["shards"])
    ]
    learned = manifest.get("learned", {})
    return shards, tuple(
        IndexedArtefact(store.url, fit, learned[fit]["sha256"], _reference(prefix, learned[fit]))
        for fit in wanted["fits"]
    )


def _reference(prefix: str, file: Mapping[str, Any]) -> FileRef:
    return FileRef(prefix + file["path"], file["size_bytes"], file["checksum"], file["rows"])


def _find(entry: StageEntry, path: str, url: str) -> tuple[Store, str]:
    """The folder of an index: `path` itself, or that of the stage in a run."""
    store = Store(url)
    if not store.exists("run.json") and store.exists(MANIFEST):
        return store, ""
    names = sorted(
        name.split("/")[1] for name in store.sizes(FOLDER) if name.endswith(f"/{MANIFEST}")
    )
    own = [
        name
        for name in names
        if _manifest(store, f"{FOLDER}/{name}", path).get("stage") == entry.stage.name
    ]
    chosen = [entry.name] if entry.name in own else own
    if len(chosen) == 1:
        return store, f"{FOLDER}/{chosen[0]}"
    what = f"it has {', '.join(names)}" if names else "it has none"
    raise SpecError(
        f"stage '{entry.name}': against: {path} holds no index of {entry.stage.name} that fits "
        f"({what}); name the folder of one index, or let the former run keep one (`index: true`)"
    )


def _manifest(store: Store, relative: str, shown: str) -> dict[str, Any]:
    name = f"{relative}/{MANIFEST}" if relative else MANIFEST
    try:
        content: dict[str, Any] = orjson.loads(store.read(name))
        if not isinstance(content["shards"], list):
            raise ValueError("it names no files")
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise DataError(
            f"{shown}: {MANIFEST} is damaged ({error}); make the index again"
        ) from error
    return content


def _shown(value: object, other: object) -> str:
    """Of two mappings only what differs."""
    if isinstance(value, dict) and isinstance(other, dict):
        value = {k: v for k, v in value.items() if k not in other or other[k] != v}
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


class IndexSteps:
    """Reading indexes into a run, and writing its own."""

    def __init__(self, plan: Plan, factory: StepFactory) -> None:
        self.plan, self.factory = plan, factory

    def importing(self, entry: StageEntry, partitions: int) -> Step:
        """Bring the rows of the indexes of a stage into partitions, a job per shard."""
        shards = self.factory.indexes.shards.get(entry.name, ())
        fingerprint = self.plan.steps[f"{entry.name}.settle"].fingerprint

        def make(index: int) -> ImportJob:
            shard = shards[index]
            refs = (shard.rows, shard.ids, shard.stored)
            read = [None if ref is None else ref.checksum for ref in refs]
            key = digest([fingerprint, "index", shard.number, partitions, read])
            return ImportJob(name, key, entry, shard, partitions)

        name = f"{entry.name}.index.read-{fingerprint[:12]}"
        return Step(name, f"{entry.name}.index.read", len(shards), make)

    def inheriting(self, entry: StageEntry) -> Step:
        """Bring what the fits of a stage learned in a former run, a job per fit."""
        learned = self.factory.indexes.learned[entry.name]
        fingerprint = self.plan.steps[f"{entry.name}.settle"].fingerprint
        name = f"{entry.name}.index.learned-{fingerprint[:12]}"

        def make(index: int) -> CopyLearnedJob:
            each = learned[index]
            key = digest([fingerprint, "learned", each.fit, each.sha256])
            return CopyLearnedJob(name, key, entry, ARTEFACT + each.sha256, each.ref, each.url)

        return Step(name, f"{entry.name}.index.learned", len(learned), make)

    def keeping_learned(self, entry: StageEntry) -> Step:
        """What the fits of a stage learned, for its index; a job per fit."""
        planned, learned = self.plan.steps[f"{entry.name}.index"], self._learned(entry)
        name = f"{entry.name}.index.keep-{planned.fingerprint[:12]}"

        def make(index: int) -> CopyLearnedJob:
            each = learned[index]
            key = digest([planned.fingerprint, "learned", each.fit, each.sha256])
            return CopyLearnedJob(name, key, entry, LEARNED_KIND, each.ref)

        return Step(name, f"{entry.name}.index.keep", len(learned), make)

    def _learned(self, entry: StageEntry) -> tuple[Artefact, ...]:
        return self.factory.artefacts[entry.name] if entry.stage.fits() else ()

    def writing(self, entry: StageEntry) -> Step:
        """The index of a stage, a job per base shard."""
        assert isinstance(entry.stage, Exchange)
        removed_too = entry.stage.indexes_removed
        planned, state = self.plan.steps[f"{entry.name}.index"], self.factory.exchanges[entry.name]
        places = [
            (source, index)
            for source in self.plan.passing(entry.name)
            for index in range(len(self.factory.shards(source)))
        ]
        partitions = self.factory.partitions(entry)

        def make(number: int) -> IndexJob:
            source, index = places[number]
            rows = self.factory.emitting(source, entry).records.ref(index, "exchange")
            shard = state.live[source](index)
            applying = self.factory.applying(source, entry).records.file(index, "fates")
            fates = None if applying is None or removed_too else applying.ref
            read = [rows.checksum, shard.ingredients(), None if fates is None else fates.checksum]
            key = digest([planned.fingerprint, partitions, read])
            return IndexJob(planned.name, key, entry, rows, partitions, shard, fates)

        kinds = {f"index_{kind}": ending for kind, ending in KINDS.items()}
        return Step(planned.name, planned.label, len(places), make, kinds)

    def promotions(self, entry: StageEntry, step: Step, kept: Step) -> list[Promotion]:
        """Final names of an index, the manifest last; kept: what fits learned."""
        assert isinstance(entry.stage, Exchange)
        driver, promotions = self.factory.driver, []
        shards: list[dict[str, Any]] = []
        for number in range(step.jobs):
            if step.records.ref(number, "index_ids").rows == 0:
                continue  # all empty shards have the same files
            files = {}
            for kind, ending in KINDS.items():
                if (file := step.records.file(number, f"index_{kind}")) is not None:
                    ref = driver.current(file.ref)
                    name = f"{kind}-{len(shards):05d}.{ending}"
                    promotions.append(Promotion(ref, f"{folder_of(entry)}/{name}"))
                    files[kind] = {**asdict(ref), "path": name}
            shards.append(files)
        learned = {}
        for number, each in enumerate(self._learned(entry)):
            ref = driver.current(kept.records.ref(number, LEARNED_KIND))
            name = f"learned-{each.fit}.bin"
            promotions.append(Promotion(ref, f"{folder_of(entry)}/{name}"))
            learned[each.fit] = {**asdict(ref), "path": name, "sha256": each.sha256}
        content = {**identity(entry.stage), "shards": shards, "learned": learned}
        data = orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
        path = f"steps/{step.name}/{digest(data.decode())}.manifest.json"
        if path not in driver.promoted:
            driver.store.publish(path, data)
        manifest = FileRef(path, len(data), xxhash.xxh3_64_intdigest(data))
        final = f"{folder_of(entry)}/{MANIFEST}"
        return [*promotions, Promotion(driver.current(manifest), final)]


def index_ordinal(number: int) -> int:
    """The shard part of the addresses of an index's shard."""
    return (INDEX_BIT >> 32) | number
