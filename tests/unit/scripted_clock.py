"""A clock that stands still until a test says so."""

from __future__ import annotations

import asyncio

from mtglib.fine_clock import FineClock


class ScriptedClock(FineClock):
    """Notes how long everybody wants to wait, and lets nobody go before `go` is called.

    Attributes:
        mono: Its time.
        waits_seconds: The waits so far; what is over isn't waited for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mono = 1000.0
        self.waits_seconds: list[float] = []
        self._changed = asyncio.Condition()
        self._gone = 0

    def now_mono(self) -> float:
        return self.mono

    async def wait_until(self, due_mono: float) -> None:
        if due_mono <= self.mono:
            return
        async with self._changed:
            self.waits_seconds.append(due_mono - self.mono)
            number = len(self.waits_seconds)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._gone >= number)

    async def waited_for(self, count: int = 1) -> None:
        """Return when there were so many waits."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.waits_seconds) >= count)

    async def go(self) -> None:
        """End all waits that have begun."""
        async with self._changed:
            self._gone = len(self.waits_seconds)
            self._changed.notify_all()
