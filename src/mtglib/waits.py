"""How long a site makes its visitors wait, and what clients' waits are drawn from."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

MOST_WAITS: Final = 64
"""The latest ones say how much a site's waits vary."""

_FEWEST: Final = 3
"""With fewer, one that came late by accident would pass for half of a site's waits."""

_OWN_NOISE_SECONDS: Final = 0.001
"""Waits that are apart by less may be so because our own event loop, or the machine that a site is on as well, had
other work. That makes single waits longer, so what counts is how far the median is from the shortest. On a machine with
two cores that were both busy, it was 0.5 ms for nginx."""

_IQR_OF_NORMAL: Final = 1.34
_KERNEL: Final = 0.9
_KERNEL_POWER: Final = -0.2
"""Silverman's rule of thumb for the width of a kernel (Density Estimation, 1986, section 3.4.2)."""

_TRIANGLE: Final = 6**0.5
"""Half the base of a triangular kernel, in its standard deviations."""


class Wait(NamedTuple):
    """One wait: until the site was connected, and after that for its first byte."""

    connect_seconds: float
    first_byte_seconds: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.connect_seconds + self.first_byte_seconds


class WaitDistribution:
    """Waits that were measured, as a smooth distribution. It never changes.

    Args:
        waits: What was measured; those of 0 seconds say nothing.

    Attributes:
        waits: The others, the shortest first.
        varies: Whether there are enough of them, and they are apart by more than our own event loop accounts for.
    """

    __slots__ = ("_reach_seconds", "varies", "waits")

    def __init__(self, waits: Iterable[Wait] = ()) -> None:
        self.waits = sorted((wait for wait in waits if wait.seconds > 0), key=lambda wait: wait.seconds)
        self.varies, self._reach_seconds = False, 0.0
        if len(self.waits) >= _FEWEST:
            seconds = [wait.seconds for wait in self.waits]
            self.varies = seconds[(len(seconds) - 1) // 2] - seconds[0] > _OWN_NOISE_SECONDS
            quarter = len(seconds) // 4
            interquartile_seconds = seconds[-1 - quarter] - seconds[quarter]
            mean_seconds = sum(seconds) / len(seconds)
            deviation_seconds = math.dist(seconds, [mean_seconds] * len(seconds)) / math.sqrt(len(seconds))
            spread_seconds = min(deviation_seconds, interquartile_seconds / _IQR_OF_NORMAL)
            self._reach_seconds = _TRIANGLE * _KERNEL * spread_seconds * len(seconds) ** _KERNEL_POWER

    def draw(self, chance: Callable[[], float] = random.random) -> Wait:
        """Draw one of the waits, made somewhat longer or shorter, but within the longest and the shortest of them.

        There must be at least one.

        Args:
            chance: Returns numbers from 0 to below 1, all equally likely.
        """
        waits = self.waits
        wait = waits[int(len(waits) * chance())]
        least, most = waits[0].seconds, waits[-1].seconds
        seconds = wait.seconds + self._reach_seconds * (chance() - chance())
        if seconds < least:  # what would be beyond an end is as far before it; no kernel is as wide as both are apart
            seconds = 2 * least - seconds
        elif seconds > most:
            seconds = 2 * most - seconds
        factor = seconds / wait.seconds
        return Wait(wait.connect_seconds * factor, wait.first_byte_seconds * factor)
