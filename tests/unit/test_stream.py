"""One connection from its first byte to its last: where it is led, what is told of it, and that nothing is left."""

from __future__ import annotations

import asyncio
import socket

import pytest

import mtglib
from integration.event_rules import check_events, names, traffic
from mtglib import Reason
from mtglib.client_socket import ClientSocketOptions
from mtglib.roster import State
from support import sockets
from support.client_hello import build_client_hello, hello_records
from support.timeless import timeless
from unit.recorders import Broken
from unit.surroundings import DC, DC_IP, SITE, KeepingRelay, Surroundings, Visit, over, surroundings


async def unread_hello(around: Surroundings) -> bytes:
    """A hello of ours that nobody has seen."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        client = around.client(Visit(ours, theirs, None, None))  # type: ignore[arg-type]
        await client.send_hello()
        return hello_records(client.hello)


@timeless
async def test_a_client_of_ours_is_connected_to_its_dc() -> None:
    async with surroundings() as around:
        visit = around.visit()
        client = around.client(visit, -DC)
        assert around.shared.roster.visitors == 1
        await client.send_hello()
        await client.receive_answer()
        assert around.shared.roster.visitors == 0, "from our answer on it takes no visitor's place"
        await client.send_frame()
        dc = await around.data_centre()
        await client.send(b"question")
        assert (dc.dc, await dc.recv_exactly(8)) == (-DC, b"question")
        assert (visit.entry.user, visit.entry.dc, visit.entry.state) == ("default", DC, State.TELEGRAM)
        await dc.send(b"the answer")
        assert await client.recv_exactly(10) == b"the answer"
        client.send_eof()
        assert await dc.recv() == b""
        dc.send_eof()

        await over(visit)
        assert around.network.dialled == [DC_IP]
        assert names(around.events.events) == ["Start", "ConnectedToDC", "Traffic", "Finish"]
        assert traffic(around.events.events)[1] == 10
        (finish,) = around.events.of(mtglib.EventFinish)
        assert (finish.reason, finish.dc) == (Reason.CLIENT_EOF, DC)
        check_events(around.events.events)
        assert len(around.shared.roster) == 0
        (end,) = around.log.finished()
        assert (end.level, end.fields["reason"], end.fields["upstream"]) == ("info", "client_eof", f"DC {DC}")


@timeless
async def test_what_a_client_sends_behind_its_frame_goes_with_it() -> None:
    async with surroundings() as around:
        visit = around.visit()
        client = around.client(visit, first_payload=b"in the same segment")
        await client.send_hello()
        await client.send_frame()
        dc = await around.data_centre()

        assert await dc.recv_exactly(19) == b"in the same segment"


STRANGERS = [
    (b"GET / HTTP/1.1\r\n\r\n", Reason.NOT_TLS),
    (b"\x16\x03\x01\x40\x01", Reason.NOT_TLS),
    (hello_records(b"\x01\x00\x00\x80\x03\x03" + bytes(126)), Reason.DIGEST),
]


@pytest.mark.parametrize(("said", "reason"), STRANGERS)
@timeless
async def test_the_site_gets_what_a_stranger_said_and_the_stranger_its_answer(said: bytes, reason: Reason) -> None:
    async with surroundings() as around:
        visit = around.visit()
        await sockets.send_all(visit.peer, said)
        site = await around.far_end()
        assert await sockets.recv_exactly(site, len(said)) == said
        await sockets.send_all(site, b"400")
        assert await sockets.recv_exactly(visit.peer, 3) == b"400"
        assert (visit.entry.user, visit.entry.state) == ("", State.FRONTED)
        assert around.shared.roster.visitors == 1
        sockets.send_eof(site)
        sockets.send_eof(visit.peer)

        await over(visit)
        assert (around.network.dialled, around.fronted_for()) == ([SITE], [reason])
        assert traffic(around.events.events) == (len(said), 3)
        check_events(around.events.events)
        assert [message.level for message in around.log.messages] == ["debug"] * 2, "one of why it came, one of its end"


@timeless
async def test_who_leaves_without_a_byte_costs_the_site_nothing() -> None:
    async with surroundings() as around:
        visit = around.visit()
        sockets.send_eof(visit.peer)

        await over(visit)
        assert around.network.dialled == []
        assert names(around.events.events) == ["Start", "Finish"]
        assert around.reasons() == [Reason.CLOSED]


@timeless
async def test_who_leaves_within_its_hello_is_the_sites() -> None:
    async with surroundings() as around:
        visit = around.visit()
        visit.peer.send(b"\x16\x03")
        sockets.send_eof(visit.peer)
        site = await around.far_end()

        assert await sockets.recv_until_end(site) == sockets.Received(b"\x16\x03", "eof")
        assert around.fronted_for() == [Reason.CLOSED]


@timeless
async def test_a_hello_that_was_sent_before_is_the_sites_and_an_attack() -> None:
    async with surroundings() as around:
        hello = await unread_hello(around)
        first, second = around.visit(), around.visit()
        await sockets.send_all(first.peer, hello)
        assert await sockets.recv_exactly(first.peer, 3) == b"\x16\x03\x03"
        await sockets.send_all(second.peer, hello)
        site = await around.far_end()

        assert await sockets.recv_exactly(site, len(hello)) == hello
        assert around.fronted_for() == [Reason.REPLAY]
        assert len(around.events.of(mtglib.EventReplayAttack)) == 1
        assert around.log.warnings == []


@timeless
async def test_without_an_answer_from_the_memory_a_client_is_the_sites_and_that_is_a_warning() -> None:
    async with surroundings(anti_replay_cache=Broken()) as around:
        visit = around.visit()
        await sockets.send_all(visit.peer, await unread_hello(around))
        await around.far_end()

        assert around.fronted_for() == [Reason.REPLAY_CACHE]
        assert around.log.warnings == ["Broken.seen_before failed: ZeroDivisionError"]


@timeless
async def test_of_a_slow_client_the_site_sees_no_whole_hello() -> None:
    async with surroundings() as around:
        hello = await unread_hello(around)
        visit = around.visit()
        await sockets.send_all(visit.peer, hello[:-1])
        site = await around.far_end()
        assert await sockets.recv_exactly(site, len(hello) - 1) == hello[:-1]
        assert around.fronted_for() == []
        await sockets.send_all(visit.peer, hello[-1:])

        assert await sockets.recv_exactly(visit.peer, 3) == b"\x16\x03\x03"
        assert await sockets.recv_until_end(site) == sockets.Received(b"", "eof")
        assert visit.entry.user == "default"


@timeless
async def test_what_the_site_got_before_the_relay_counts_once() -> None:
    async with surroundings() as around:
        visit = around.visit()
        await sockets.send_all(visit.peer, b"\x16\x03")
        site = await around.far_end()
        await sockets.recv_exactly(site, 2)
        await sockets.send_all(visit.peer, b"GET")
        assert await sockets.recv_exactly(site, 3) == b"GET"
        sockets.send_eof(visit.peer)
        sockets.send_eof(site)

        await over(visit)
        assert traffic(around.events.events) == (5, 0)
        assert visit.entry.from_client_bytes == 5


async def test_a_visitor_who_pauses_is_shown_to_the_site_with_its_pauses() -> None:
    async with surroundings() as around:
        loop, visit = asyncio.get_running_loop(), around.visit()
        visit.peer.send(b"GET")
        await asyncio.sleep(0)
        visit.peer.send(b" / ")
        site = await around.far_end()

        assert await loop.sock_recv(site, 100) == b"GET"
        assert await loop.sock_recv(site, 100) == b" / "


async def test_a_whole_hello_goes_to_the_site_at_once_however_it_came() -> None:
    hello = hello_records(build_client_hello("front.example"))
    async with surroundings() as around:
        visit = around.visit()
        visit.peer.send(hello[:100])
        await asyncio.sleep(0.02)
        visit.peer.send(hello[100:])

        assert await asyncio.get_running_loop().sock_recv(await around.far_end(), 5000) == hello


@pytest.mark.parametrize(("begin", "behind"), [(b"\x16\x03\x01\x00\x40", b""), (b"", b"more")], ids=["bad", "and more"])
async def test_what_is_no_hello_alone_reaches_the_site_in_its_pieces(begin: bytes, behind: bytes) -> None:
    hello = hello_records(build_client_hello("front.example"))
    begin, rest = begin or hello[:100], hello if begin else hello[100:] + behind
    async with surroundings() as around:
        visit = around.visit()
        visit.peer.send(begin)
        await asyncio.sleep(0.02)
        visit.peer.send(rest)
        site = await around.far_end()

        assert await asyncio.get_running_loop().sock_recv(site, 5000) == begin
        assert await asyncio.get_running_loop().sock_recv(site, 5000) == rest


@pytest.mark.parametrize("said", [b"", b"\x16"])
@timeless
async def test_who_says_no_hello_in_time_stays_with_the_site(said: bytes) -> None:
    async with surroundings(handshake_timeout=5.0) as around:
        began_mono = asyncio.get_running_loop().time()
        visit = around.visit()
        visit.peer.send(said)
        site = await around.far_end()
        connected_after_seconds = asyncio.get_running_loop().time() - began_mono
        assert around.fronted_for() == []
        await around.events.seen(mtglib.EventDomainFronting)

        assert connected_after_seconds == pytest.approx(0.05)
        assert asyncio.get_running_loop().time() - began_mono == pytest.approx(5.0)
        assert around.fronted_for() == [Reason.TIMEOUT]
        await sockets.send_all(site, b"408")
        assert await sockets.recv_exactly(visit.peer, 3) == b"408"
        assert around.network.dialled == [SITE]


@timeless
async def test_a_client_whom_the_site_has_answered_before_it_was_admitted_stays_with_the_site() -> None:
    class Waiting:
        def __init__(self) -> None:
            self.asked, self.go = asyncio.Event(), asyncio.Event()

        async def seen_before(self, _data: bytes) -> bool:
            self.asked.set()
            await self.go.wait()
            return False

    memory = Waiting()
    async with surroundings(anti_replay_cache=memory) as around:
        hello = await unread_hello(around)
        visit = around.visit()
        await sockets.send_all(visit.peer, hello[:9])
        site = await around.far_end()
        await sockets.send_all(visit.peer, hello[9:])
        await memory.asked.wait()
        await sockets.send_all(site, b"408")
        for _ in range(5):
            await asyncio.sleep(0)
        memory.go.set()

        assert await sockets.recv_exactly(visit.peer, 3) == b"408"
        assert await sockets.recv_exactly(site, len(hello)) == hello
        assert around.fronted_for() == [Reason.TIMEOUT]
        assert around.shared.roster.visitors == 1


@timeless
async def test_the_kernel_is_asked_for_something_on_behalf_of_clients_alone() -> None:
    relay, options = KeepingRelay(), ClientSocketOptions.of(keep_alive=True, congestion_control=None)
    async with surroundings(relay=relay, socket_options=options) as around:
        stranger = around.visit()
        stranger.peer.send(b"GET")
        await around.far_end()
        await over(stranger)
        visit = around.visit()
        client = around.client(visit)
        await client.send_hello()
        await client.send_frame()
        await around.far_end()
        await over(visit)

        assert relay.asked == [(0, 0), (1, 0)]
        assert around.reasons() == [Reason.IDLE, Reason.IDLE]
