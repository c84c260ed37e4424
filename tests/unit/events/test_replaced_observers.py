"""Observers that come and go while events are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

import mtglib
from mtglib.events import Fanout

pytestmark = pytest.mark.asyncio


class Noted:
    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def observe(self, events: Sequence[mtglib.Event]) -> None:
        self.sizes += [event.size for event in events if isinstance(event, mtglib.EventIPListSize)]


class Stuck(Noted):
    async def observe(self, events: Sequence[mtglib.Event]) -> None:
        await asyncio.get_running_loop().create_future()


def size(number: int) -> mtglib.EventIPListSize:
    return mtglib.EventIPListSize(size=number, is_block_list=True)


async def test_each_gets_what_is_sent_while_it_is_there() -> None:
    stays, goes, comes = Noted(), Noted(), Noted()
    async with Fanout([stays, goes]) as fanout:
        fanout.send(size(1))
        await fanout.replace_observers([comes, stays])
        assert goes.sizes == [1], "it has taken what was sent before"
        fanout.send(size(2))
    assert (stays.sizes, goes.sizes, comes.sizes) == ([1, 2], [1], [2])


async def test_before_it_is_entered_nobody_is_begun() -> None:
    first, second = Noted(), Noted()
    fanout = Fanout([first])
    fanout.send(size(1))
    await fanout.replace_observers([second])
    fanout.send(size(2))
    async with fanout:
        pass
    assert (first.sizes, second.sizes) == ([], [2])


async def test_one_that_is_stuck_is_not_waited_for_and_its_events_stay_counted() -> None:
    async with Fanout([Stuck()], drain_timeout=0.01) as fanout:
        fanout.send(size(1))
        await fanout.replace_observers([])
        assert fanout.dropped == 1
        assert fanout.dropped_by_observer == ()


async def test_what_is_no_observer_changes_nothing() -> None:
    noted = Noted()
    async with Fanout([noted]) as fanout:
        with pytest.raises(mtglib.OptionError):
            await fanout.replace_observers([object()])  # type: ignore[list-item]
        fanout.send(size(1))
    assert noted.sizes == [1]
