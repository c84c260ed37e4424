"""Timers of many sessions on one timer of the event loop."""

from __future__ import annotations

import asyncio
import heapq
import math
from typing import Protocol

_GRID_SECONDS = 0.01


class Timed(Protocol):
    """Has a timer.

    Attributes:
        tick: When it rings; only `Timers` uses it. None if it isn't set.
    """

    tick: int | None

    def look(self) -> None:
        """Called when the timer rings; it is no longer set."""
        ...


class Timers:
    """Rings at points of a grid, so that many timers wake the event loop only a hundred times a second."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ringing: dict[int, set[Timed]] = {}
        self._ticks: list[int] = []
        self._handle: asyncio.TimerHandle | None = None

    def set(self, timed: Timed, at_mono: float) -> None:
        """Make it ring once, at the first point of the grid from `at_mono` on."""
        tick = math.ceil(at_mono / _GRID_SECONDS)
        if tick == timed.tick:
            return
        self.remove(timed)
        timed.tick = tick
        if tick not in self._ringing:
            self._ringing[tick] = set()
            heapq.heappush(self._ticks, tick)
            if self._ticks[0] == tick:
                self._schedule()
        self._ringing[tick].add(timed)

    def remove(self, timed: Timed) -> None:
        """Cancel its timer."""
        if timed.tick is not None:
            self._ringing[timed.tick].discard(timed)
            timed.tick = None

    def close(self) -> None:
        """Cancel all timers."""
        if self._handle is not None:
            self._handle.cancel()

    def _schedule(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_at(self._ticks[0] * _GRID_SECONDS, self._ring) if self._ticks else None

    def _ring(self) -> None:
        now_mono = self._loop.time()
        while self._ticks and self._ticks[0] * _GRID_SECONDS <= now_mono:
            for timed in self._ringing.pop(heapq.heappop(self._ticks)):
                timed.tick = None
                timed.look()
        self._schedule()
