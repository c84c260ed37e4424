"""Upstream has ended its side, and there is a time-out for that: what ends, and what goes on, is checked, not when."""

from __future__ import annotations

import asyncio
import errno
import socket
from ipaddress import IPv4Address
from pathlib import Path

from integration.pair import recv_exactly, recv_until_end, together
from integration.pour import Pour
from integration.relayed import engine, relayed, run, take
from mtglib.relay.choice import ChosenRelay
from support import sockets
from support.eventually import eventually

Address = tuple[str, int]

QUICK_SECONDS = 0.05
SOME_SECONDS = 1.0
FORGOTTEN_SECONDS = 30.0
"""Half of what Linux takes by itself (tcp_fin_timeout)."""


def is_reset(sock: socket.socket) -> bool:
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET


def tcp_connections() -> set[tuple[Address, Address]]:
    """All connections of IPv4 that the kernel knows, by their own and their peer's address."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {(_address(own), _address(peer)) for _, own, peer, *_ in lines}


def _address(written: str) -> Address:
    ip, _, port = written.partition(":")
    return str(IPv4Address(bytes.fromhex(ip)[::-1])), int(port, 16)


async def test_silence_after_upstreams_end_is_the_end(relay: str) -> None:
    async with relayed(relay, half_closed_timeout=QUICK_SECONDS) as around:
        around.upstream.send_eof()

        assert await around.reason() == "idle"
        assert await recv_until_end(around.client) == sockets.Received(b"", "eof")
        assert await recv_until_end(around.upstream) == sockets.Received(b"", "eof")


async def test_after_that_the_kernel_soon_forgets_it_as_the_sites_does(relay: str) -> None:
    async with relayed(relay, half_closed_timeout=QUICK_SECONDS) as around:
        ours = around.client.sock.getpeername(), around.client.sock.getsockname()
        around.upstream.send_eof()
        assert await around.reason() == "idle"
        assert await recv_until_end(around.client) == sockets.Received(b"", "eof")

        await eventually(lambda: ours not in tcp_connections(), FORGOTTEN_SECONDS)
        around.client.send_eof()
        await eventually(lambda: is_reset(around.client.sock))


async def test_clients_end_has_no_such_bound(relay: str) -> None:
    async with relayed(relay, half_closed_timeout=QUICK_SECONDS) as around:
        around.client.send_eof()
        assert await recv_until_end(around.upstream) == sockets.Received(b"", "eof")
        await asyncio.sleep(4 * QUICK_SECONDS)

        await around.upstream.send(b"an answer")
        assert await recv_exactly(around.client, 9) == b"an answer"


async def test_without_it_only_idleness_ends_a_half_closed_relay(relay: str) -> None:
    async with relayed(relay, half_closed_timeout=None) as around:
        around.upstream.send_eof()
        assert await recv_until_end(around.client) == sockets.Received(b"", "eof")
        await asyncio.sleep(4 * QUICK_SECONDS)

        await around.client.send(b"going on")
        assert await recv_exactly(around.upstream, 8) == b"going on"


async def test_bytes_that_are_taken_keep_it_open(relay: str) -> None:
    async with engine(relay) as relays:
        await together(check_that_what_upstream_takes_counts(relays), check_that_what_the_client_takes_counts(relays))


async def check_that_what_upstream_takes_counts(relays: ChosenRelay) -> None:
    async with run(relays, half_closed_timeout=SOME_SECONDS) as around:
        around.upstream.send_eof()
        for _ in range(50):
            await around.client.send(b"x")
            await asyncio.sleep(SOME_SECONDS / 20)
        assert not around.running.done()


async def check_that_what_the_client_takes_counts(relays: ChosenRelay) -> None:
    async with run(relays, half_closed_timeout=SOME_SECONDS) as around:
        pour = Pour(around.upstream)
        await pour.until_blocked()
        completing = asyncio.create_task(pour.complete())
        got = bytearray()
        for _ in range(50):
            got += take(around.client, 30_000)
            await asyncio.sleep(SOME_SECONDS / 20)
        assert not around.running.done()

        rest = await recv_until_end(around.client)
        pour.check(sockets.Received(bytes(got) + rest.data, rest.ending), "eof")
        await completing


async def test_client_that_takes_nothing_of_what_is_left_is_reset(relay: str) -> None:
    async with relayed(relay, half_closed_timeout=4 * QUICK_SECONDS) as around:
        around.upstream.sock.send(bytes(330_000))
        around.upstream.send_eof()

        assert await around.reason() == "idle"
        assert (await recv_until_end(around.client)).ending == "reset"


async def test_upstreams_end_is_told_while_the_relay_goes_on(relay: str) -> None:
    async with relayed(relay) as around:

        def last_told() -> tuple[int, int, bool] | None:
            around.relays.report()
            return around.told[-1] if around.told else None

        await around.upstream.send(b"an answer")
        assert await recv_exactly(around.client, 9) == b"an answer"
        await eventually(lambda: last_told() == (0, 9, False))
        around.upstream.send_eof()
        await eventually(lambda: last_told() == (0, 0, True))

        assert not around.running.done()
