"""Histograms count every document once, whatever the values, and put bounds inside the drawing."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.dashboards.drawing import WIDTH, position
from curate.dashboards.histograms import histograms
from curate.pipeline.run_folder import RunFolder


def run_with(tmp_path, kept: pa.Array, removed: pa.Array) -> RunFolder:
    for name, column in (("documents/web", kept), ("removed", removed)):
        (tmp_path / name).mkdir(parents=True)
        signal = pa.array(["x.y"] * len(column), pa.string())
        table = pa.table({"x.y": column, "signal": signal})
        pq.write_table(table, tmp_path / name / "part-00000.parquet")
    return RunFolder(str(tmp_path))


@pytest.mark.parametrize(
    "values",
    [
        np.linspace(-1, 1, 999),
        np.array([0.0, -0.0, 0.0]),
        np.array([1e300, -1e300, 5e-324]),
        np.array([math.nan, math.inf, -math.inf, 1.0]),
        np.exp(np.linspace(0, 14, 500)),
        np.arange(1000, dtype=np.int64) ** 2,
        np.full(7, 3, dtype=np.int64),
        np.array([True, False, True]),
    ],
    ids=["line", "zeros", "huge", "not finite", "long tail", "squares", "constant", "bool"],
)
def test_every_value_is_counted_once(tmp_path, values):
    folder = run_with(tmp_path, pa.array(values), pa.array(values[:2]))
    (found,) = histograms(folder, ["x.y"], {"x.y": [0.5]})
    assert sum(found.counts["kept"]) + found.missing["kept"] == len(values)
    assert sum(found.counts["removed_here"]) + found.missing["removed_here"] == 2
    assert all(math.isfinite(edge) for edge in found.edges)
    assert found.edges == sorted(set(found.edges))
    assert 0 <= position(found.edges, 0.5) <= WIDTH


def test_a_bin_of_whole_numbers_holds_whole_numbers_only(tmp_path):
    folder = run_with(tmp_path, pa.array([1, 2, 2, 3], pa.int64()), pa.array([9], pa.int64()))
    (found,) = histograms(folder, ["x.y"], {"x.y": [3.0]})
    assert found.edges == [number - 0.5 for number in range(1, 11)]
    assert found.counts["kept"] == [1, 2, 1, 0, 0, 0, 0, 0, 0]
    assert found.counts["removed_here"] == [0] * 8 + [1]


def test_no_bin_lies_below_a_bound_of_0(tmp_path):
    copies = pa.array([0] * 40 + [1, 2, 200], pa.int64())
    (found,) = histograms(run_with(tmp_path, copies, copies[:0]), ["x.y"], {"x.y": [0.0]})
    assert found.edges[0] == -0.5
    assert found.scale == "log" and found.edges[-1] - found.edges[-2] > 1


def test_one_number_too_large_for_a_bin_of_its_own(tmp_path):
    one = pa.array([2**62 + 1] * 3, pa.int64())
    (found,) = histograms(run_with(tmp_path, one, one[:1]), ["x.y"], {})
    assert sum(found.counts["kept"]) == 3 and sum(found.counts["removed_here"]) == 1
    assert found.edges == sorted(set(found.edges)) and len(found.edges) > 1


def test_a_signal_without_a_value_has_no_histogram(tmp_path):
    folder = run_with(tmp_path, pa.nulls(3, pa.float64()), pa.nulls(1, pa.float64()))
    assert histograms(folder, ["x.y", "never.made"], {}) == []
