"""One measured number, and how a function is timed for it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

_REPEATS = 5


@dataclass(frozen=True)
class Line:
    """A number with its target, if it has one: the most that it may be."""

    what: str
    value: float
    unit: str
    target: float | None = None

    @property
    def passed(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.value <= self.target


MeasureLines: TypeAlias = Callable[[bool], Iterable[Line]]
"""Measures a part; True: with small loads, which only show that it works."""


def nanoseconds_each(work: Callable[[], None], count: int) -> float:
    """CPU time of `work`, which does something `count` times: the median of five."""
    taken = []
    for _ in range(_REPEATS):
        start_ns = time.process_time_ns()
        work()
        taken.append(time.process_time_ns() - start_ns)
    return statistics.median(taken) / count
