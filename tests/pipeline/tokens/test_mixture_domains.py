"""Domains of a mixture: small ones are put together, and looked at when they may matter."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from curate.pipeline.tokens.mixture_jobs import SUMS_SCHEMA, MixturePlanJob
from curate.storage.parquet import write_parquet
from curate.storage.store import Store
from curate.tokenizer.mixture.config import MixtureConfig


@pytest.mark.parametrize("largest", [1, 4, 1000])
def test_the_number_of_domains_looked_at_first_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    monkeypatch.setattr("curate.pipeline.tokens.mixture_jobs.LARGEST_DOMAINS", largest)
    store = Store(str(tmp_path))
    sizes = [400, 300, 200, 150, 120, *([10] * 60)]
    rows = [
        {"factor": 1.0, "domain": f"{number}.example", "documents": 1, "tokens": size}
        for number, size in enumerate(sizes)
    ]
    batches = pa.Table.from_pylist(rows, SUMS_SCHEMA).to_batches()
    sums = write_parquet(store, "sums.parquet", SUMS_SCHEMA, batches, 1024)
    config = MixtureConfig(max_share_per_domain=0.1)
    job = MixturePlanJob("mixture", "0" * 32, config, (("web", sums, sums),))
    solution = job.solution(store)
    held = {stratum.domain for stratum in solution.strata if stratum.domain}
    assert held == {f"{number}.example" for number in range(4)}
    total = sum(solution.phases[0].strata)
    assert total == 1200  # four times a tenth, and 720 tokens of the others
    (rest,) = [stratum for stratum in solution.strata if stratum.domain is None]
    assert rest.tokens == 720
