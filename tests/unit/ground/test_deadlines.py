"""Waiting for what may never end, be cancelled by others, or not care."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from mtglib.ground.deadlines import within


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
    async def fail_later() -> None:
        await answer(turns, 0)
        fail()

    with pytest.raises(ZeroDivisionError):
        await within(60.0, fail_later())


async def test_within_gives_up_and_cancels_what_it_waited_for() -> None:
    endless = asyncio.get_running_loop().create_future()
    cleaned_up = []

    async def wait() -> None:
        try:
            await endless
        finally:
            cleaned_up.append(True)

    with pytest.raises(TimeoutError, match=r"^no answer within 0\.001 s$"):
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


def fail() -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("catches", [1, 2])
@pytest.mark.parametrize("end", [lambda: "in spite of it", fail])
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


async def test_who_keeps_a_bound_has_some_more_time_to_say_why() -> None:
    async def keep() -> None:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.get_running_loop().create_future()
        except TimeoutError as error:
            raise TimeoutError("my own words") from error

    with pytest.raises(TimeoutError, match="my own words"):
        await within(0.001, keep(), late_seconds=60.0)


async def test_a_bound_that_is_not_kept_is_told_without_the_patience() -> None:
    with pytest.raises(TimeoutError, match=r"^no answer within 0\.001 s$"):
        await within(0.001, asyncio.get_running_loop().create_future(), late_seconds=0.002)


async def test_the_error_says_what_did_not_come() -> None:
    with pytest.raises(TimeoutError, match=r"^no list within 0\.001 s$"):
        await within(0.001, asyncio.get_running_loop().create_future(), what="no list")
