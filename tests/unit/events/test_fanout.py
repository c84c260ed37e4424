from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.events import Fanout
from support.event_samples import stream_of
from unit.recorders import said

EVENTS = [*stream_of("a", "dc"), *stream_of("b", "front")]


class Keeper:
    """An observer that keeps all; `has` waits until there are so many."""

    def __init__(self) -> None:
        self.events: list[mtglib.Event] = []
        self.longest_batch = 0
        self._arrived = asyncio.Event()

    async def observe(self, events: Sequence[mtglib.Event]) -> None:
        self.events += events
        self.longest_batch = max(self.longest_batch, len(events))
        self._arrived.set()

    async def has(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.events) < count:
                self._arrived.clear()
                await self._arrived.wait()


class Stuck(Keeper):
    """An observer that takes a batch and waits for `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def observe(self, events: Sequence[mtglib.Event]) -> None:
        await self.go.wait()
        await super().observe(events)


class Raising:
    """An observer that raises, each time."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def observe(self, events: Sequence[mtglib.Event]) -> None:
        raise self.error


def send_all(stream: Fanout, events: Sequence[mtglib.Event]) -> None:
    for event in events:
        stream.send(event)


async def test_each_observer_gets_each_event_in_order() -> None:
    observers = [Keeper(), Keeper(), Keeper()]
    async with Fanout(observers) as stream:
        send_all(stream, EVENTS)
        for keeper in observers:
            await keeper.has(len(EVENTS))
    assert all(keeper.events == EVENTS for keeper in observers)


async def test_events_before_the_loop_runs_are_kept() -> None:
    keeper = Keeper()
    fanout = Fanout([keeper])
    with pytest.warns(RuntimeWarning, match=r"because this Fanout wasn") as warned:
        send_all(fanout, EVENTS * 1000)

    async with fanout:
        pass
    assert [warning.filename for warning in warned] == [__file__], "once, and where it was sent"

    assert keeper.events == EVENTS * 1000
    assert keeper.longest_batch < 1000


def test_events_before_the_loop_runs_are_bounded() -> None:
    fanout = Fanout([Keeper()], max_queued_events=10, logger=RecordingLogger())
    send_all(fanout, [mtglib.EventConcurrencyLimited()] * 5000)

    assert 5000 - 1024 - 10 <= fanout.dropped < 5000


def test_a_fanout_that_nobody_has_entered_is_a_warning(logger: RecordingLogger) -> None:
    fanout = Fanout([Keeper()], logger=logger)
    send_all(fanout, [mtglib.EventConcurrencyLimited()] * 1023)
    assert logger.messages == []

    send_all(fanout, [mtglib.EventConcurrencyLimited()] * 5000)

    assert said(logger) == [("warning", "events pile up because this Fanout wasn't entered: use it in `async with`")]


async def test_a_fanout_that_was_entered_is_none(logger: RecordingLogger) -> None:
    async with Fanout([Keeper()], logger=logger) as stream:
        send_all(stream, EVENTS * 5000)

    assert logger.messages == []


async def test_a_logger_without_children_is_told_itself(logger: RecordingLogger) -> None:
    class Childless(RecordingLogger):
        def named(self, name: str) -> Any:
            return None

    async with Fanout([Raising(ZeroDivisionError())], logger=Childless(messages=logger.messages)) as stream:
        send_all(stream, EVENTS)

    assert said(logger) == [("warning", "Raising.observe failed: ZeroDivisionError")]


async def test_by_default_a_queue_holds_65536_events() -> None:
    stuck = Stuck()
    async with Fanout([stuck]) as stream:
        send_all(stream, [mtglib.EventConcurrencyLimited()] * 65_536)
        assert stream.dropped == 0
        send_all(stream, [mtglib.EventConcurrencyLimited()] * 65_536)
        assert stream.dropped == 65_536
        stuck.go.set()
    assert len(stuck.events) == 65_536


async def test_leaving_delivers_what_is_queued() -> None:
    keeper = Keeper()
    async with Fanout([keeper]) as stream:
        send_all(stream, EVENTS)
    assert keeper.events == EVENTS


async def test_events_after_the_end_are_dropped() -> None:
    keeper = Keeper()
    async with Fanout([keeper]) as stream:
        pass
    send_all(stream, EVENTS)

    assert (keeper.events, stream.dropped) == ([], len(EVENTS))


async def test_it_works_without_observers() -> None:
    async with Fanout([]) as stream:
        send_all(stream, EVENTS)
    assert (stream.dropped, stream.dropped_by_observer) == (0, ())


async def test_stuck_observer_holds_up_no_other_and_gets_whole_streams() -> None:
    stuck, keeper = Stuck(), Keeper()
    sent = [event for number in range(1000) for event in stream_of(str(number), "dc")]
    async with Fanout([stuck, keeper], max_queued_events=100) as stream:
        for event in sent:
            stream.send(event)
            await asyncio.sleep(0)
        await keeper.has(len(sent))
        stuck.go.set()

    assert keeper.events == sent
    starts = sum(isinstance(event, mtglib.EventStart) for event in stuck.events)
    assert starts == sum(isinstance(event, mtglib.EventFinish) for event in stuck.events)
    assert 0 < starts < 1000
    assert stream.dropped_by_observer == (len(sent) - len(stuck.events), 0)
    assert stream.dropped == stream.dropped_by_observer[0]


async def test_stuck_observer_is_given_up_when_the_time_for_the_rest_is_over() -> None:
    stuck, keeper = Stuck(), Keeper()
    async with Fanout([stuck, keeper], drain_timeout=0.01) as stream:
        send_all(stream, EVENTS * 100)

    assert (len(keeper.events), stuck.events) == (len(EVENTS) * 100, [])
    assert stream.dropped_by_observer == (len(EVENTS) * 100, 0)


@pytest.mark.parametrize("error", [ValueError("broken"), asyncio.CancelledError()])
async def test_observer_that_raises_is_told_of_once_and_goes_on(error: BaseException, logger: RecordingLogger) -> None:
    keeper = Keeper()
    async with Fanout([Raising(error), keeper], logger=logger) as stream:
        for number, event in enumerate(EVENTS, 1):
            stream.send(event)
            await keeper.has(number)

    assert keeper.events == EVENTS
    assert stream.dropped_by_observer == (len(EVENTS), 0)
    assert said(logger) == [("warning", f"Raising.observe failed: {type(error).__name__}")]


async def test_logger_that_raises_harms_nobody() -> None:
    class BrokenLogger(RecordingLogger):
        def named(self, name: str) -> RecordingLogger:
            raise ZeroDivisionError

        def warning(self, message: str, *, error: BaseException | None = None) -> None:
            raise ZeroDivisionError

    keeper = Keeper()
    async with Fanout([Raising(ValueError()), keeper], logger=BrokenLogger()) as stream:
        send_all(stream, EVENTS)
    assert keeper.events == EVENTS


async def test_observer_that_never_waits_leaves_the_loop_to_others() -> None:
    keeper = Keeper()
    batches_seen = set()
    async with Fanout([keeper]) as stream:
        send_all(stream, EVENTS * 500)
        while len(keeper.events) < len(EVENTS) * 500:
            batches_seen.add(len(keeper.events))
            await asyncio.sleep(0)

    assert len(batches_seen) > 5


async def test_it_cannot_be_entered_twice() -> None:
    async with Fanout([]) as stream:
        with pytest.raises(RuntimeError, match="once"):
            await stream.__aenter__()


async def test_it_cannot_be_left_before_it_is_entered() -> None:
    keeper = Keeper()
    fanout = Fanout([keeper])
    with pytest.raises(RuntimeError, match="after it was entered"):
        await fanout.__aexit__()
    async with fanout:
        send_all(fanout, EVENTS)
    assert keeper.events == EVENTS


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"observers": [object()]}, "observers[0]"),
        ({"observers": None}, "observers"),
        ({"observers": Raising(ValueError())}, "observers"),
        ({"observers": [Raising]}, "observers[0]"),
        ({"observers": "abc"}, "observers"),
        ({"logger": logging.getLogger()}, "logger"),
        ({"logger": RecordingLogger}, "logger"),
        *(({"max_queued_events": value}, "max_queued_events") for value in (0, 1.5, "8", None, True, 10**10)),
        *(({"drain_timeout": value}, "drain_timeout") for value in ("5", None, True, 86_401)),
        ({"drain_timeout": -1.0}, "drain_timeout"),
        ({"drain_timeout": float("nan")}, "drain_timeout"),
    ],
)
def test_value_that_cannot_work(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(mtglib.OptionError) as caught:
        Fanout(**{"observers": [], **changes})
    assert caught.value.field == field


def test_it_is_an_event_stream() -> None:
    assert isinstance(Fanout([]), mtglib.EventStream)


def test_mtglib_alone_does_not_import_it() -> None:
    code = "import sys, mtglib; print([m for m in sys.modules if m.startswith(('mtglib.events', 'mtglib.stats'))])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
