"""Delivery to one observer: its queue, and the task that empties it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import monotonic

from ..event_types import Event
from ..ground.guarded_logger import GuardedLogger, Warnings
from ..interfaces import Observer
from .queue import StreamQueue

_BATCH_EVENTS = 256  # an observer that takes 2 us an event blocks the event loop for half a millisecond


class Delivery:
    """Delivers events to an observer, at the observer's pace.

    Args:
        observer: Gets the events.
        max_queued_events: The bound of the queue.
        logger: Gets exceptions of the observer, at most once a minute.
        clock: Returns monotonic seconds.

    Attributes:
        observer: As given.
    """

    def __init__(
        self,
        observer: Observer,
        max_queued_events: int,
        logger: GuardedLogger,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.observer = observer
        self._warnings = Warnings(logger, clock)
        self._queue = StreamQueue(max_queued_events)
        self._refused = 0
        self._arrived = asyncio.Event()
        self._ending = False

    @property
    def dropped(self) -> int:
        """The number of events that the observer never got, or raised on."""
        return self._queue.dropped + self._refused

    def offer(self, events: Iterable[Event]) -> None:
        """Queue events; the task gets them on its next turn."""
        put = self._queue.put
        for event in events:
            put(event)
        self._arrived.set()

    def end(self) -> None:
        """Let `run` return once the queue is empty."""
        self._ending = True
        self._arrived.set()

    def close(self) -> None:
        """Drop all queued and later events."""
        self._queue.close()

    async def run(self) -> None:
        """Deliver until `end`."""
        while True:
            while batch := self._queue.take(_BATCH_EVENTS):
                await self._hand_over(batch)
                await asyncio.sleep(0)  # an observer that never waits mustn't block the event loop
            if self._ending:
                return
            self._arrived.clear()
            await self._arrived.wait()

    async def _hand_over(self, batch: Sequence[Event]) -> None:
        try:
            # A plain function is as good as one that is awaited: it is done when it returns.
            awaited: Awaitable[None] | None = self.observer.observe(batch)
            if awaited is not None:
                await awaited
        except asyncio.CancelledError as error:
            self._refused += len(batch)
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Something that the observer waited for was cancelled, not this task.
            self._warnings.part_failed(self.observer, "observe", error)
        except Exception as error:
            self._refused += len(batch)
            self._warnings.part_failed(self.observer, "observe", error)
