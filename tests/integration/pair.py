"""Both ends of one relayed connection, in the hands of a test: to a DC, or to the fronting site."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from integration.stage import Stage, stage
from support import sockets
from support.fake_dc import DCConnection
from support.faketls_client import FakeTLSClient
from support.tcp_server import TCPServer

Mode = Literal["fast", "re-encrypted", "raw"]
"""To a DC with fast mode on, to a DC with fast mode off, to the fronting site."""


class End(Protocol):
    """One of the two peers."""

    @property
    def sock(self) -> socket.socket: ...
    async def send(self, data: bytes, /) -> None: ...
    async def recv(self) -> bytes: ...
    def send_eof(self) -> None: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...


class RawEnd(sockets.Peer):
    """A peer without any protocol."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    async def send(self, data: bytes) -> None:
        await sockets.send_all(self.sock, data)

    async def recv(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self.sock, sockets.RECV_BYTES)


class TelegramEnd(RawEnd):
    """A FakeTLSClient."""

    def __init__(self, client: FakeTLSClient) -> None:
        super().__init__(client.sock)
        self.client = client

    async def send(self, data: bytes) -> None:
        await self.client.send(data)

    async def recv(self) -> bytes:
        return await self.client.recv_some()


class DCEnd(RawEnd):
    """A connection of a FakeDC."""

    def __init__(self, connection: DCConnection) -> None:
        super().__init__(connection.sock)
        self.connection = connection

    async def send(self, data: bytes) -> None:
        await self.connection.send(data)

    async def recv(self) -> bytes:
        return await self.connection.recv()


class HeldSite(TCPServer):
    """A site that leaves its connections to the test."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted: asyncio.Queue[socket.socket] = asyncio.Queue()

    async def serve_socket(self, sock: socket.socket) -> None:
        """Hand it over, and keep it open until the end."""
        self.accepted.put_nowait(sock)
        await asyncio.Event().wait()


async def hold(connection: DCConnection) -> None:
    """Leave a connection to the test, and keep it open until the end."""
    await asyncio.Event().wait()


@dataclass(frozen=True)
class Pair:
    """The two ends of a relayed connection through which nothing has gone yet, but ``prelude`` bytes upstream."""

    client: End
    upstream: End
    around: Stage
    prelude_bytes: int

    @property
    def telegram(self) -> FakeTLSClient:
        """The client, where it is one of ours."""
        assert isinstance(self.client, TelegramEnd)
        return self.client.client


@asynccontextmanager
async def pair(
    relay: str, mode: Mode, *, receive_buffer_bytes: int | None = None, **changes: Any
) -> AsyncIterator[Pair]:
    """Connect two ends; a small ``receive_buffer_bytes`` is the client's. ``changes``: see `stage`."""
    site = HeldSite()
    settings: dict[str, Any] = {"handler": hold, "site": site, "fast_mode": mode != "re-encrypted"}
    async with stage(relay, **(settings | changes)) as around:
        if mode == "raw":
            sock = await around.stranger(_PRELUDE, receive_buffer_bytes=receive_buffer_bytes)
            upstream = await site.accepted.get()
            assert await sockets.recv_exactly(upstream, len(_PRELUDE)) == _PRELUDE
            yield Pair(RawEnd(sock), RawEnd(upstream), around, len(_PRELUDE))
        else:
            client = await around.client(receive_buffer_bytes=receive_buffer_bytes)
            yield Pair(TelegramEnd(client), DCEnd(await around.dc.connection()), around, 0)


_PRELUDE = b"X"  # no ClientHello starts with that


async def recv_until_end(end: End) -> sockets.Received:
    """Read to the end."""
    got = bytearray()
    try:
        while data := await end.recv():
            got += data
    except (ConnectionResetError, BrokenPipeError):
        return sockets.Received(bytes(got), "reset")
    return sockets.Received(bytes(got), "eof")


async def drip_until_end(end: End) -> sockets.Received:
    """Read to the end, with pauses between small reads."""
    got = bytearray()
    try:
        while data := await end.recv():
            got += data
            await asyncio.sleep(0.002)
    except ConnectionResetError:
        return sockets.Received(bytes(got), "reset")
    return sockets.Received(bytes(got), "eof")


async def recv_exactly(end: End, count_bytes: int) -> bytes:
    """Read so many bytes, or an EOFError; there must not be more of them."""
    got = bytearray()
    while len(got) < count_bytes:
        data = await end.recv()
        if not data:
            raise EOFError(f"ended after {len(got)} of {count_bytes} bytes")
        got += data
    assert len(got) == count_bytes
    return bytes(got)


async def together(*jobs: Awaitable[Any]) -> None:
    """Do them at the same time; the first failure ends all."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_coroutine(job))


async def _coroutine(job: Awaitable[Any]) -> None:
    await job
