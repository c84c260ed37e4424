"""redis-py's connections to a server that has a name: which address, and whose certificate."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from mtglib.antireplay.redis_connection import look_names_up
from support.ports import free_port
from support.tcp_server import TCPServer

ELSEWHERE = "127.0.0.9"
"""An address of this machine where nobody listens."""


class Addresses:
    """Knows the addresses of every name, and keeps what it is told."""

    def __init__(self, *ips: str, error: OSError | None = None) -> None:
        self.asked: list[tuple[str, int]] = []
        self.away: list[str] = []
        self._ips = list(ips)
        self._error = error

    async def of(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        if self._error is not None:
            raise self._error
        return self._ips

    def failed(self, address: str) -> None:
        self.away.append(address)


class Silent(TCPServer):
    """Accepts, keeps what is said first, and says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve_socket(self, sock: socket.socket) -> None:
        heard = await asyncio.get_running_loop().sock_recv(sock, 4096)
        if not self.heard.done():
            self.heard.set_result(heard)
        await asyncio.Event().wait()


def pool_of(url: str, addresses: Any) -> Any:
    """A pool as the cache makes it."""
    pool = BlockingConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0), protocol=2, driver_info=None)
    look_names_up(pool, addresses)
    return pool


@asynccontextmanager
async def connected(url: str, look_up: Addresses) -> AsyncIterator[Any]:
    """A connection of a pool's."""
    connection: Any = pool_of(url, look_up).make_connection()
    try:
        await connection.connect()
        yield connection
    finally:
        await connection.disconnect()


async def test_the_first_address_that_takes_it_is_used_and_the_others_noted() -> None:
    look_up = Addresses(ELSEWHERE, "127.0.0.1")
    async with Silent() as server, connected(f"redis://redis.example:{server.port}", look_up) as connection:
        assert connection.is_connected
        assert (look_up.asked, look_up.away) == ([("redis.example", server.port)], [ELSEWHERE])
        await connection.disconnect()
        await connection.connect()

        assert len(look_up.asked) == 2, "each connection asks anew"


async def test_where_none_takes_it_that_is_an_error_after_all_were_tried() -> None:
    look_up, port = Addresses("127.0.0.8", ELSEWHERE), free_port()

    with pytest.raises(RedisConnectionError, match=r"refused|Connect call failed"):
        async with connected(f"redis://redis.example:{port}", look_up):
            pass
    assert look_up.away == ["127.0.0.8", ELSEWHERE]


async def test_a_name_that_is_not_known_is_an_error() -> None:
    with pytest.raises(RedisConnectionError, match="nobody knows"):
        async with connected("redis://redis.example", Addresses(error=OSError("nobody knows"))):
            pass


async def test_who_gives_up_on_a_silent_address_leaves_the_next_its_turn() -> None:
    look_up = Addresses("127.0.0.1", ELSEWHERE)
    async with Silent() as server:
        connecting = asyncio.create_task(
            pool_of(f"rediss://redis.example:{server.port}", look_up).make_connection().connect()
        )
        await server.heard
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting

    assert look_up.away == ["127.0.0.1"]


async def test_the_certificate_has_to_be_the_names_though_an_address_is_dialled() -> None:
    async with Silent() as server:
        connecting = asyncio.create_task(
            pool_of(f"rediss://redis.example:{server.port}", Addresses("127.0.0.1")).make_connection().connect()
        )
        hello = await server.heard
        connecting.cancel()
        await asyncio.wait([connecting])

    assert hello.startswith(b"\x16\x03")
    assert b"redis.example" in hello, "the name that it asks for, and checks"


@pytest.mark.parametrize(
    ("url", "is_by_name"), [("redis://h", True), ("rediss://h", True), ("unix:///run/redis.sock", False)]
)
def test_a_server_without_a_name_needs_no_look_up(url: str, is_by_name: bool) -> None:
    pool = pool_of(url, look_up := Addresses())

    assert (pool.connection_kwargs.get("server_addresses") is look_up) is is_by_name
    pool.make_connection()
    assert look_up.asked == []
