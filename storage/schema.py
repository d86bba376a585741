"""The columns of a document and of a fate (a record that ended before `documents/`).

A *document* is one Arrow row. Its *address* is (shard ordinal << 32 | row), uint64; address order
is document order: source position in the pipeline file, relative path as UTF-8 bytes, record
offset. `row` is the row number at extraction; it is kept through the chain (a base shard that is
written again keeps the same ordinal and the surviving row numbers).
"""

from __future__ import annotations

import pyarrow as pa

DOCUMENT_FIELDS: tuple[pa.Field, ...] = (
    pa.field("id", pa.string(), nullable=False),
    pa.field("text", pa.large_string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("locator", pa.string(), nullable=False),
    pa.field("url", pa.string()),
    pa.field("date", pa.string()),
    pa.field("date_source", pa.string()),
    pa.field("title", pa.string()),
    pa.field("author", pa.string()),
    pa.field("page_language", pa.string()),
    pa.field("language", pa.string()),
    pa.field("language_score", pa.float64()),
    pa.field("meta", pa.string()),
)
"""`locator` is `<path>#<offset>[.k]`, `id` is `<source>/<locator>`, `meta` a JSON object, `date`
ISO 8601 and `date_source` where a web page states it (`stages.extract.metadata.DateSource`).
`page_language` is what the page declares, `language` what a stage measured.
"""

DOCUMENT_SCHEMA = pa.schema(DOCUMENT_FIELDS)
DOCUMENT_COLUMNS = frozenset(field.name for field in DOCUMENT_FIELDS)

ROW_FIELD = pa.field("row", pa.uint32(), nullable=False)
"""Hidden column of base shards: row number at extraction. Never published under `documents/`."""

FATE_REMOVED = "removed"
FATE_QUARANTINED = "quarantined"

FATE_FIELDS: tuple[pa.Field, ...] = (
    pa.field("id", pa.string(), nullable=False),
    pa.field("address", pa.uint64(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("locator", pa.string(), nullable=False),
    pa.field("stage", pa.string(), nullable=False),
    pa.field("fate", pa.string(), nullable=False),
    pa.field("rule", pa.string()),
    pa.field("signal", pa.string()),
    pa.field("value", pa.float64()),
    pa.field("low", pa.float64()),
    pa.field("high", pa.float64()),
    pa.field("also_broken", pa.list_(pa.string())),
    pa.field("duplicate_of", pa.string()),
    pa.field("duplicate_source", pa.string()),
    pa.field("similarity", pa.float64()),
    pa.field("error", pa.string()),
    pa.field("message", pa.string()),
    pa.field("raw", pa.binary()),
    pa.field("text", pa.large_string()),
    pa.field("url", pa.string()),
    pa.field("date", pa.string()),
    pa.field("date_source", pa.string()),
    pa.field("title", pa.string()),
    pa.field("author", pa.string()),
    pa.field("page_language", pa.string()),
    pa.field("language", pa.string()),
    pa.field("language_score", pa.float64()),
    pa.field("meta", pa.string()),
)
"""Followed, in every file, by all signals of the run (null where not measured before the end).

removed/: `rule` is the first broken rule in declared order, written `<stage>.<rule>` nowhere:
`stage` holds the instance name. quarantine/: `error` is a short kind (`invalid_utf8`), `message` a
sentence, `raw` the record's bytes, capped.
"""


def address(ordinal: int, row: int) -> int:
    """Address of row `row` of base shard `ordinal`; both below 2^32."""
    return (ordinal << 32) | row


def document_id(source: str, locator: str) -> str:
    """`<source>/<locator>`; the locator already carries `.k` where one record yields several
    documents.
    """
    return f"{source}/{locator}"
