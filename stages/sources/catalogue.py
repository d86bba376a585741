"""The source formats by the name a pipeline file gives in `format:`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from curate.stages.sources.base import Source
from curate.stages.sources.delimited import Csv, Tsv
from curate.stages.sources.html import Html
from curate.stages.sources.installed import InstalledPackages
from curate.stages.sources.jsonl import Jsonl
from curate.stages.sources.parquet import Parquet
from curate.stages.sources.text import Text
from curate.stages.sources.warc import Warc

SOURCES: Mapping[str, type[Source]] = MappingProxyType(
    {
        source.format: source
        for source in (Csv, Html, InstalledPackages, Jsonl, Parquet, Text, Tsv, Warc)
    }
)
