"""Whether a front leads back: only a test says so, and honest visitors notice nothing of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

import mtglib
from mtglib.front import loops
from mtglib.front.loops import LoopGuard
from mtglib.ground.endpoints import Endpoint
from mtglib.roster import Entry
from mtglib.visitor import Visitor
from support import sockets

HELLO = b"a whole hello, or silence, or anything else"


def entry(ip: str = "192.0.2.1") -> Entry:
    return Entry("a", Visitor(Endpoint(ip_address(ip), 1), None), 0.0)


async def entered(guard: LoopGuard, count: int, said: bytes = HELLO, ip: str = "192.0.2.1") -> list[Entry]:
    made = [entry(ip) for _ in range(count)]
    for each in made:
        guard.enter(each, said)
        await asyncio.sleep(0)
    return made


async def outcome(guard: LoopGuard) -> None:
    """Wait for the outcome of the test that is under way."""
    assert guard.testing is not None
    await guard.testing


class Site:
    """What the guard dials; ``heard`` does something with what it is told."""

    def __init__(self, heard: Callable[[socket.socket, bytes], Awaitable[None]]) -> None:
        self.dials = 0
        self.ours: socket.socket | None = None
        self._heard = heard
        self._tasks: set[asyncio.Task[None]] = set()

    async def dial(self) -> socket.socket:
        self.dials += 1
        self.ours, theirs = socket.socketpair()
        self.ours.setblocking(False)
        theirs.setblocking(False)
        self._tasks.add(asyncio.create_task(self._serve(theirs)))
        return self.ours

    async def _serve(self, sock: socket.socket) -> None:
        with sock:
            data = await asyncio.get_running_loop().sock_recv(sock, 1000)
            await self._heard(sock, data)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Site]:
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


async def answer(sock: socket.socket, _data: bytes) -> None:
    await sockets.send_all(sock, b"400")


async def be_silent(_sock: socket.socket, _data: bytes) -> None:
    await asyncio.Event().wait()


def no_header(_entry: Entry) -> bytes:
    return b""


def guard_of(site: Site, clock: Callable[[], float] = lambda: 0.0) -> LoopGuard:
    return LoopGuard(site.dial, no_header, lambda: None, clock)


@pytest.mark.parametrize("said", [HELLO, b"", b"GET "])
async def test_visitors_without_an_answer_pass_if_the_site_is_none_of_ours(said: bytes) -> None:
    async with Site(answer).open() as site:
        guard = guard_of(site)
        await entered(guard, 100, said)

        assert site.dials == 1, "one suspicion, one test in ten seconds"


async def test_visitors_who_all_say_something_else_are_as_suspicious() -> None:
    async with Site(answer).open() as site:
        guard = guard_of(site)
        for number in range(17):
            await entered(guard, 1, b"%d" % number)
        await outcome(guard)

        assert site.dials == 1


async def test_the_token_is_found_behind_headers_that_hops_have_put_before_it() -> None:
    async def come_back(_sock: socket.socket, data: bytes) -> None:
        with pytest.raises(mtglib.UpstreamError):
            guard.enter(entry(), b"PROXY " * 20 + data)

    async with Site(come_back).open() as site:
        guard = LoopGuard(site.dial, lambda suspect: b"PROXY for " + str(suspect.visitor.ip).encode(), lambda: None)
        await entered(guard, 17)
        await outcome(guard)

        with pytest.raises(mtglib.UpstreamError):
            await entered(guard, 1)


async def test_visitors_of_other_networks_are_not_refused_for_a_loop() -> None:
    async def come_back(_sock: socket.socket, data: bytes) -> None:
        with pytest.raises(mtglib.UpstreamError):
            guard.enter(entry(), data)

    async with Site(come_back).open() as site:
        guard = guard_of(site)
        await entered(guard, 17)
        await outcome(guard)

        await entered(guard, 1, ip="198.51.100.1")
        with pytest.raises(mtglib.UpstreamError):
            await entered(guard, 1)


async def test_a_token_that_somebody_else_brings_is_nothing() -> None:
    told = asyncio.get_running_loop().create_future()

    async def tell(sock: socket.socket, data: bytes) -> None:
        told.set_result(data)
        await be_silent(sock, data)

    async with Site(tell).open() as site:
        guard = guard_of(site)
        await entered(guard, 17)
        guard.enter(entry("198.51.100.1"), await told)
        await guard.close()

        await entered(guard, 50)


async def test_a_silent_site_is_no_loop_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "_TEST_TIMEOUT", 0.01)
    async with Site(be_silent).open() as site:
        await entered(guard := guard_of(site), 100)
        await outcome(guard)
        await entered(guard, 100)


async def test_a_site_that_cannot_be_reached_is_no_loop() -> None:
    async def dial() -> socket.socket:
        raise OSError("nobody there")

    await entered(LoopGuard(dial, no_header, lambda: None), 100)


async def test_what_comes_back_is_a_loop() -> None:
    async def come_back(_sock: socket.socket, data: bytes) -> None:
        with pytest.raises(mtglib.UpstreamError):
            guard.enter(entry(), data)

    async with Site(come_back).open() as site:
        now_mono = 0.0
        guard = guard_of(site, lambda: now_mono)
        await entered(guard, 17)
        await outcome(guard)
        for _ in range(5):
            with pytest.raises(mtglib.UpstreamError, match=r"domain-fronting: .* leads back to this proxy"):
                await entered(guard, 1)
        with pytest.raises(mtglib.UpstreamError):
            await entered(guard, 1, b"something else")
        assert site.dials == 1

        now_mono = 61.0
        await entered(guard, 1, b"something else")  # it may have been mended
        await entered(guard, 1)
        await outcome(guard)
        with pytest.raises(mtglib.UpstreamError):
            await entered(guard, 1)
        assert site.dials == 2


async def test_who_comes_during_the_test_notices_nothing_of_it() -> None:
    go = asyncio.Event()

    async def come_back_later(_sock: socket.socket, data: bytes) -> None:
        await go.wait()
        with pytest.raises(mtglib.UpstreamError):
            guard.enter(entry(), data)

    async with Site(come_back_later).open() as site:
        guard = guard_of(site)
        await entered(guard, 50)
        go.set()
        await outcome(guard)

        with pytest.raises(mtglib.UpstreamError):
            await entered(guard, 1)
        assert site.dials == 1


async def test_a_test_that_is_under_way_ends_with_the_guard() -> None:
    async with Site(be_silent).open() as site:
        guard = guard_of(site)
        await entered(guard, 17)
        testing = guard.testing
        assert testing is not None
        closing = [asyncio.create_task(guard.close()) for _ in range(2)]
        await asyncio.wait(closing)

        assert testing.cancelled()
        assert guard.testing is None
        assert site.ours is not None
        assert site.ours.fileno() == -1
        await guard.close()


@pytest.mark.parametrize("how", ["answered", "over", "elsewhere"])
async def test_what_makes_nobody_suspicious(how: str) -> None:
    async with Site(answer).open() as site:
        guard = guard_of(site)
        for number in range(60):
            (made,) = await entered(guard, 1, HELLO, f"192.0.2.{number}" if how == "elsewhere" else "192.0.2.1")
            made.to_client_bytes, made.is_over = int(how == "answered"), how == "over"

        assert site.dials == 0


async def test_answers_that_were_not_told_yet_are_asked_for() -> None:
    made: list[Entry] = []

    def refresh() -> None:
        for each in made:
            each.to_client_bytes = 1

    async with Site(answer).open() as site:
        guard = LoopGuard(site.dial, no_header, refresh)
        for _ in range(5):
            made += await entered(guard, 16)
        assert site.dials == 0


async def test_what_is_remembered_is_bounded() -> None:
    async with Site(answer).open() as site:
        guard = guard_of(site)
        for number in range(3000):
            await entered(guard, 1, HELLO, f"10.0.{number >> 8}.{number & 255}")
        await entered(guard, 1000)

        assert len(guard._unanswered) == loops._MOST_REMEMBERED
        assert max(map(len, guard._unanswered.values())) <= 16
