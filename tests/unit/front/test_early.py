"""The site's connection for a slow visitor: what the site sees, when the visitor is its, and how it ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from integration.stage import tcp_pair
from mtglib import ClientError, Reason
from mtglib.conn import Conn
from mtglib.front.early import EarlyFront
from mtglib.readiness import READABLE
from mtglib.roster import Entry
from support import sockets
from support.client_hello import build_client_hello, hello_records
from support.timeless import timeless
from unit.surroundings import PairNetwork, Surroundings, nonblocking_pair, surroundings, visitor

HELLO = hello_records(build_client_hello("front.example"))


@dataclass
class Slow:
    """A visitor whose hello isn't complete.

    Attributes:
        peer: Its end.
        conn: The proxy's.
        early: What is tested.
    """

    around: Surroundings
    peer: socket.socket
    conn: Conn
    entry: Entry
    early: EarlyFront
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    def looking(self, seconds: float = 60.0) -> asyncio.Task[tuple[bytes, int]]:
        """Begin to look for its hello."""
        deadline_mono = asyncio.get_running_loop().time() + seconds
        task = asyncio.create_task(self.early.read_hello(deadline_mono))
        self.tasks.append(task)
        return task

    async def refused(self, looking: asyncio.Task[tuple[bytes, int]], why: str = "") -> str:
        """Why there is no hello: the reason; the error's text begins with `why`."""
        with pytest.raises(ClientError) as raised:
            await looking
        assert str(raised.value).startswith(why)
        return raised.value.reason


@asynccontextmanager
async def slow(said: bytes = b"", *, may_connect: bool = True, **changes: Any) -> AsyncIterator[Slow]:
    """A visitor who has said this, and whom the site is dialled for; `changes` are ProxyOpts' attributes."""
    async with surroundings(**changes) as around:
        if not may_connect:
            around.network.may_connect.clear()
        conn, peer = around.connection()
        entry = Entry("slow", visitor(), 0.0)
        around.shared.roster.add(entry)
        conn.unread = said
        it = Slow(around, peer, conn, entry, EarlyFront(around.shared, around.generation.fronts.default, conn, entry))
        try:
            yield it
        finally:
            it.early.abort()
            for task in it.tasks:
                task.cancel()
            await asyncio.gather(*it.tasks, return_exceptions=True)
            await asyncio.sleep(0)
            around.shared.roster.remove(entry)
            conn.close()


async def settle() -> None:
    """Let everything happen that needs no time."""
    await asyncio.sleep(0.001)


@timeless
async def test_the_site_gets_each_byte_but_those_that_complete_a_hello() -> None:
    async with slow(HELLO[:3]) as it:
        looking = it.looking()
        site = await it.around.far_end()
        assert await sockets.recv_exactly(site, 3) == HELLO[:3]
        for start, end in ((3, 4), (4, 9), (9, len(HELLO) - 1)):
            it.peer.send(HELLO[start:end])
            assert await sockets.recv_exactly(site, end - start) == HELLO[start:end]
        it.peer.send(HELLO[-1:] + b"behind")

        assert await looking == (HELLO, len(HELLO))
        assert it.conn.unread == HELLO + b"behind"
        await settle()
        with pytest.raises(BlockingIOError):
            site.recv(1)


@timeless
async def test_what_was_said_while_the_site_was_dialled_is_sent_when_it_is_connected() -> None:
    async with slow(b"\x16", may_connect=False) as it:
        _looking = it.looking()
        it.peer.send(b"\x03\x01")
        await settle()
        it.around.network.may_connect.set()

        assert await sockets.recv_exactly(await it.around.far_end(), 3) == b"\x16\x03\x01"


@timeless
@pytest.mark.parametrize("last", [b"", HELLO[9:] + b"more"], ids=["a part", "more than a hello"])
async def test_the_pieces_of_what_comes_are_kept(last: bytes) -> None:
    async with slow(HELLO[:3], may_connect=False) as it:
        looking = it.looking()
        await settle()
        it.peer.send(HELLO[3:9])
        await settle()
        it.peer.send(last)
        sockets.send_eof(it.peer)
        await asyncio.wait([looking])

        assert [piece.said_bytes for piece in it.conn.pieces] == [3, 9]


@timeless
async def test_a_hello_that_is_whole_before_the_site_is_connected_is_never_sent() -> None:
    async with slow(HELLO[:9], may_connect=False) as it:
        looking = it.looking()
        it.peer.send(HELLO[9:])
        assert (await looking)[0] == HELLO
        it.around.network.may_connect.set()
        site = await it.around.far_end()
        await settle()

        with pytest.raises(BlockingIOError):
            site.recv(1)


@pytest.mark.parametrize("how", ["speaks", "ends"])
@timeless
async def test_once_the_site_has_answered_the_visitor_is_its(how: str) -> None:
    async with slow(b"\x16") as it:
        looking = it.looking()
        site = await it.around.far_end()
        await sockets.recv_exactly(site, 1)
        assert not it.early.has_answered
        began_mono = asyncio.get_running_loop().time()
        if how == "speaks":
            site.send(b"408")
        else:
            sockets.send_eof(site)

        assert await it.refused(looking, "the site answered before") == Reason.TIMEOUT
        assert asyncio.get_running_loop().time() == began_mono, "at once"
        assert it.early.has_answered
        connection = await it.early.take()
        assert connection.upstream.recv(9) == (b"408" if how == "speaks" else b"")
        connection.upstream.close()


@timeless
async def test_a_visitor_who_says_no_more_is_the_sites_when_its_time_is_over() -> None:
    async with slow(b"\x16") as it:
        began_mono = asyncio.get_running_loop().time()

        assert await it.refused(it.looking(5.0), "no complete ClientHello") == Reason.TIMEOUT
        assert asyncio.get_running_loop().time() == pytest.approx(began_mono + 5.0)
        assert not it.early.has_answered


@timeless
async def test_what_can_be_no_hello_any_more_and_who_leaves_are_told_apart() -> None:
    async with slow(b"\x16") as it:
        looking = it.looking()
        it.peer.send(b"GET")
        assert await it.refused(looking) == Reason.NOT_TLS
    async with slow(b"\x16") as it:
        sockets.send_eof(it.peer)
        assert await it.refused(it.looking()) == Reason.CLOSED


@timeless
async def test_a_hello_byte_by_byte_puts_no_eviction_off() -> None:
    """Else those who send theirs like that would push out clients whose first packet is late."""
    async with slow(b"\x16") as it:
        later = Entry("later", visitor(), 0.0)
        it.around.shared.roster.add(later)
        looking = it.looking()
        await settle()
        it.peer.send(b"\x03")
        await settle()

        assert it.around.shared.roster.next_visitor_to_go() is it.entry
        assert not looking.done()
        it.around.shared.roster.remove(later)


@timeless
async def test_a_site_out_of_reach_keeps_nobody_from_being_found_out() -> None:
    async with slow(HELLO[:9], may_connect=False) as it:
        it.around.network.error = OSError("no route")
        it.around.network.may_connect.set()
        looking = it.looking()
        await settle()
        assert (it.early.has_failed, it.early.has_answered) == (True, False)
        it.peer.send(HELLO[9:])

        assert (await looking)[0] == HELLO
        with pytest.raises(OSError, match="no route"):
            await it.early.take()


@timeless
async def test_a_dial_that_is_under_way_is_waited_for() -> None:
    async with slow(b"\x16", may_connect=False) as it:
        taking = asyncio.create_task(it.early.take())
        await settle()
        assert not taking.done()
        it.around.network.may_connect.set()

        upstream, preamble, forwarded_bytes = await taking
        assert (preamble, forwarded_bytes) == (b"", 0)
        upstream.close()


@timeless
async def test_a_dial_that_fails_while_it_is_waited_for_is_an_error() -> None:
    async with slow(b"\x16", may_connect=False) as it:
        taking = asyncio.create_task(it.early.take())
        await settle()
        it.around.network.error = OSError("no route")
        it.around.network.may_connect.set()

        with pytest.raises(OSError, match="no route"):
            await taking


@timeless
async def test_who_takes_it_over_learns_what_the_site_has_and_is_the_only_one_to_watch_it() -> None:
    async with slow(b"\x16", domain_fronting_proxy_protocol=True) as it:
        _looking = it.looking()
        site = await it.around.far_end()
        header = it.around.generation.fronts.default.preamble(it.entry.visitor)
        assert await sockets.recv_exactly(site, len(header) + 1) == header + b"\x16"

        upstream, preamble, forwarded_bytes = await it.early.take()
        it.early.abort()
        it.early.drop()

        assert (preamble, forwarded_bytes) == (b"", 1)
        await settle()
        assert asyncio.all_tasks() == {asyncio.current_task(), *it.tasks}
        number = upstream.fileno()
        upstream.close()
        one, other = nonblocking_pair()
        with one, other:
            assert one.fileno() == number, "the kernel gives a number away again"
            other.send(b"x")
            readiness = it.around.shared.readiness
            await readiness.wait(number, READABLE, asyncio.get_running_loop().time() + 1)
            readiness.forget(number)


class Short(socket.socket):
    """Takes `room_bytes` more, and then nothing."""

    room_bytes = 0

    def send(self, data: Any, flags: int = 0, /) -> int:
        if not self.room_bytes:
            raise BlockingIOError
        sent_bytes = super().send(data[: self.room_bytes], flags)
        self.room_bytes -= sent_bytes
        return sent_bytes


class ShortNetwork(PairNetwork):
    """A network whose sites take so little."""

    def __init__(self, room_bytes: int) -> None:
        super().__init__()
        self._room_bytes = room_bytes

    async def connect(self) -> tuple[socket.socket, socket.socket]:
        near, far = await super().connect()
        short = Short(fileno=near.detach())
        short.setblocking(False)
        short.room_bytes = self._room_bytes
        return short, far


@pytest.mark.parametrize("room_bytes", [0, 5, 16, 17, 18])
@timeless
async def test_of_a_site_that_takes_little_the_rest_is_for_who_takes_it_over(room_bytes: int) -> None:
    network = ShortNetwork(room_bytes)
    async with slow(b"\x16\x03", front_network=network, domain_fronting_proxy_protocol=True) as it:
        header = it.around.generation.fronts.default.preamble(it.entry.visitor)
        _looking = it.looking()
        site = await network.far_end()
        await settle()

        upstream, preamble, forwarded_bytes = await it.early.take()
        assert site.recv(100) if room_bytes else (header + b"\x16\x03")[:room_bytes] == b""
        assert (preamble, forwarded_bytes) == (header[room_bytes:], max(room_bytes - len(header), 0))
        upstream.close()


class TCPNetwork(PairNetwork):
    """A network of real connections, on which a reset is none of a stream's ends."""

    async def connect(self) -> tuple[socket.socket, socket.socket]:
        return await tcp_pair()


@pytest.mark.parametrize(("act", "ending"), [("drop", "eof"), ("abort", "reset")])
async def test_a_client_is_dropped_and_a_visitor_who_is_gone_resets(act: str, ending: str) -> None:
    network = TCPNetwork()
    async with slow(b"\x16", front_network=network) as it:
        _looking = it.looking()
        site = await network.far_end()
        assert await sockets.recv_exactly(site, 1) == b"\x16"
        getattr(it.early, act)()

        assert (await sockets.recv_until_end(site)).ending == ending


@pytest.mark.parametrize("act", ["drop", "abort"])
@timeless
async def test_a_dial_that_nobody_wants_any_more_is_not_waited_for(act: str) -> None:
    async with slow(b"\x16", may_connect=False) as it:
        await settle()
        getattr(it.early, act)()
        await settle()

        assert it.around.network.cancelled == 1


@pytest.mark.parametrize("act", ["drop", "abort"])
@pytest.mark.parametrize("turns", range(6))
@timeless
async def test_a_dial_that_nobody_wants_any_more_is_ended_or_its_socket_closed(turns: int, act: str) -> None:
    async with slow(b"\x16", may_connect=False) as it:
        await settle()
        it.around.network.may_connect.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        getattr(it.early, act)()
        await settle()

        if not it.around.network.cancelled:
            assert await sockets.recv_until_end(await it.around.far_end()) == sockets.Received(b"", "eof")
