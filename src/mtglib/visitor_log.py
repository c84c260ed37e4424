"""The info log about visitors: at most one line a minute, however many there are."""

from __future__ import annotations

import asyncio
from collections import Counter

from .ground.guarded_logger import GuardedLogger
from .reasons import Reason
from .roster import Entry, State

SUMMARY_EACH_SECONDS = 60.0
_MOST_NETWORKS = 10_000  # bounds the memory that a flood can take


class VisitorLog:
    """Counts visitors, and sums them up once a minute while there are any."""

    def __init__(self, logger: GuardedLogger) -> None:
        self._logger = logger
        self._reasons: Counter[Reason] = Counter()
        self._evicted = 0
        self._networks: set[int | None] = set()
        self._timer: asyncio.TimerHandle | None = None

    def use(self, logger: GuardedLogger) -> None:
        """Log through another logger from now on."""
        self._logger = logger

    def came(self, network: int | None, reason: Reason) -> None:
        """Count a visitor that was rejected for this reason."""
        self._reasons[reason] += 1
        if len(self._networks) < _MOST_NETWORKS:
            self._networks.add(network)
        self._schedule()

    def evicted(self, entry: Entry) -> None:
        """Count an evicted visitor; if it wasn't identified yet, it is also counted as a visitor now."""
        self._evicted += 1
        if entry.state is State.HANDSHAKE:
            self.came(entry.network, Reason.EVICTED)
        self._schedule()

    def close(self) -> None:
        """Log the visitors that weren't summed up yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._sum_up()

    def _schedule(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SUMMARY_EACH_SECONDS, self._sum_up)

    def _sum_up(self) -> None:
        self._timer = None
        reasons = {str(reason): count for reason, count in self._reasons.most_common()}
        self._logger.bind(
            visitors=self._reasons.total(), networks=len(self._networks), reasons=reasons, evicted=self._evicted
        ).info("visitors of the last minute")
        self._reasons.clear()
        self._networks.clear()
        self._evicted = 0
