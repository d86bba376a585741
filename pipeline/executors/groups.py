"""Which waiting jobs travel together in one task: several of the same step when they are short.

A task costs a few milliseconds of scheduling, which a job of one small shard does not repay. The
size of a group follows the measured seconds of its step's jobs; the last jobs of a queue are spread
over all slots. A job that must run alone (careful, or from a group that crashed) is never grouped.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from curate.pipeline.job import Job

GROUP_SECONDS = 2.0
"""Work that one task should hold."""
MOST_JOBS = 32
WEIGHT_OF_NEW = 0.25
"""Of the latest job in the running mean of its step."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job in the queue. token: the driver's name for it."""

    token: tuple[str, int]
    job: Job
    careful: bool = False
    alone: bool = False


class JobGroups:
    """A queue of jobs that hands out groups."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._queue: deque[Waiting] = deque()
        self._seconds: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, waiting: Waiting) -> None:
        """Append a job; one that must run alone goes first."""
        if waiting.alone or waiting.careful:
            self._queue.appendleft(waiting)
        else:
            self._queue.append(waiting)

    def measured(self, step: str, seconds: float) -> None:
        """Remember how long a job took inside its worker."""
        before = self._seconds.get(step, seconds)
        self._seconds[step] = before + WEIGHT_OF_NEW * (seconds - before)

    def size(self, step: str) -> int:
        """Jobs of a step that make up a task; 1 while nothing is known."""
        seconds = self._seconds.get(step)
        if seconds is None:
            return 1
        return int(min(MOST_JOBS, max(1.0, GROUP_SECONDS / max(seconds, 1e-6))))

    def largest(self) -> int:
        """The largest group that any step has now."""
        return max((self.size(step) for step in self._seconds), default=1)

    def take(self) -> list[Waiting]:
        """The next group, in queue order, of one step. The queue must not be empty."""
        first = self._queue.popleft()
        group = [first]
        if first.alone or first.careful:
            return group
        fair = -(-(len(self._queue) + 1) // self._slots)
        while self._queue and len(group) < min(self.size(first.job.step), fair):
            after = self._queue[0]
            if after.alone or after.careful or after.job.step != first.job.step:
                break
            group.append(self._queue.popleft())
        return group

    def clear(self) -> None:
        """Forget what waits."""
        self._queue.clear()
