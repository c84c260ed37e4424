"""The relay in plain asyncio: the fallback if the engine can't be built, and the oracle of its tests."""

from __future__ import annotations

from ..readiness import Readiness
from .job import Job, OnTraffic, RelayLoad, RelayResult
from .session import Session
from .ticker import Ticker
from .timers import Timers


class PureRelay:
    """Runs each job as tasks of the event loop, one a direction."""

    def __init__(self) -> None:
        self._readiness: Readiness | None = None
        self._timers: Timers | None = None
        self._sessions: set[Session] = set()
        self._ticker = Ticker(self.report)

    async def run(self, job: Job, on_traffic: OnTraffic) -> RelayResult:
        """See `Relay.run`."""
        self._readiness = self._readiness or Readiness()
        self._timers = self._timers or Timers()
        session = Session(job, on_traffic, self._readiness, self._timers)
        del job  # what it has read would be kept for as long as the session lasts
        self._sessions.add(session)
        self._ticker.start()
        try:
            return await session.run()
        finally:
            self._sessions.discard(session)
            self._ticker.stop()

    async def close(self) -> None:
        """See `Relay.close`."""
        self._ticker.close()
        if self._timers is not None:
            self._timers.close()
        if self._readiness is not None:
            self._readiness.close()

    def load(self) -> RelayLoad:
        """See `Relay.load`."""
        return RelayLoad(len(self._sessions), None)

    def report(self) -> None:
        """See `Relay.report`."""
        for session in self._sessions:
            session.report_traffic()
