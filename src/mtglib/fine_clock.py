"""A clock that can wait for less than a millisecond: an event loop's own timers are up to one late."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from contextlib import suppress
from typing import Final

try:
    from ._engine import Alarm as Alarm  # tests have other ones
except ImportError:  # without the engine there is no finer timer than the loop's
    Alarm = None  # type: ignore[assignment, misc]

_USUALLY_LATE_SECONDS: Final = 0.00003
"""From an alarm to whoever waits for it: 22 us to the event loop, and the rest to its task. Alarms are set earlier."""

_LEAST_WAIT_SECONDS: Final = 0.00005
"""Shorter waits are left out: an alarm is as late as they are long."""


class FineClock:
    """Belongs to the event loop of the first wait. All waits share one descriptor of the engine.

    On an idle machine, waits are off by some ten microseconds; without the engine, they are up to a millisecond late.
    """

    def __init__(self) -> None:
        self._alarm: Alarm | None = None
        self._numbers = itertools.count()
        self._waiters: list[tuple[float, int, asyncio.Future[None]]] = []  # a heap; those who gave up stay in it

    def now_mono(self) -> float:
        """Return monotonic seconds, which are finer than those of some event loops."""
        return time.monotonic()

    async def wait_until(self, due_mono: float) -> None:
        """Return at about `due_mono`."""
        if (left_seconds := due_mono - self.now_mono()) <= _LEAST_WAIT_SECONDS:
            return
        if (alarm := self._alarm or self._new_alarm()) is None:
            await asyncio.sleep(left_seconds)
            return
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, (due_mono - _USUALLY_LATE_SECONDS, next(self._numbers), waiter))
        if self._waiters[0][2] is waiter:
            alarm.set(left_seconds - _USUALLY_LATE_SECONDS)
        await waiter

    def close(self) -> None:
        """Close the descriptor; nobody waits any more."""
        if self._alarm is not None:
            asyncio.get_running_loop().remove_reader(self._alarm.fileno())
            self._alarm = None

    def _new_alarm(self) -> Alarm | None:
        if Alarm is not None:
            with suppress(OSError):  # no descriptors are left
                self._alarm = Alarm()
                asyncio.get_running_loop().add_reader(self._alarm.fileno(), self._ring, self._alarm)
        return self._alarm

    def _ring(self, alarm: Alarm) -> None:
        now_mono = self.now_mono()
        while self._waiters and self._waiters[0][0] <= now_mono:
            waiter = heapq.heappop(self._waiters)[2]
            if not waiter.done():
                waiter.set_result(None)
        alarm.set(self._waiters[0][0] - now_mono if self._waiters else None)
