"""What a relay sets on the two sockets that it is given."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest

from integration.relayed import engine
from integration.stage import Stage, stage, tcp_pair
from mtglib.network import Direct, SocketOptions
from mtglib.relay.job import Job
from support import sockets
from support.faketls_client import FakeTLSClient
from support.front import RecordingFront, listen_only

NOTSENT_LOWAT_BYTES = 128 * 1024


class Copying(Direct):
    """Keeps a copy of the descriptor that it dialled."""

    def __init__(self, not_sent_low_water_bytes: int | None = NOTSENT_LOWAT_BYTES) -> None:
        super().__init__(socket_options=SocketOptions(not_sent_low_water_bytes=not_sent_low_water_bytes))
        self.dialled: list[socket.socket] = []

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        sock = await super().dial(host, port, timeout_seconds=timeout_seconds)
        self.dialled.append(sock.dup())
        return sock


@asynccontextmanager
async def relayed_legs(around: Stage, network: Copying) -> AsyncIterator[tuple[socket.socket, socket.socket]]:
    """Connect a client that is relayed; give the proxy's own ends, to the client and to the DC."""
    ours, theirs = await tcp_pair()
    with theirs.dup() as client_leg:
        serving = asyncio.create_task(around.proxy.serve_conn(theirs))
        client = FakeTLSClient(ours, around.secret)
        await client.handshake()
        await client.send(b"hello")
        assert await client.recv_exactly(5) == b"hello"
        with closing(network.dialled[0]) as upstream_leg:
            yield client_leg, upstream_leg
    client.close()
    await serving


@pytest.mark.parametrize("leg", ["client", "upstream"])
async def test_small_messages_go_at_once_and_little_waits_in_the_kernel(relay: str, leg: str) -> None:
    network = Copying()
    async with stage(relay, network=network) as around, relayed_legs(around, network) as legs:
        sock = legs[("client", "upstream").index(leg)]
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == NOTSENT_LOWAT_BYTES


@pytest.mark.parametrize("keep_alive", [True, False])
async def test_keep_alive_begins_when_a_client_is_authenticated(relay: str, keep_alive: bool) -> None:
    async with stage(relay, keep_alive=keep_alive) as around:
        ours, theirs = await tcp_pair()
        with theirs.dup() as client_leg:
            serving = asyncio.create_task(around.proxy.serve_conn(theirs))
            client = FakeTLSClient(ours, around.secret)
            await client.send_hello()
            await client.receive_answer()
            assert bool(client_leg.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) is keep_alive
        client.close()
        await serving


async def test_congestion_control_begins_when_a_client_is_authenticated(relay: str) -> None:
    kernels = congestion_control(socket.socket())
    other = next(name for name in ("reno", "cubic") if name != kernels)  # every kernel has these two
    async with stage(relay, congestion_control=other) as around:
        ours, theirs = await tcp_pair()
        with theirs.dup() as client_leg:
            serving = asyncio.create_task(around.proxy.serve_conn(theirs))
            client = FakeTLSClient(ours, around.secret)
            before = congestion_control(client_leg.dup())
            await client.send_hello()
            await client.receive_answer()
            assert (before, congestion_control(client_leg.dup())) == (kernels, other)
        client.close()
        await serving


@pytest.mark.parametrize("name", [None, "no-such-thing"])
async def test_without_another_congestion_control_clients_have_the_kernels(relay: str, name: str | None) -> None:
    async with stage(relay, congestion_control=name) as around:
        client = await around.client()
        await client.send(b"hello")
        assert await client.recv_exactly(5) == b"hello"


def congestion_control(sock: socket.socket) -> str:
    with sock:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()


async def test_visitors_of_the_site_get_no_keep_alive(relay: str) -> None:
    site = RecordingFront(listen_only)
    async with stage(relay, site=site) as around:
        ours, theirs = await tcp_pair()
        with ours, theirs.dup() as visitor_leg:
            serving = asyncio.create_task(around.proxy.serve_conn(theirs))
            await sockets.send_all(ours, b"GET / HTTP/1.1\r\n\r\n")
            await (await site.connection()).got(18)
            assert visitor_leg.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
        sockets.close(ours)
        await serving


async def test_what_has_no_keep_alive_is_served_all_the_same(relay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "SO_KEEPALIVE", 0x7FFF)  # no kernel knows that
    async with stage(relay) as around:
        client = await around.client()
        await client.send(b"hello")
        assert await client.recv_exactly(5) == b"hello"


@pytest.mark.parametrize(
    ("option_bytes", "network_bytes", "found_bytes"),
    [
        (NOTSENT_LOWAT_BYTES, 64 * 1024, 64 * 1024),
        (NOTSENT_LOWAT_BYTES, 1024 * 1024, NOTSENT_LOWAT_BYTES),
        (NOTSENT_LOWAT_BYTES, None, NOTSENT_LOWAT_BYTES),
        (256 * 1024, None, 256 * 1024),
        (None, 1024 * 1024, 1024 * 1024),
        (None, None, 0),
    ],
)
async def test_less_may_wait_in_the_kernel_and_more_may_not(
    relay: str, option_bytes: int | None, network_bytes: int | None, found_bytes: int
) -> None:
    network = Copying(network_bytes)
    async with (
        stage(relay, network=network, not_sent_low_water_bytes=option_bytes) as around,
        relayed_legs(around, network) as legs,
    ):
        found = [leg.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) for leg in legs]
        assert found == [option_bytes or 0, found_bytes]


async def test_a_fronted_relay_leaves_keep_alive_and_time_outs_to_the_kernel(relay: str) -> None:
    options = {
        "keep-alive": (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        "idle": (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
        "interval": (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
        "count": (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
        "user time-out": (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
    }

    def found(sock: socket.socket) -> dict[str, int]:
        return {name: sock.getsockopt(*option) for name, option in options.items()}

    async with engine(relay) as relays:
        (client, client_leg), (upstream, upstream_leg) = await tcp_pair(), await tcp_pair()
        with client, upstream, client_leg.dup() as seen_client, upstream_leg.dup() as seen_upstream:
            before = found(seen_client), found(seen_upstream)
            running = asyncio.create_task(
                relays.run(
                    Job(client_leg, upstream_leg, b"", b"", None, 60.0, half_closed_timeout=60.0), lambda *_: None
                )
            )
            client.send(b"x")
            assert await asyncio.get_running_loop().sock_recv(upstream, 1) == b"x"

            assert (found(seen_client), found(seen_upstream)) == before
            assert before[0]["keep-alive"] == before[0]["user time-out"] == 0
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
