"""Program of a test: write a file with a line of 200 MB, read it, and print what came out and how
far memory grew (MiB)."""

from __future__ import annotations

import sys
from pathlib import Path

from curate.stages.sources.base import BadRecord, Caps, Record
from curate.stages.sources.jsonl import Jsonl


def peak_kibibytes() -> int:
    """Largest resident size of this process; `getrusage` would count the parent's before exec."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


path = Path(sys.argv[1])
with path.open("wb") as out:
    out.write(b'{"text": "before"}\n{"text": "')
    for _ in range(200):
        out.write(b"x" * 1_000_000)
    out.write(b'"}\n{"text": "after"}\n')

source = Jsonl(paths=(str(path),))
before_kibibytes = peak_kibibytes()
documents, errors = 0, []
for file in source.files("."):
    for split in source.splits(file, 2**30):
        for record in source.records(split, Caps(max_document_bytes=20 * 2**20)):
            documents += isinstance(record, Record)
            errors += [record.error] if isinstance(record, BadRecord) else []
grown = peak_kibibytes() - before_kibibytes
print(documents, ",".join(errors), grown // 1024)
