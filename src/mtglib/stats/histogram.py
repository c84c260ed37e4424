"""A histogram of durations."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Prometheus' usual buckets, and one for a client that keeps a connection in reserve: official ones do so for 10 s."""


class Histogram:
    """Counts durations.

    Attributes:
        sum_seconds: Their sum.
    """

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_SECONDS) + 1)
        self.sum_seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Count a duration."""
        self._counts[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        self.sum_seconds += seconds

    def cumulative(self) -> list[int]:
        """Return, for each bound, the number of durations up to it, and then the number of all."""
        totals, total = [], 0
        for count in self._counts:
            total += count
            totals.append(total)
        return totals
