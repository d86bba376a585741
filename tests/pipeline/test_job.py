"""What a job sends back is small, and comes back as it was."""

from __future__ import annotations

import pickle

from curate.pipeline.job import JobResult, OutputFile, output_path
from curate.storage.store import FileRef


def test_a_result_of_a_long_chain_fits_in_a_kilobyte():
    files = tuple(
        OutputFile(
            kind, 0, FileRef(output_path("web.1-0123456789ab", "9f" * 16, kind), 12_345, 2**63, 99)
        )
        for kind in ("sidecar", "exchange", "fates")
    )
    counts = {"segment|in": 12_345, "segment|out": 11_111, "segment|text_bytes": 34_567_890}
    for stage in ("language", "gopher_repetition", "gopher_quality", "c4_quality", "fineweb"):
        counts |= {f"stage|{stage}|read": 12_345, f"stage|{stage}|removed": 234}
        for rule in range(13):
            counts[f"rule|{stage}|duplicate_{rule}_gram_character_fraction"] = 17 * rule
    result = JobResult(files, counts)
    sent = pickle.dumps(result)
    assert len(sent) <= 1024
    assert pickle.loads(sent) == result
