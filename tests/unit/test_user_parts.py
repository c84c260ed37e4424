"""Whatever a user's part raises ends at its guard."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.ground.guarded_logger import Warnings
from mtglib.user_parts import Emitter, contains, guarded_clock
from unit.recorders import Broken, said


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
