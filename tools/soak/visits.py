"""What the program's visitors do: clients that talk, vanish or leave early, and probes."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable

from support import sockets
from support.faketls_client import FakeTLSClient
from support.secrets import PeerSecret
from tools.flood.peers import SITE_ANSWER

Visit = Callable[[int, str, PeerSecret], Awaitable[None]]
"""Visits the proxy at this port of 127.0.0.1, from this address."""


async def talk(port: int, address: str, secret: PeerSecret) -> None:
    """A client that gets its bytes back, and ends properly."""
    async with await _client(port, address, secret) as client:
        for _ in range(random.randint(1, 8)):
            data = random.randbytes(random.choice((1, 100, 16_384, 16_385, 300_000)))
            sending = asyncio.ensure_future(client.send(data, record_bytes=(random.randint(1000, 16_384),)))
            try:
                if await client.recv_exactly(len(data)) != data:
                    raise AssertionError("an echo differs")
            finally:
                await asyncio.gather(sending, return_exceptions=True)
        client.send_eof()
        if await client.recv_until_end() != sockets.Received(b"", "eof"):
            raise ConnectionError("the end differs")


async def vanish(port: int, address: str, secret: PeerSecret) -> None:
    """A client that vanishes in the middle of a transfer."""
    async with await _client(port, address, secret) as client:
        sending = asyncio.ensure_future(client.send(random.randbytes(2_000_000)))
        try:
            await client.recv_some()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        client.reset()


async def leave_early(port: int, address: str, secret: PeerSecret) -> None:
    """A client that leaves after some step of its handshake."""
    async with FakeTLSClient(await _connect(port, address), secret) as client:
        await client.send_hello()
        if random.random() < 0.5:
            await client.receive_answer()
        if random.random() < 0.5:
            client.reset()


async def probe(port: int, address: str, secret: PeerSecret) -> None:
    """A probe, which must see the site: with garbage, or as a client with another secret."""
    async with FakeTLSClient(await _connect(port, address), PeerSecret.random(secret.host)) as stranger:
        if random.random() < 0.5:
            await stranger.send_raw(random.randbytes(random.randint(1, 2000)))
        else:
            await stranger.send_hello()
        if await sockets.recv_exactly(stranger.sock, len(SITE_ANSWER)) != SITE_ANSWER:
            raise AssertionError("the site differs")


VISITS: tuple[Visit, ...] = (talk, talk, vanish, leave_early, probe)


async def _client(port: int, address: str, secret: PeerSecret) -> FakeTLSClient:
    client = FakeTLSClient(await _connect(port, address), secret)
    try:
        await client.handshake()
    except BaseException:
        client.close()
        raise
    return client


async def _connect(port: int, address: str) -> socket.socket:
    sock = socket.socket()
    try:
        sock.setblocking(False)
        sock.bind((address, 0))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    except BaseException:
        sock.close()
        raise
    return sock
