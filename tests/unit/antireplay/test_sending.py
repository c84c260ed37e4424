"""What a server missed is sent when it is back: in order, each once, and not in a rush."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import mtglib
from mtglib.antireplay.sending import Sending
from mtglib.ground.guarded_logger import GuardedLogger
from support.timeless import TimelessLoop, timeless


def record(number: int) -> bytes:
    return number.to_bytes(16)


class Server:
    """Takes records while it is there; knows when it was asked, and what it has got."""

    def __init__(self) -> None:
        self.is_there = True
        self.asked_at: list[float] = []
        self.got: list[bytes] = []
        self.most_at_once = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def take(self, records: list[bytes]) -> bool:
        self.asked_at.append(asyncio.get_running_loop().time() - 1000.0)
        self.most_at_once = max(self.most_at_once, len(records))
        await self.may_answer.wait()
        if self.is_there:
            self.got += records
        return self.is_there


def sending(server: Server, max_records: int = 10_000, directory: Path | None = None) -> Sending:
    return Sending(server.take, max_records, directory, GuardedLogger(None))


@timeless
async def test_all_are_sent_in_order_some_at_once_with_pauses() -> None:
    server = Server()
    unsent = sending(server)
    for number in range(450):
        unsent.add(record(number))
    assert (unsent.waiting, server.asked_at) == (450, [])
    await asyncio.sleep(10)

    assert server.got == [record(number) for number in range(450)]
    assert unsent.waiting == 0
    assert server.most_at_once == 200
    assert server.asked_at == pytest.approx([1.0, 1.1, 1.2]), "it has just failed"
    await unsent.close()


@timeless
async def test_while_the_server_is_away_it_is_tried_each_second_and_nothing_is_lost() -> None:
    server = Server()
    server.is_there = False
    unsent = sending(server)
    unsent.add(record(1))
    await asyncio.sleep(3.5)
    assert server.asked_at == pytest.approx([1.0, 2.0, 3.0])
    assert unsent.waiting == 1
    server.is_there = True
    await asyncio.sleep(10)

    assert server.got == [record(1)]
    assert len(server.asked_at) == 4, "then nobody is asked any more"
    await unsent.close()


@timeless
async def test_what_comes_when_all_is_sent_is_sent_too() -> None:
    server = Server()
    unsent = sending(server)
    for number in range(3):
        unsent.add(record(number))
        await asyncio.sleep(100)

    assert server.got == [record(number) for number in range(3)]
    await unsent.close()


@timeless
async def test_what_comes_while_some_are_under_way_follows_them() -> None:
    server = Server()
    server.may_answer.clear()
    unsent = sending(server)
    unsent.add(record(0))
    await asyncio.sleep(2)
    unsent.add(record(1))
    assert unsent.waiting == 2
    server.may_answer.set()
    await asyncio.sleep(10)

    assert server.got == [record(0), record(1)]
    assert unsent.waiting == 0
    await unsent.close()


@timeless
async def test_what_is_forgotten_while_it_is_under_way_takes_nothing_else_with_it() -> None:
    server = Server()
    server.may_answer.clear()
    unsent = sending(server, max_records=8)
    for number in range(8):
        unsent.add(record(number))
    await asyncio.sleep(2)
    for number in range(8, 12):
        unsent.add(record(number))
    server.may_answer.set()
    await asyncio.sleep(10)

    assert server.got == [record(number) for number in range(12)]
    await unsent.close()


@timeless
async def test_of_more_than_fit_the_oldest_are_forgotten() -> None:
    server = Server()
    unsent = sending(server, max_records=80)
    for number in range(200):
        unsent.add(record(number))
    assert 70 <= unsent.waiting <= 80
    await asyncio.sleep(10)

    assert server.got == [record(number) for number in range(200 - len(server.got), 200)]
    await unsent.close()


@timeless
async def test_once_closed_it_sends_nothing_until_something_comes() -> None:
    server = Server()
    unsent = sending(server)
    unsent.add(record(0))
    await unsent.close()
    await asyncio.sleep(10)
    assert (server.got, unsent.waiting) == ([], 1)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    unsent.add(record(1))
    await asyncio.sleep(10)

    assert server.got == [record(0), record(1)]
    await unsent.close()
    await unsent.close()


def test_in_another_event_loop_it_goes_on() -> None:
    """As a cache does that was made and tried before the proxy's own loop runs."""

    async def add(number: int, seconds: float) -> None:
        unsent.add(record(number))
        await asyncio.sleep(seconds)

    server = Server()
    unsent = sending(server)
    first = TimelessLoop()
    first.run_until_complete(add(0, 0.0))
    timeless(add)(1, 10.0)

    assert server.got == [record(0), record(1)]
    for task in asyncio.all_tasks(first):
        task.cancel()
    first.run_until_complete(asyncio.sleep(0))
    first.close()


async def test_what_an_earlier_process_left_is_sent_first(tmp_path: Path) -> None:
    server = Server()
    first = sending(server, directory=tmp_path)
    await first.load()
    for number in range(3):
        first.add(record(number))
    await first.close()

    second = sending(server, directory=tmp_path)
    await second.load()
    await second.load()
    second.add(record(3))
    assert second.waiting == 4
    with pytest.raises(mtglib.OptionError, match="directory"):
        await sending(server, directory=tmp_path).load()
    await second.close()
    assert server.got == []


async def test_without_a_directory_there_is_nothing_to_load(tmp_path: Path) -> None:
    unsent = sending(Server())
    await unsent.load()

    assert unsent.waiting == 0
    assert list(tmp_path.iterdir()) == []
