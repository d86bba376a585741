"""Reading a run folder: the one door through which the report, `status` and `explain` see a run.

A run folder is a local path or any fsspec URL (`s3://…`). Every reader works on a run that is
still going, failed early or was stopped: what is not there yet is empty, not an error; what is
damaged is a `DataError` that names the file and the remedy. Cost: `run.json` is read whole; rows
are streamed in batches of at most `BATCH_ROWS` (memory: a few row groups).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from curate.errors import DataError
from curate.stages.rules import Rule
from curate.storage.schema import DOCUMENT_SCHEMA, FATE_FIELDS
from curate.storage.store import Store

BATCH_ROWS = 4096
FORMAT_VERSION = 1
LEASE_FILE = "run.lock"


class RunFolder:
    """A run folder, for reading. Opening one does no work; the first read that finds nothing says
    so.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/") or url
        self._store = Store(self.url)

    def exists(self) -> bool:
        """True when the folder holds a `run.json`."""
        return self._store.exists("run.json")

    def run(self) -> dict[str, Any]:
        """The content of `run.json`. Raises DataError: none there, damaged, or written by a newer
        curate.
        """
        content = self._json("run.json")
        if content is None:
            raise DataError(
                f"{self.url}: no run.json here, so this is no run folder (or it has not started); "
                "give the folder named by `output:` in the pipeline file"
            )
        version = content.get("format_version")
        if version != FORMAT_VERSION:
            raise DataError(
                f"{self.url}/run.json: format_version is {version!r}, this curate reads "
                f"{FORMAT_VERSION}; use the curate version that wrote the run"
            )
        for rule in content["rules"]:
            rule["low"], rule["high"] = _bound(rule["low"]), _bound(rule["high"])
        return content

    def lease(self) -> dict[str, Any] | None:
        """`run.lock` (`host`, `pid`, `started`, `heartbeat`), or None when no driver holds the
        run.
        """
        return self._json(LEASE_FILE)

    def events(self, tail_bytes: int | None = None) -> Iterator[dict[str, Any]]:
        """Events in the order they happened; with `tail_bytes` only those in the last bytes of the
        file.

        A half-written line (a run that is going on, or was killed) is passed over.
        """
        size = self._store.size("events.jsonl")
        if size is None:
            return
        start = max(0, size - tail_bytes) if tail_bytes is not None else 0
        with self._store.open("events.jsonl") as file:
            file.seek(start)
            if start:
                file.readline()
            for line in file:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict):
                    yield event

    def documents(self, source: str | None = None) -> pads.Dataset:
        """Kept documents of one source or of all, in document order inside each source."""
        folder = "documents" if source is None else f"documents/{source}"
        return self._dataset(folder, DOCUMENT_SCHEMA)

    def removed(self) -> pads.Dataset:
        """Documents that a rule removed: `storage.schema.FATE_FIELDS` and all signals."""
        return self._dataset("removed", pa.schema(FATE_FIELDS))

    def quarantine(self) -> pads.Dataset:
        """Records that failed to become, or to stay, a document: same columns as `removed`."""
        return self._dataset("quarantine", pa.schema(FATE_FIELDS))

    def evidence(self, stage: str) -> pa.Table | None:
        """What the stage edited, most frequent first (`ExchangeEditor.evidence`); None for a stage
        that lists nothing.
        """
        path = f"report/{stage}.parquet"
        if not self._store.exists(path):
            return None
        try:
            with self._store.open(path) as file:
                return pq.read_table(file)
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(
                f"{self.url}/{path}: cannot be read ({error}); "
                "`curate run` with the same pipeline file makes it again"
            ) from error

    def publish(self, relative: str, content: bytes) -> str:
        """Write a small file beside the run (`report/…`) whole: readers see the old bytes or the
        new. Returns its URL.
        """
        self._store.publish(relative, content)
        return f"{self.url}/{relative}"

    def _json(self, relative: str) -> dict[str, Any] | None:
        if not self._store.exists(relative):
            return None
        try:
            content = json.loads(self._store.read(relative))
        except ValueError as error:
            raise DataError(
                f"{self.url}/{relative}: damaged ({error}); "
                "`curate run` with the same pipeline file writes it again"
            ) from error
        if not isinstance(content, dict):
            raise DataError(
                f"{self.url}/{relative}: a JSON object is expected, found {type(content).__name__}"
            )
        return content

    def _dataset(self, folder: str, empty: pa.Schema) -> pads.Dataset:
        parts = [name for name in self._store.sizes(folder) if name.endswith(".parquet")]
        if not parts:
            return pads.dataset(empty.empty_table())
        paths = [self._store.full(name) for name in parts]
        try:
            return pads.dataset(paths, filesystem=self._arrow_files(), format="parquet")
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(
                f"{self.url}/{folder}: a part cannot be read ({error}); "
                "`curate run` with the same pipeline file makes it again"
            ) from error

    def _arrow_files(self) -> pafs.FileSystem:
        if self._store.is_local:
            return pafs.LocalFileSystem()
        files, _ = fsspec.core.url_to_fs(self._store.url)
        return pafs.PyFileSystem(pafs.FSSpecHandler(files))


def _bound(bound: Any) -> Any:
    """A bound as `rules.Rule` takes it; JSON holds infinities as the strings `inf` and `-inf`."""
    if isinstance(bound, dict):
        return {key: _bound(value) for key, value in bound.items()}
    return None if bound is None else float(bound)


def rules_of(run: dict[str, Any]) -> list[tuple[str, Rule]]:
    """(stage, rule) of a run in declared order; `signal` and `by` are names of columns in its
    files.
    """
    return [
        (
            entry["stage"],
            Rule(
                entry["rule"],
                entry["column"],
                entry["low"],
                entry["high"],
                entry["by_column"],
                entry["missing"],
            ),
        )
        for entry in run["rules"]
    ]


def stream(
    dataset: pads.Dataset, columns: list[str], where: pads.Expression | None = None
) -> Iterator[pa.RecordBatch]:
    """Batches of `columns` in file order, memory bounded by a few row groups. Columns a dataset
    lacks are left out.
    """
    present = [name for name in columns if name in dataset.schema.names]
    scanner = dataset.scanner(
        columns=present,
        filter=where,
        batch_size=BATCH_ROWS,
        batch_readahead=2,
        fragment_readahead=1,
    )
    try:
        yield from scanner.to_batches()
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"a Parquet part of the run cannot be read: {error}") from error
