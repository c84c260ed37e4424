"""Connections that a balancer passes on: they wait for the header, and then they are the client's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import pytest

import mtglib
from mtglib import Reason
from mtglib.entrance import Entrance
from mtglib.front.early import FRONT_AFTER_SECONDS, FRONT_AT_LAST_SECONDS
from mtglib.ground.endpoints import Endpoint
from mtglib.proxied_entrance import ProxiedEntrance
from mtglib.roster import Entry
from mtglib.visitor import Visitor
from mtglib.wire.proxy_protocol import header_v2
from support import sockets
from support.timeless import timeless
from unit.surroundings import Surroundings, nonblocking_pair, surroundings
from unit.test_entrance import Listed

BALANCER = "10.0.0.5"
CLIENT_IP = "198.51.100.7"
V1 = f"PROXY TCP4 {CLIENT_IP} 192.0.2.1 50000 443\r\n".encode()


def end(ip: str, port: int) -> Endpoint:
    return Endpoint(ip_address(ip), port)


V2 = header_v2(end(CLIENT_IP, 50_000), end("192.0.2.1", 443))


@dataclass
class Door:
    """An entrance for connections of balancers."""

    around: Surroundings
    proxied: ProxiedEntrance

    def come(self, ip: str | None = BALANCER) -> tuple[socket.socket, Entry]:
        """Connect from there; return the peer's end, and what the roster has of it."""
        peer, own = nonblocking_pair()
        self.around.close_later(peer, own)
        known = set(self.around.shared.roster.entries)
        self.proxied.take(own, Visitor(None if ip is None else end(ip, 6000)))
        (entry,) = set(self.around.shared.roster.entries) - known or {Entry("none", Visitor(None), 0.0)}
        return peer, entry

    def told(self, kind: type[mtglib.Event]) -> list[str]:
        return [str(getattr(event, "remote_ip", "")) for event in self.around.events.of(kind)]


@asynccontextmanager
async def door(**changes: Any) -> AsyncIterator[Door]:
    """`changes` are ProxyOpts' attributes."""
    async with surroundings(proxy_protocol_listener=True, **changes) as around:
        shared = around.shared
        entrance = Entrance(
            around.generation.opts, shared.roster, shared.visitor_log, shared.events, shared.logger, shared.warnings
        )
        yield Door(around, ProxiedEntrance(shared, around.generation, entrance))


async def settle() -> None:
    """Let everything happen for which no time has to pass."""
    for _ in range(10):
        await asyncio.sleep(0)


async def over(entry: Entry, task: asyncio.Task[None] | None) -> None:
    assert task is not None
    await asyncio.wait([task])
    assert entry.is_over


@pytest.mark.parametrize(
    ("trusted", "ip", "is_trusted"),
    [
        *((None, BALANCER, True), (None, "2001:db8::1", True), (None, None, True)),
        *((["10.0.0.0/8"], BALANCER, True), (["10.0.0.0/8"], "11.0.0.5", False), (["10.0.0.0/8"], None, True)),
        *((["2001:db8::/32", BALANCER], "2001:db8::1", True), (["2001:db8::/32", BALANCER], BALANCER, True)),
        *((["2001:db8::/32", BALANCER], "2001:db9::1", False), (["::/0"], BALANCER, False)),
        (["::ffff:10.0.0.0/104"], BALANCER, True),
    ],
)
@timeless
async def test_who_has_to_send_a_header(trusted: list[str] | None, ip: str | None, is_trusted: bool) -> None:
    async with door(proxy_protocol_trusted=trusted) as it:
        assert it.proxied.trusts(Visitor(None if ip is None else end(ip, 1))) is is_trusted


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
@timeless
async def test_until_the_header_is_complete_nobody_knows_who_it_is(header: bytes) -> None:
    async with door() as it:
        peer, entry = it.come()
        for number in range(len(header)):
            assert (entry.network, entry.visitor.ip) == (None, ip_address(BALANCER))
            assert it.around.events.events == []
            assert it.around.shared.roster.visitors == 1
            await sockets.send_all(peer, header[number : number + 1])
            await settle()

        assert entry.visitor.client == end(CLIENT_IP, 50_000)
        assert entry.visitor.reached == end("192.0.2.1", 443)
        assert entry.network == entry.visitor.network
        assert it.told(mtglib.EventStart) == [CLIENT_IP]
        assert it.around.shared.roster.visitors == it.around.shared.roster.counted == 1


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", header_v2(None, None)], ids=["v1", "v2"])
@timeless
async def test_a_balancers_own_connection_is_a_visitor_of_its_own(header: bytes) -> None:
    async with door() as it:
        peer, entry = it.come()
        task = entry.task
        await sockets.send_all(peer, header)
        await settle()
        assert it.told(mtglib.EventStart) == [BALANCER]
        assert entry.network == Visitor(end(BALANCER, 1)).network
        sockets.close(peer)

        await over(entry, task)
        assert it.around.reasons() == [Reason.CLOSED]
        assert it.around.log.warnings == []
        assert it.around.network.dialled == []


@timeless
async def test_lists_are_asked_about_the_client_and_only_then() -> None:
    async with door(ip_allowlist=Listed(CLIENT_IP), ip_blocklist=Listed(BALANCER)) as it:
        peer, entry = it.come()
        await sockets.send_all(peer, V1)
        await settle()
        assert it.told(mtglib.EventStart) == [CLIENT_IP]

        other, refused = it.come()
        task = refused.task
        await sockets.send_all(other, V1.replace(CLIENT_IP.encode(), b"192.0.2.66"))
        await over(refused, task)

        assert await sockets.recv_until_end(other) == sockets.Received(b"", "eof")
        assert it.told(mtglib.EventIPBlocklisted) == ["192.0.2.66"]
        assert it.told(mtglib.EventStart) == [CLIENT_IP]
        assert it.around.events.of(mtglib.EventFinish) == []
        assert it.around.shared.roster.entries == (entry,)


@timeless
async def test_a_connection_that_gets_its_network_makes_no_room_for_itself() -> None:
    async with door() as it:
        waiting = [it.come() for _ in range(50)]
        await settle()
        for number, (peer, _) in enumerate(waiting):
            await sockets.send_all(peer, V1.replace(CLIENT_IP.encode(), b"192.0.2.%d" % (1 + number % 40)))
        await settle()
        assert it.around.shared.roster.visitors == 50
        assert it.around.reasons() == []

        it.come()
        await settle()

        assert it.around.shared.roster.visitors == 50
        assert [entry.end_reason for _, entry in waiting[:2]] == [Reason.EVICTED, None]


@timeless
async def test_of_those_that_wait_the_oldest_makes_room_and_that_is_told() -> None:
    async with door() as it:
        waiting = [it.come() for _ in range(51)]
        await settle()

        assert await sockets.recv_until_end(waiting[0][0]) == sockets.Received(b"", "eof")
        assert it.around.reasons() == [Reason.EVICTED]
        assert it.told(mtglib.EventStart) == [BALANCER]
        assert it.around.shared.roster.visitors == 50
        it.around.shared.visitor_log.close()
        assert it.around.log.messages[-1].fields["evicted"] == 1


@timeless
async def test_where_clients_fill_it_nobody_waits() -> None:
    async with door(concurrency=3) as it:
        roster = it.around.shared.roster
        for number in range(100):
            entry = Entry(str(number), Visitor(None), 0.0)
            roster.add(entry)
            roster.authenticated(entry)
        peer, _ = it.come()

        assert await sockets.recv_until_end(peer) == sockets.Received(b"", "eof")
        assert len(it.around.events.of(mtglib.EventConcurrencyLimited)) == 1
        assert len(roster) == 100


BAD: list[tuple[bytes, str]] = [
    (b"\x16\x03\x01\x02\x00", "the connection doesn't begin with a PROXY header"),
    (b"PROXY UNKNOWN ".ljust(107, b"x"), "the PROXY header is longer than 107 bytes"),
    (V2[:14] + b"\x08\x01", "the PROXY header is longer than 16 + 2048 bytes"),
    (V1.replace(b"TCP4", b"TCP6"), "the PROXY header has an invalid address"),
    (V1.replace(b"443", b"443 "), "the PROXY header is malformed"),
]


@pytest.mark.parametrize(("data", "why"), BAD)
@timeless
async def test_a_bad_header_is_told_and_ends_it(data: bytes, why: str) -> None:
    async with door() as it:
        peer, entry = it.come()
        task = entry.task
        await sockets.send_all(peer, data)
        await over(entry, task)

        assert (await sockets.recv_until_end(peer)).data == b""
        assert it.around.reasons() == ["proxy_header"]
        assert it.told(mtglib.EventStart) == [BALANCER]
        told = [(message.level, message.text, message.fields["client_ip"]) for message in it.around.log.messages]
        assert told == [("debug", f"visitor: {why}", BALANCER), ("debug", "closed: proxy_header", BALANCER)]
        it.around.shared.visitor_log.close()
        assert it.around.log.messages[-1].fields["reasons"] == {"proxy_header": 1}


@timeless
async def test_half_a_header_has_the_time_of_a_handshake() -> None:
    async with door(handshake_timeout=7.0) as it:
        began_mono = asyncio.get_running_loop().time()
        peer, entry = it.come()
        task = entry.task
        await sockets.send_all(peer, V1[:20])
        await asyncio.sleep(3)
        await sockets.send_all(peer, V1[20:30])

        await over(entry, task)
        assert asyncio.get_running_loop().time() == pytest.approx(began_mono + 7.0)
        assert it.around.reasons() == ["proxy_header"]
        assert it.around.log.messages[0].text == "visitor: no complete PROXY header in time"


@pytest.mark.parametrize(
    ("data", "reason", "why"),
    [
        (b"", "closed", "the peer left without a PROXY header"),
        (b"PROXY", "proxy_header", "the peer left before its PROXY header was complete"),
    ],
)
@timeless
async def test_a_peer_that_leaves_is_no_more_than_counted(data: bytes, reason: str, why: str) -> None:
    async with door() as it:
        peer, entry = it.come()
        task = entry.task
        await sockets.send_all(peer, data)
        sockets.send_eof(peer)
        await over(entry, task)

        assert it.around.reasons() == [reason]
        assert it.around.log.messages[0].text == f"visitor: {why}"
        assert it.around.log.warnings == []


@pytest.mark.parametrize("has_begun", [True, False])
@timeless
async def test_one_that_waits_can_be_ended(has_begun: bool) -> None:
    async with door() as it:
        peer, entry = it.come()
        task = entry.task
        if has_begun:
            await settle()
        entry.end(Reason.ENDED)
        await over(entry, task)

        assert await sockets.recv_until_end(peer) == sockets.Received(b"", "eof")
        assert it.around.reasons() == [Reason.ENDED]


@timeless
async def test_one_whose_loop_ends_is_closed() -> None:
    async with door() as it:
        _, entry = it.come()
        task = entry.task
        await settle()
        assert task is not None
        task.cancel()
        await over(entry, task)

        assert it.around.reasons() == [Reason.SHUTDOWN]


@timeless
async def test_a_fault_costs_one_connection_and_is_told() -> None:
    async with door() as it:
        nonsense: Any = "soon"
        it.around.generation.opts.handshake_timeout = nonsense
        _, entry = it.come()
        await over(entry, entry.task)

        assert it.around.reasons() == [Reason.ERROR]
        assert it.around.log.warnings == ["internal error in a connection"]


@pytest.mark.parametrize("said", [b"", b"\x16"])
@timeless
async def test_the_sites_time_begins_behind_the_header(said: bytes) -> None:
    async with door() as it:
        peer, _ = it.come()
        await sockets.send_all(peer, V2[:15])
        await asyncio.sleep(5)
        assert it.around.network.dialled == []
        began_mono = asyncio.get_running_loop().time()
        await sockets.send_all(peer, V2[15:] + said)
        far = await it.around.far_end()

        assert asyncio.get_running_loop().time() == pytest.approx(began_mono + FRONT_AFTER_SECONDS)
        await asyncio.sleep(FRONT_AT_LAST_SECONDS)
        await sockets.send_all(peer, b"!")
        assert await sockets.recv_exactly(far, len(said) + 1) == said + b"!"


@timeless
async def test_what_comes_with_the_header_is_the_visitors() -> None:
    """Also a second header, which is nothing but bytes that aren't TLS."""
    async with door(domain_fronting_proxy_protocol=True) as it:
        peer, _ = it.come()
        await sockets.send_all(peer, V1 + V2 + b"more")

        assert await sockets.recv_exactly(await it.around.far_end(), 2 * len(V2) + 4) == V2 + V2 + b"more"
        assert it.around.fronted_for() == ["not_tls"]
