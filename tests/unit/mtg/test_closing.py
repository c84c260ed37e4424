"""The ends of parts: bounded together, and none keeps another from its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from integration.recording_logger import RecordingLogger
from mtg.closing import Closing


@pytest.fixture
def logger() -> RecordingLogger:
    return RecordingLogger()


async def test_parts_end_in_the_opposite_order(logger: RecordingLogger) -> None:
    ended: list[str] = []

    @asynccontextmanager
    async def part(name: str) -> AsyncIterator[str]:
        yield name
        ended.append(name)

    async def close() -> None:
        ended.append("second")

    async with Closing(logger) as closing:
        assert await closing.enter("first", part("first")) == "first"
        closing.push("second", close)
        assert await closing.enter("third", part("third")) == "third"

    assert ended == ["third", "second", "first"]
    assert logger.messages == []


async def test_what_hangs_or_raises_keeps_no_other_from_its_end(logger: RecordingLogger) -> None:
    ended: list[str] = []

    async def hang() -> None:
        await asyncio.Event().wait()

    async def fail() -> None:
        raise ZeroDivisionError

    async def end() -> None:
        ended.append("ended")

    async with Closing(logger, 0.01) as closing:
        closing.push("the last", end)
        closing.push("one", hang)
        closing.push("another", fail)
        closing.push("a third", hang)

    assert ended == ["ended"]
    assert logger.warnings == [
        "shutdown: a third didn't finish in time and was abandoned",
        "shutdown: another failed",
        "shutdown: one didn't finish in time and was abandoned",
    ]


async def test_an_error_inside_goes_on_when_all_have_ended(logger: RecordingLogger) -> None:
    ended: list[str] = []

    async def end() -> None:
        ended.append("ended")

    async def use() -> None:
        async with Closing(logger) as closing:
            closing.push("one", end)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await use()
    assert ended == ["ended"]
