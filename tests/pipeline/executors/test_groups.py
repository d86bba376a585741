"""Short jobs travel together, long ones and suspicious ones alone."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from curate.pipeline.executors.groups import GROUP_SECONDS, MOST_JOBS, JobGroups, Waiting
from curate.pipeline.job import JobContext, JobResult


@dataclass(frozen=True)
class Named:
    step: str
    key: str = ""

    def run(self, context: JobContext) -> JobResult:
        raise NotImplementedError


def filled(jobs: int, seconds: float | None = None, slots: int = 2) -> JobGroups:
    groups = JobGroups(slots)
    if seconds is not None:
        groups.measured("a", seconds)
    for index in range(jobs):
        groups.add(Waiting(("a", index), Named("a")))
    return groups


@pytest.mark.parametrize(
    ("seconds", "size"),
    [(None, 1), (100.0, 1), (GROUP_SECONDS / 4, 4), (0.0, MOST_JOBS)],
)
def test_the_size_of_a_group_follows_the_seconds_of_its_jobs(seconds, size):
    groups = filled(1000, seconds)
    taken = groups.take()
    assert [waiting.token for waiting in taken] == [("a", index) for index in range(size)]
    assert groups.largest() == size and len(groups) == 1000 - size


def test_the_last_jobs_are_spread_over_all_slots():
    groups = filled(5, 0.001)
    assert [len(groups.take()) for _ in range(3)] == [3, 1, 1]


def test_a_group_holds_one_step_and_nothing_that_must_run_alone():
    groups = filled(2, 0.001, slots=1)
    groups.add(Waiting(("b", 0), Named("b")))
    groups.add(Waiting(("a", 7), Named("a"), alone=True))
    groups.add(Waiting(("a", 8), Named("a"), careful=True))
    taken = [[waiting.token for waiting in groups.take()] for _ in range(4)]
    assert taken == [[("a", 8)], [("a", 7)], [("a", 0), ("a", 1)], [("b", 0)]]
