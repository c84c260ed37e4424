"""Sources don't wait for each other: each is in force as soon as it is there."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from integration.recording_logger import RecordingLogger
from mtglib import EventIPListSize
from mtglib.ipblocklist import FireHOL
from mtglib.ipblocklist.prefixes import Prefixes, PrefixSet
from parts.ip_lists import GOOD, OTHER, has, make_list
from support.eventually import eventually
from support.list_server import ListServer, head, page, sends, stalls
from support.running_proxy import EventRecorder

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


class Union:
    """Stands in front of the union of sets, in its thread: held up until ``free``, failing while ``broken``."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()
        self.broken = False
        self.started = 0

    def __call__(self, *pieces: bytes) -> Prefixes:
        return PrefixSet(*pieces)

    def union(self, sets: Sequence[Any]) -> Prefixes:
        self.started += 1
        assert self.free.wait(30)
        if self.broken:
            raise MemoryError
        return PrefixSet.union(sets)


@pytest.fixture
def union(monkeypatch: pytest.MonkeyPatch) -> Union:
    made = Union()
    monkeypatch.setattr("mtglib.ipblocklist.merged.PrefixSet", made)
    return made


def still_stalls(found: FireHOL, count: int) -> bool:
    """Whether the first sources haven't failed yet: a client ends what stalls some time."""
    return not any(status.problem for status in found.sources[:count])


async def test_a_good_list_does_not_wait_for_one_that_stalls(tmp_path: Path) -> None:
    events = EventRecorder()
    (path := tmp_path / "list").write_bytes(b"10.0.0.0/8")
    async with ListServer({"/stalls": stalls(head(9), b"10."), "/good": page(GOOD)}) as server:
        urls = [server.url("/stalls"), server.url("/good"), str(path)]
        found = make_list(urls, event_stream=events, timeout_seconds=3600)
        update = asyncio.create_task(found.update())
        while not all(has(found, "192.0.2.1", "10.0.0.1")):
            await events.seen(EventIPListSize, len(events.events) + 1)
        assert not update.done()
        assert still_stalls(found, 1)
        update.cancel()
        await asyncio.wait({update})

    assert found.size == 2


async def test_a_good_list_is_kept_fresh_while_others_stall(tmp_path: Path) -> None:
    events = EventRecorder()
    (path := tmp_path / "list").write_bytes(GOOD)
    async with ListServer({"/1": stalls(), "/2": stalls()}) as server:
        urls = [server.url("/1"), server.url("/2"), str(path)]
        found = make_list(urls, event_stream=events, timeout_seconds=3600, download_concurrency=2)
        running = asyncio.create_task(found.run(0.001))
        await events.seen(EventIPListSize)
        await eventually(lambda: server.at_once == 2)
        (new := tmp_path / "new").write_bytes(OTHER)
        new.replace(path)
        await events.seen(EventIPListSize, 2)
        assert still_stalls(found, 2)
        await found.shutdown()
        await running

    assert has(found, "192.0.2.1", "198.51.100.1") == [False, True]


async def test_an_update_by_hand_does_not_wait_for_others_that_stall_in_run(tmp_path: Path) -> None:
    events = EventRecorder()
    (path := tmp_path / "list").write_bytes(GOOD)
    async with ListServer({"/stalls": stalls()}) as server:
        found = make_list([server.url("/stalls"), str(path)], event_stream=events, timeout_seconds=3600)
        running = asyncio.create_task(found.run(3600))
        await events.seen(EventIPListSize)
        await eventually(lambda: server.at_once)
        (tmp_path / "new").write_bytes(OTHER)
        (tmp_path / "new").replace(path)  # at once: `run` may be reading it, and an empty file is a list
        update = asyncio.create_task(found.update())
        await events.seen(EventIPListSize, 2)
        assert still_stalls(found, 1)
        update.cancel()
        await found.shutdown()
        await asyncio.wait({running, update})

    assert has(found, "198.51.100.1") == [True]


async def test_what_comes_during_a_merge_is_in_the_next_one(tmp_path: Path, union: Union) -> None:
    paths = [tmp_path / str(number) for number in range(20)]
    for number, path in enumerate(paths):
        path.write_text(f"192.0.2.{number}\n")
    found = make_list([str(path) for path in paths])
    union.free.clear()
    update = asyncio.create_task(found.update())
    await eventually(lambda: union.started and all(status.prefixes for status in found.sources))
    assert found.size == 0
    union.free.set()
    await update

    assert has(found, *(f"192.0.2.{number}" for number in range(21))) == [True] * 20 + [False]
    assert union.started == 2


async def test_updates_side_by_side_undo_nothing(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(8)]
    found = make_list([str(path) for path in paths], download_concurrency=8)
    for version in range(10):
        for number, path in enumerate(paths):
            path.write_text(f"10.{version}.0.{number}\n")
        await asyncio.gather(found.update(), found.load(), found.update())

        assert has(found, *(f"10.{version}.0.{number}" for number in range(8))) == [True] * 8
        assert found.size == 8


async def test_a_merge_that_fails_loses_nothing(tmp_path: Path, union: Union) -> None:
    logger = RecordingLogger()
    paths = [tmp_path / "a", tmp_path / "b"]
    for number, path in enumerate(paths):
        path.write_text(f"192.0.2.{number}\n")
    found = make_list([str(path) for path in paths], logger=logger)
    await found.update()
    paths[0].write_text("10.0.0.1\n")
    union.broken = True
    failed = [await found.update(), await found.update()]
    assert has(found, "192.0.2.0", "192.0.2.1", "10.0.0.1") == [True, True, False]
    union.broken = False
    statuses = await found.update()

    assert has(found, "192.0.2.0", "192.0.2.1", "10.0.0.1") == [False, True, True]
    assert [[status.problem for status in update] for update in failed] == [["MemoryError", ""]] * 2
    assert [status.problem for status in statuses] == ["", ""]
    assert logger.warnings == ["list can't be updated"]


async def test_a_merge_that_was_cancelled_is_made_by_the_next_update(tmp_path: Path, union: Union) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for number, path in enumerate(paths):
        path.write_text(f"192.0.2.{number}\n")
    found = make_list([str(path) for path in paths])
    union.free.clear()
    update = asyncio.create_task(found.update())
    await eventually(lambda: union.started)
    update.cancel()
    await asyncio.wait({update})
    union.free.set()
    assert found.size == 0

    await found.update()

    assert has(found, "192.0.2.0", "192.0.2.1") == [True, True]


async def test_two_updates_of_one_source_come_one_after_the_other() -> None:
    """Else the answer that was asked for first may come last, and stay."""
    async with ListServer() as server:

        async def script(sock: socket.socket) -> None:
            for _ in range(1000):
                await asyncio.sleep(0)
            await page(GOOD)(sock)

        server.pages = {"/list": script}
        found = make_list([server.url("/list")], download_concurrency=2)
        await asyncio.gather(found.update(), found.update())

    assert (len(server.requests), server.most_at_once) == (2, 1)


async def test_what_failed_is_tried_again_soon() -> None:
    events = EventRecorder()
    async with ListServer({"/bad": sends(), "/good": page(GOOD)}) as server:
        found = make_list([server.url("/bad"), server.url("/good")], event_stream=events, retry_seconds=0.001)
        running = asyncio.create_task(found.run(3600))
        await events.seen(EventIPListSize, 1)
        server.pages["/bad"] = page(OTHER)
        await events.seen(EventIPListSize, 2)
        await found.shutdown()
        await running

    assert found.size == 3
    assert sum("/good" in request for request in server.requests) == 1


async def test_only_so_many_are_downloaded_at_once() -> None:
    async with ListServer() as server:
        at_least_two = asyncio.Barrier(2)

        async def script(sock: Any) -> None:
            await at_least_two.wait()
            await page(GOOD)(sock)

        server.pages = {f"/{number}": script for number in range(6)}
        found = make_list([server.url(path) for path in server.pages], download_concurrency=2, timeout_seconds=10)
        await found.update()

    assert (server.most_at_once, found.size) == (2, 6)


class Counted:
    """Does in the event loop what belongs in a thread; knows how often it did so at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at_once = 0
        self.most_at_once = 0
        for name in ("source", "url_source"):
            monkeypatch.setattr(f"mtglib.ipblocklist.{name}.in_thread", self)

    async def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        for _ in range(10):
            await asyncio.sleep(0)
        self.at_once -= 1
        return function(*arguments)


async def test_only_so_many_files_are_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        (tmp_path / str(number)).write_bytes(GOOD)
    found = make_list([str(path) for path in tmp_path.iterdir()], download_concurrency=2)
    counted = Counted(monkeypatch)
    await found.load()
    assert (counted.most_at_once, found.size) == (2, 6)
    await found.update()

    assert counted.most_at_once == 2


async def test_only_so_many_copies_are_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ListServer({f"/{number}": page(GOOD) for number in range(6)}) as server:
        urls = [server.url(path) for path in server.pages]
        await make_list(urls, cache_directory=tmp_path).update()
    found = make_list(urls, cache_directory=tmp_path, download_concurrency=2)
    counted = Counted(monkeypatch)
    await found.load()

    assert (counted.most_at_once, found.size) == (2, 6)
