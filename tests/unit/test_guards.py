"""Whatever a user's part raises ends at its guard."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import Callable
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import pytest

import mtglib
from integration.recording_logger import Message, RecordingLogger
from mtglib import guards
from mtglib.guards import Emitter, GuardedLogger, Warnings, contains, guarded_clock, within
from unit.recorders import Broken, said


def test_a_logger_that_works_gets_everything(logger: RecordingLogger) -> None:
    error = ValueError()
    child = GuardedLogger(logger).named("a").named("b").bind(x=1).bind(y=2)

    child.debug("d", error=error)
    child.info("i")
    GuardedLogger(logger).warning("w")

    fields = {"x": 1, "y": 2}
    assert logger.messages == [
        Message("debug", "a.b", "d", fields, repr(error)),
        Message("info", "a.b", "i", fields, ""),
        Message("warning", "", "w", {}, ""),
    ]


def test_a_logger_that_raises_is_ignored() -> None:
    logger = GuardedLogger(Broken())

    for child in (logger, logger.named("a"), logger.bind(x=1)):
        child.debug("d")
        child.info("i", error=ValueError())
        child.warning("w")


@pytest.mark.parametrize("child", [None, "a name", 5])
def test_a_logger_without_children_that_can_log_goes_on_itself(logger: RecordingLogger, child: Any) -> None:
    class Childless(RecordingLogger):
        def named(self, name: str) -> Any:
            return child

        def bind(self, **fields: Any) -> Any:
            return child

    guarded = GuardedLogger(Childless(messages=logger.messages))
    guarded.named("a").info("of a name")
    guarded.bind(x=1).info("with a field")

    assert said(logger) == [("info", "of a name"), ("info", "with a field")]


@pytest.mark.parametrize("says", [True, False])
def test_a_logger_may_say_whether_debug_messages_get_anywhere(says: bool) -> None:
    assert GuardedLogger(type("Logger", (RecordingLogger,), {"debug_enabled": says})()).debug_enabled is says


def test_a_logger_that_does_not_say_gets_debug_messages(logger: RecordingLogger) -> None:
    class Raising(RecordingLogger):
        @property
        def debug_enabled(self) -> bool:
            raise ZeroDivisionError

    assert GuardedLogger(logger).debug_enabled
    assert GuardedLogger(Raising()).debug_enabled


def test_each_thing_is_said_once_a_minute(logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch) -> None:
    now_mono = [0.5]
    monkeypatch.setattr(guards, "time", SimpleNamespace(monotonic=lambda: now_mono[0]))
    warnings = Warnings(GuardedLogger(logger))

    for now_mono[0], subject in ((0.5, "a"), (1.0, "a"), (1.0, "b"), (60.4, "a"), (60.5, "a"), (61.0, "a")):
        warnings.warn(subject, f"{subject} at {now_mono[0]}")

    assert [text for _, text in said(logger)] == ["a at 0.5", "b at 1.0", "a at 60.5"]


def test_a_part_that_failed_is_named_with_its_class(warnings: Warnings, logger: RecordingLogger) -> None:
    error = ZeroDivisionError("what was wrong")

    for method in ("dial", "dial", "http_client"):
        warnings.part_failed(Broken(), method, error)

    texts = [f"Broken.{method} failed: ZeroDivisionError" for method in ("dial", "http_client")]
    assert logger.messages == [Message("warning", "", text, {}, repr(error)) for text in texts]


def test_events_that_the_stream_raises_on_are_counted(warnings: Warnings, logger: RecordingLogger) -> None:
    emitter = Emitter(Broken(), warnings)

    emitter.send(mtglib.EventFinish())
    emitter.send(mtglib.EventFinish())

    assert emitter.dropped == 2
    assert said(logger) == [("warning", "Broken.send failed: ZeroDivisionError")]


def test_events_arrive_in_order(warnings: Warnings) -> None:
    class Stream:
        def __init__(self) -> None:
            self.sent: list[mtglib.Event] = []

        def send(self, event: mtglib.Event) -> None:
            self.sent.append(event)

    stream, events = Stream(), [mtglib.EventFinish(stream_id=str(number)) for number in range(5)]
    emitter = Emitter(stream, warnings)
    for event in events:
        emitter.send(event)

    assert stream.sent == events
    assert emitter.dropped == 0


async def answer(turns: int, value: int) -> int:
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


@pytest.mark.parametrize("turns", [0, 1, 2, 5])
async def test_within_returns_what_comes_in_time(turns: int) -> None:
    assert await within(60.0, answer(turns, 7)) == 7
    assert await within(60.0, asyncio.ensure_future(answer(turns, 8))) == 8


@pytest.mark.parametrize("turns", [0, 1, 3])
async def test_within_passes_errors_on(turns: int) -> None:
    async def fail() -> None:
        await answer(turns, 0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await within(60.0, fail())


async def test_within_gives_up_and_cancels_what_it_waited_for() -> None:
    endless = asyncio.get_running_loop().create_future()
    cleaned_up = []

    async def wait() -> None:
        try:
            await endless
        finally:
            cleaned_up.append(True)

    with pytest.raises(TimeoutError):
        await within(0.001, wait())

    assert endless.cancelled()
    assert cleaned_up == [True]


async def test_within_lets_a_part_clean_up_slowly_after_its_time() -> None:
    cleaned_up = []

    async def wait() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await answer(3, 0)
            cleaned_up.append(True)

    with pytest.raises(TimeoutError):
        await within(0.001, wait())
    assert cleaned_up == [True]


@pytest.mark.parametrize("turns", [1, 2])
async def test_within_can_be_cancelled_from_outside(turns: int) -> None:
    started, cleaned_up = asyncio.Event(), []

    async def wait() -> None:
        try:
            await answer(turns - 1, 0)
            started.set()
            await asyncio.get_running_loop().create_future()
        finally:
            cleaned_up.append(True)

    task = asyncio.create_task(within(60.0, wait()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned_up == [True]


class Stubborn:
    """Waits for ever, catches so many cancellations, and ends in its own way."""

    def __init__(self, catches: int, end: Callable[[], Any]) -> None:
        self.caught = 0
        self._catches = catches
        self._end = end

    async def wait(self) -> Any:
        loop = asyncio.get_running_loop()
        while self.caught < self._catches:
            try:
                await loop.create_future()
            except asyncio.CancelledError:
                self.caught += 1
        return self._end()


@pytest.mark.parametrize("catches", [1, 2])
@pytest.mark.parametrize("end", [lambda: "in spite of it", lambda: fail(None)])
async def test_within_is_cancelled_whatever_a_part_makes_of_it(catches: int, end: Callable[[], Any]) -> None:
    stubborn = Stubborn(catches, end)
    task = asyncio.create_task(within(60.0, stubborn.wait()))
    for _ in range(catches):
        await asyncio.sleep(0)
        task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert stubborn.caught == catches


async def test_within_closes_a_socket_that_comes_in_spite_of_a_cancellation() -> None:
    with socket.socket() as sock:
        task = asyncio.create_task(within(60.0, Stubborn(1, lambda: sock).wait()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sock.fileno() == -1


async def test_within_returns_what_comes_in_spite_of_its_own_time_out() -> None:
    assert await within(0.001, Stubborn(1, lambda: 7).wait()) == 7


async def test_within_tells_a_foreign_cancellation_from_ones_own() -> None:
    async def cancelled_at_once() -> None:
        raise asyncio.CancelledError

    async def cancelled_later() -> None:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    for part in (cancelled_at_once, cancelled_later):
        with pytest.raises(RuntimeError, match="cancelled"):
            await within(60.0, part())


class Answering:
    """An IP list whose answer is what a function returns."""

    def __init__(self, answer: Callable[[object], Any]) -> None:
        self.contains = answer

    async def run(self, update_each_seconds: float) -> None: ...

    async def shutdown(self) -> None: ...


async def too_late(_ip: object) -> bool:
    return True


def fail(_ip: object) -> bool:
    raise ZeroDivisionError


IP = ip_address("192.0.2.1")


@pytest.mark.parametrize("answer", [True, False])
@pytest.mark.parametrize("when_broken", [True, False])
def test_a_list_that_answers_is_believed(warnings: Warnings, answer: bool, when_broken: bool) -> None:
    assert contains(Answering(lambda _: answer), IP, warnings, when_broken=when_broken) is answer


@pytest.mark.parametrize("when_broken", [True, False])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (fail, "ZeroDivisionError"),
        (too_late, "TypeError"),
        (lambda _: None, "TypeError"),
        (lambda _: 1, "TypeError"),
        (lambda _: "no", "TypeError"),
    ],
)
def test_a_list_that_answers_something_else_is_broken(
    warnings: Warnings, logger: RecordingLogger, answer: Callable[[object], Any], error: str, when_broken: bool
) -> None:
    assert contains(Answering(answer), IP, warnings, when_broken=when_broken) is when_broken
    gc.collect()  # which would tell of a coroutine that was never awaited
    assert said(logger) == [("warning", f"Answering.contains failed: {error}")]


@pytest.mark.parametrize("time_", [None, "12:00", b""])
def test_a_clock_that_returns_no_number_is_replaced_by_the_systems(warnings: Warnings, time_: Any) -> None:
    assert guarded_clock(lambda: time_, warnings)() > 1_700_000_000


def test_a_clock_that_raises_is_replaced_by_the_systems(logger: RecordingLogger, warnings: Warnings) -> None:
    def broken() -> float:
        raise ZeroDivisionError

    clock = guarded_clock(broken, warnings)

    assert clock() == pytest.approx(time.time(), abs=60)
    assert clock() > 0
    assert said(logger) == [("warning", "the clock failed: ZeroDivisionError")]
    assert guarded_clock(lambda: 5.0, warnings)() == 5
