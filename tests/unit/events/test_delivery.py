from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.events.delivery import Delivery
from mtglib.ground.guarded_logger import GuardedLogger
from support.event_samples import stream_of
from unit.recorders import said

EVENTS = stream_of("a", "dc")


class Raising:
    """An observer that raises, each time, and notes what it was given."""

    def __init__(self) -> None:
        self.batches: list[list[mtglib.Event]] = []
        self.called = asyncio.Event()

    async def observe(self, events: Sequence[mtglib.Event]) -> None:
        self.batches.append(list(events))
        self.called.set()
        raise ZeroDivisionError


async def test_what_an_observer_raises_is_told_once_a_minute(logger: RecordingLogger) -> None:
    now_mono, observer, told = [0.5], Raising(), []
    delivery = Delivery(observer, 100, GuardedLogger(logger), lambda: now_mono[0])
    running = asyncio.create_task(delivery.run())
    for now_mono[0] in (0.5, 1.0, 60.4, 60.5, 61.0, 120.4, 120.5):
        observer.called.clear()
        delivery.offer(EVENTS)
        await observer.called.wait()
        told.append(len(said(logger)))
    delivery.end()
    await running

    assert told == [1, 1, 1, 2, 2, 2, 3]
    assert set(said(logger)) == {("warning", "Raising.observe failed: ZeroDivisionError")}


async def test_what_an_observer_raises_on_is_dropped_and_not_tried_again() -> None:
    observer = Raising()
    delivery = Delivery(observer, 100, GuardedLogger(None))
    delivery.offer(EVENTS)
    delivery.end()
    await delivery.run()

    assert observer.batches == [EVENTS]
    assert delivery.dropped == len(EVENTS)


async def test_a_plain_function_that_returns_has_observed() -> None:
    class Plain:
        batches: ClassVar[list[list[mtglib.Event]]] = []

        def observe(self, events: Sequence[mtglib.Event]) -> None:
            self.batches.append(list(events))

    observer: Any = Plain()
    delivery = Delivery(observer, 100, GuardedLogger(None))
    delivery.offer(EVENTS)
    delivery.end()
    await delivery.run()

    assert (observer.batches, delivery.dropped) == ([EVENTS], 0)


async def test_what_is_offered_after_its_end_is_dropped() -> None:
    observer = Raising()
    delivery = Delivery(observer, 100, GuardedLogger(None))
    delivery.end()
    await delivery.run()
    delivery.close()
    delivery.offer(EVENTS)

    assert observer.batches == []
    assert delivery.dropped == len(EVENTS)
