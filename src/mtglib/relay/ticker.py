"""Reports traffic once a second while there are jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

REPORT_EACH_SECONDS = 1.0


class Ticker:
    """Calls `report` each second between the first `start` and as many `stop`s."""

    def __init__(self, report: Callable[[], None]) -> None:
        self._report = report
        self._jobs = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """A job has begun."""
        self._jobs += 1
        if self._timer is None:
            self._schedule()

    def stop(self) -> None:
        """A job is over. The timer runs out by itself: jobs that come and go quickly cost no timer each."""
        self._jobs -= 1

    def close(self) -> None:
        """Cancel the scheduled report."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(REPORT_EACH_SECONDS, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._jobs:
            self._schedule()
            self._report()
