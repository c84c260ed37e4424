"""One event stream for any number of observers."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Sequence
from typing import Any, Self

from ..event_types import Event
from ..ground.checks import check_int, check_list, check_seconds
from ..ground.guarded_logger import checked_logger
from ..interfaces import Logger, Observer
from ..part_check import check_part
from .delivery import Delivery

_INBOX_EVENTS = 1024  # passed on at once when there are so many, or half of what a queue holds
_GATHER_SECONDS = 0.01  # otherwise after this: waking observers in each turn of the event loop cost 3 us a connection
_CANCEL_TIMEOUT = 1.0
_LONGEST_DRAIN_SECONDS = 86_400


class Fanout:
    """Passes each event to every observer, in order, without waiting for any of them.

    Each observer has its own queue and task: one that is slow or raises exceptions affects neither the proxy nor the
    other observers. While its queue is full, the observer gets no events of new streams, but still gets all events of
    the streams it knows (see `mtglib.events.queue`): every gauge it increments is decremented again.

    Put `async with Fanout([...]) as stream:` around the proxy; it can be entered once. Events sent before it is entered
    are queued, up to the queues' limits; if many gather, one log message (without a logger, a RuntimeWarning) says that
    it was never entered. On exit all queued events are delivered; later ones are dropped.

    Args:
        observers: A sequence of objects that get the events. The caller closes them, after this.
        max_queued_events: For each observer, the number of queued events from which new streams are dropped, 1 to 1e9.
            A queue holds at most that and 5 x the number of streams open at once; with events in delivery, 1280 more.
            An event takes about 200 bytes, which queues share.
        drain_timeout: How long to wait on exit for observers to take the queued events, in seconds: 0 to a day. Then
            they are cancelled, and have one more second.
        logger: Told about exceptions of observers, at most once a minute for each, and if this was never entered.

    Raises:
        OptionError: A value is invalid.
        RuntimeError: It is entered a second time, or exited without having been entered.
    """

    def __init__(
        self,
        observers: Sequence[Observer],
        *,
        max_queued_events: int = 65_536,
        drain_timeout: float = 5.0,
        logger: Logger | None = None,
    ) -> None:
        _check(observers, max_queued_events, drain_timeout)
        self._inbox_events = min(_INBOX_EVENTS, max(max_queued_events // 2, 1))
        self._drain_timeout = drain_timeout
        self._has_logger = logger is not None
        self._logger = checked_logger(logger).named("events")
        self._max_queued_events = max_queued_events
        self._deliveries = [self._delivery(observer) for observer in observers]
        self._leaving: list[Delivery] = []
        self._dropped_earlier = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._inbox: list[Event] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = False
        self._is_said = False

    @property
    def is_heard(self) -> bool:
        """Whether there are observers."""
        return bool(self._deliveries or self._leaving)

    @property
    def dropped(self) -> int:
        """The number of events that observers never got, or raised on; the sum for all observers."""
        leaving = sum(delivery.dropped for delivery in self._leaving)
        return self._dropped_earlier + leaving + sum(self.dropped_by_observer)

    @property
    def dropped_by_observer(self) -> tuple[int, ...]:
        """For each observer, the number of events it never got, or raised on; in the order of `observers`."""
        return tuple(delivery.dropped for delivery in self._deliveries)

    async def replace_observers(self, observers: Sequence[Observer]) -> None:
        """Pass later events to other observers; those that are among the present ones go on without a gap.

        This applies as soon as it is called. It returns when the observers that aren't among them any more have taken
        their queued events, but after `drain_timeout` at the latest: then they are cancelled.

        Args:
            observers: As for the class.

        Raises:
            OptionError: One of them isn't an observer.
        """
        _check(observers, self._max_queued_events, self._drain_timeout)
        self._distribute()
        known = {id(delivery.observer): delivery for delivery in self._deliveries}
        earlier, self._deliveries = (
            self._deliveries,
            [known.get(id(observer)) or self._delivery(observer) for observer in observers],
        )
        gone = [delivery for delivery in earlier if delivery not in self._deliveries]
        for delivery in gone:
            delivery.end()
        if self._loop is None or self._ended:
            self._dropped_earlier += sum(delivery.dropped for delivery in gone)
            return
        tasks = dict(zip(earlier, self._tasks, strict=True))
        last = [tasks.pop(delivery) for delivery in gone]
        self._tasks = [
            tasks.get(delivery) or self._loop.create_task(delivery.run(), name="mtg-observer")
            for delivery in self._deliveries
        ]
        self._leaving += gone
        try:
            if last:
                await self._end(last)
        finally:
            for delivery in gone:
                delivery.close()
                self._leaving.remove(delivery)
                self._dropped_earlier += delivery.dropped

    def _delivery(self, observer: Observer) -> Delivery:
        return Delivery(observer, self._max_queued_events, self._logger)

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Wait for deliveries that have been told to end, and cancel them when it takes too long."""
        try:
            await asyncio.wait(tasks, timeout=self._drain_timeout)
        finally:
            late = [task for task in tasks if not task.done()]
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_CANCEL_TIMEOUT)

    def send(self, event: Event) -> None:
        """Take an event. Must be called in the event loop's thread."""
        if not self._deliveries:
            return
        inbox = self._inbox
        inbox.append(event)
        if len(inbox) == 1:
            self._wake()
        elif len(inbox) >= self._inbox_events:
            self._distribute()
            if self._loop is None and not self._is_said:
                self._say_not_entered()

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise RuntimeError("a Fanout can be entered once")
        self._loop = asyncio.get_running_loop()
        self._tasks = [self._loop.create_task(delivery.run(), name="mtg-observer") for delivery in self._deliveries]
        self._distribute()
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._loop is None:
            raise RuntimeError("a Fanout can be left after it was entered")
        self._distribute()
        for delivery in self._deliveries:
            delivery.end()
        try:
            if self._tasks:
                await self._end(self._tasks)
        finally:
            self._ended = True
            self._distribute()
            for delivery in self._deliveries:
                delivery.close()

    def _wake(self) -> None:
        if self._ended:
            self._distribute()
        elif self._loop is not None:
            self._loop.call_later(_GATHER_SECONDS, self._distribute)

    def _say_not_entered(self) -> None:
        self._is_said = True
        text = "events pile up because this Fanout wasn't entered: use it in `async with`"
        if self._has_logger:
            self._logger.warning(text)
        else:
            warnings.warn(text, RuntimeWarning, stacklevel=3)

    def _distribute(self) -> None:
        if not self._inbox:
            return
        events, self._inbox = self._inbox, []
        for delivery in self._deliveries:
            delivery.offer(events)


def _check(observers: Any, max_queued_events: Any, drain_timeout: Any) -> None:
    check_list("observers", observers, "objects with a method observe(events)", may_be_empty=True)
    for index, observer in enumerate(observers):
        check_part(f"observers[{index}]", observer, Observer)
    check_int("max_queued_events", max_queued_events)
    check_seconds("drain_timeout", drain_timeout, _LONGEST_DRAIN_SECONDS, least=0)
