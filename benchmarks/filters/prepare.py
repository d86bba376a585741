"""The inputs of the benchmark, taken out of the corpus (`benchmarks/corpus`).

english.parquet: every English document of the plain sets (C4, Wikipedia, novels, forums, POD) and
English pages in drawn order, until `BYTES` of text. cjk_thai.parquet: everything that is Chinese,
Japanese, Korean or Thai. slice.parquet, cjk_thai_slice.parquet: documents of these drawn at random,
about 5 MB. Columns: id, text. The order is drawn everywhere, so any part looks like the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.kernels.draw import Purpose, draw_many

BYTES = 250_000_000
SLICE_BYTES = 5_000_000
SEED = 17
SCHEMA = pa.schema([("id", pa.string()), ("text", pa.large_string())])
WIDE = ("zh", "ja", "ko", "th", "zho", "jpn", "kor", "tha")


def prepare(corpus: Path, folder: Path) -> None:
    """Write the four files. Does nothing when they are there."""
    names = ("english", "slice", "cjk_thai", "cjk_thai_slice")
    if all((folder / f"{name}.parquet").is_file() for name in names):
        return
    folder.mkdir(parents=True, exist_ok=True)
    prose = drawn(pa.concat_tables(_plain(corpus, ("en", "eng"))))
    pages = drawn(pa.concat_tables(_pages(corpus, ("en",))))
    rest = BYTES - int(pc.sum(pc.binary_length(prose["text"])).as_py())
    english = drawn(pa.concat_tables([prose, first_bytes(pages, rest)]))
    wide = drawn(pa.concat_tables([*_plain(corpus, WIDE), *_pages(corpus, WIDE)]))
    for name, table in (("english", english), ("cjk_thai", wide)):
        write(table, folder / f"{name}.parquet")
        part = "slice" if name == "english" else f"{name}_slice"
        write(first_bytes(table, SLICE_BYTES), folder / f"{part}.parquet")


def drawn(table: pa.Table) -> pa.Table:
    """The rows in drawn order."""
    order = np.argsort(draw_many(SEED, Purpose.SAMPLE, table["id"].combine_chunks()), kind="stable")
    return table.take(pa.array(order))


def first_bytes(table: pa.Table, size: int) -> pa.Table:
    """The first rows that together hold `size` bytes of text."""
    ends = np.cumsum(pc.binary_length(table["text"]).to_numpy())
    return table.slice(0, int(np.searchsorted(ends, size)) + 1)


def write(table: pa.Table, path: Path) -> None:
    """As a pipeline would find it: zstd, row groups of 2,000 documents."""
    pq.write_table(table, path, compression="zstd", row_group_size=2_000)


def _plain(corpus: Path, languages: tuple[str, ...]) -> Iterator[pa.Table]:
    for path in sorted((corpus / "texts").glob("*.parquet")):
        table = pq.read_table(path, columns=["id", "text", "language"])
        base = pc.replace_substring_regex(table["language"], "[-_].*", "")
        found = table.filter(pc.is_in(base, pa.array(languages)))
        yield found.select(["id", "text"]).cast(SCHEMA)


def _pages(corpus: Path, languages: tuple[str, ...]) -> Iterator[pa.Table]:
    for folder in sorted((corpus / "extracted" / "documents").iterdir()):
        if folder.name.split("-")[0] in languages:
            for path in sorted(folder.glob("*.parquet")):
                yield pq.read_table(path, columns=["id", "text"]).cast(SCHEMA)
