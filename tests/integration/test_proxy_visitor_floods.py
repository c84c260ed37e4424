"""Floods that need no secret: while they hold more connections than there is room for, all clients get in."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

import pytest

import mtglib
from integration.stage import Stage, stage
from support import sockets
from support.client_hello import build_client_hello, hello_records, sign_hello
from support.eventually import eventually
from support.faketls_client import FakeTLSClient
from support.front import Script, answer, answer_then_eof, listen_only
from support.secrets import PeerSecret

ROOM = 20
FLOOD = 3 * ROOM
GET = b"GET / HTTP/1.1\r\nHost: front.example\r\n\r\n"
PAGE = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


def foreign_hello() -> bytes:
    """A hello that was made with another secret; nobody looks at the time in it."""
    secret = PeerSecret.random()
    return hello_records(sign_hello(build_client_hello(secret.host), secret.key, 0))


@dataclass(frozen=True)
class Kind:
    """What each connection of a flood sends, what the site does, and whether it then ends with a RST."""

    first: Callable[[], bytes]
    script: Script = listen_only
    resets: bool = False


KINDS = {
    "silent": Kind(lambda: b""),
    "one byte": Kind(lambda: b"\x16"),
    "half a hello": Kind(lambda: foreign_hello()[:700]),
    "hello with another secret": Kind(foreign_hello, answer(PAGE)),
    "HTTP": Kind(lambda: GET, answer(PAGE)),
    "closed by the site": Kind(lambda: GET, answer_then_eof(PAGE)),
    "RST": Kind(lambda: GET, resets=True),
}
ONE_ADDRESS = ("127.1.0.1",)
MANY_ADDRESSES = tuple(f"127.1.0.{number}" for number in range(1, FLOOD + 1))
CLIENTS_ADDRESSES = tuple(f"127.0.0.{number}" for number in range(1, 6))


@pytest.fixture(autouse=True)
def _enough_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 4 * FLOOD + 300
    if hard < needed:
        pytest.skip(f"the limit of open files is {hard}, needed are {needed}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def connect_from(address: str, port: int) -> socket.socket:
    """Connect from an address of this machine: all of 127.0.0.0/8 are."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a client's small writes wait 40 ms for each other
    sock.bind((address, 0))
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return sock


async def flood(around: Stage, kind: Kind, addresses: tuple[str, ...]) -> list[socket.socket]:
    """Open all connections of a flood; returns when the proxy knows each of them."""
    flooders = []
    for address, _ in zip(cycle(addresses), range(FLOOD), strict=False):
        sock = await connect_from(address, around.port)
        around.peers.callback(sockets.close, sock)
        await sockets.send_all(sock, kind.first())
        if kind.resets:
            sockets.reset(sock)
        flooders.append(sock)
    await eventually(lambda: known(around) >= FLOOD)
    return flooders


def known(around: Stage) -> int:
    """How many connections were let in or turned away."""
    return len(around.events.of(mtglib.EventStart)) + len(around.events.of(mtglib.EventConcurrencyLimited))


def open_now(around: Stage) -> int:
    """How many streams have begun and aren't over."""
    return len(around.events.of(mtglib.EventStart)) - len(around.events.of(mtglib.EventFinish))


async def echoed(around: Stage, address: str) -> FakeTLSClient:
    """A client from this address that has got its echo; it stays open."""
    client = FakeTLSClient(await connect_from(address, around.port), around.secret)
    around.peers.callback(client.close)
    await client.send_hello()
    await client.receive_answer()
    await client.send_frame()
    await client.send(b"in")
    assert await client.recv_exactly(2) == b"in"
    return client


@pytest.mark.parametrize("addresses", [ONE_ADDRESS, MANY_ADDRESSES], ids=["one address", "many addresses"])
@pytest.mark.parametrize("kind", KINDS)
async def test_all_clients_get_in_and_all_comes_back(relay: str, kind: str, addresses: tuple[str, ...]) -> None:
    async with stage(relay, concurrency=ROOM, script=KINDS[kind].script, warnings=True) as around:
        flooders = await flood(around, KINDS[kind], addresses)

        came_in = await asyncio.gather(*(echoed(around, address) for address in CLIENTS_ADDRESSES))

        for sock in [*flooders, *(client.sock for client in came_in)]:
            sockets.close(sock)
        await eventually(lambda: not open_now(around))
        for _ in range(ROOM):
            await echoed(around, CLIENTS_ADDRESSES[0])


@pytest.mark.parametrize("addresses", [ONE_ADDRESS, MANY_ADDRESSES], ids=["one address", "many addresses"])
@pytest.mark.parametrize("kind", KINDS)
async def test_clients_behind_an_address_that_floods_get_in(relay: str, kind: str, addresses: tuple[str, ...]) -> None:
    """A NAT or a container's bridge gives honest clients the address of those who flood."""
    async with stage(relay, concurrency=ROOM, script=KINDS[kind].script, warnings=True) as around:
        await flood(around, KINDS[kind], addresses)

        for _ in range(len(CLIENTS_ADDRESSES)):
            await echoed(around, addresses[0])


@pytest.mark.parametrize("addresses", [ONE_ADDRESS, MANY_ADDRESSES], ids=["one address", "many addresses"])
async def test_flood_beside_clients_ends_none_of_them(relay: str, addresses: tuple[str, ...]) -> None:
    """Who is in stays in: as many clients as there is room for, but for the share of visitors."""
    async with stage(relay, concurrency=ROOM, warnings=True) as around:
        inside = [await echoed(around, "127.0.0.1") for _ in range(ROOM - 2)]
        await flood(around, KINDS["one byte"], addresses)

        for client in inside:
            await client.send(b"still in")
            assert await client.recv_exactly(8) == b"still in"
        await echoed(around, "127.0.0.1")


async def test_connections_without_addresses_are_visitors_too(relay: str, tmp_path: object) -> None:
    """A flood through a Unix socket makes room for a client that comes the same way."""
    path = f"{tmp_path}/proxy"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4096)
    async with stage(relay, concurrency=ROOM, listener=listener, warnings=True) as around:
        for _ in range(FLOOD):
            sock = await unix_socket(path)
            around.peers.callback(sockets.close, sock)
            await sockets.send_all(sock, b"\x16")
        await eventually(lambda: known(around) >= FLOOD)

        client = FakeTLSClient(await unix_socket(path), around.secret)
        around.peers.callback(client.close)
        await client.send_hello()
        await client.receive_answer()
        await client.send_frame()
        await client.send(b"in")
        assert await client.recv_exactly(2) == b"in"


async def unix_socket(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, path)
    return sock
