"""Waits of less than a millisecond, with the engine and without."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from mtglib import fine_clock
from mtglib.fine_clock import FineClock


@pytest.fixture(params=["engine", "loop"])
async def clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FineClock]:
    if request.param == "loop":
        monkeypatch.setattr(fine_clock, "Alarm", None)
    elif fine_clock.Alarm is None:
        pytest.skip("there is no engine")
    before = len(os.listdir("/proc/self/fd"))
    clock = FineClock()
    yield clock
    clock.close()
    clock.close()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_it_waits_as_long_as_it_has_to(clock: FineClock) -> None:
    for seconds in (0.0003, 0.0015, 0.0003):
        due_mono = clock.now_mono() + seconds
        await clock.wait_until(due_mono)
        assert clock.now_mono() >= due_mono - 0.0011, "a loop counts whole milliseconds"


async def test_the_engine_is_hardly_ever_early() -> None:
    if fine_clock.Alarm is None:
        pytest.skip("there is no engine")
    clock = FineClock()
    for _ in range(20):
        due_mono = clock.now_mono() + 0.0003
        await clock.wait_until(due_mono)
        assert clock.now_mono() >= due_mono - 0.00004
    clock.close()


async def test_what_is_over_is_not_waited_for(clock: FineClock) -> None:
    waiting = asyncio.create_task(clock.wait_until(clock.now_mono()))
    await asyncio.sleep(0)
    assert waiting.done()


async def test_many_wait_in_any_order(clock: FineClock) -> None:
    over: list[int] = []

    async def wait(number: int, due_mono: float) -> None:
        await clock.wait_until(due_mono)
        over.append(number)

    now_mono = clock.now_mono()
    await asyncio.gather(*(wait(number, now_mono + number * 0.003) for number in (3, 1, 4, 2)))
    assert over == [1, 2, 3, 4]


async def test_a_short_wait_does_not_wait_for_a_long_one(clock: FineClock) -> None:
    long = asyncio.create_task(clock.wait_until(clock.now_mono() + 3600))
    await asyncio.sleep(0)
    await asyncio.wait_for(clock.wait_until(clock.now_mono() + 0.001), 5)
    assert not long.done()
    long.cancel()


async def test_a_long_wait_does_not_put_off_a_short_one(clock: FineClock) -> None:
    short = asyncio.create_task(clock.wait_until(clock.now_mono() + 0.001))
    await asyncio.sleep(0)
    long = asyncio.create_task(clock.wait_until(clock.now_mono() + 3600))
    await asyncio.wait_for(short, 5)
    assert not long.done()
    long.cancel()


async def test_who_gives_up_does_not_keep_the_others(clock: FineClock) -> None:
    now_mono = clock.now_mono()
    first, second = (asyncio.create_task(clock.wait_until(now_mono + seconds)) for seconds in (0.002, 0.004))
    await asyncio.sleep(0)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    await asyncio.wait_for(second, 5)


async def test_without_a_descriptor_the_loop_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> None:
        raise OSError("too many open files")

    monkeypatch.setattr(fine_clock, "Alarm", none_left)
    clock = FineClock()
    await clock.wait_until(clock.now_mono() + 0.001)
    clock.close()
