"""A fleet's anti-replay server that is given by its name: addresses that don't answer, and certificates."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from integration.recording_logger import RecordingLogger
from mtglib.antireplay import Redis
from support.redis_server import SERVER, RedisServer

pytestmark = [
    pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"]),
    pytest.mark.skipif(SERVER is None, reason="redis-server is not installed"),
]

ELSEWHERE = "127.0.0.9"
"""An address of this machine where the server isn't."""


def lead_to(monkeypatch: pytest.MonkeyPatch, *ips: str) -> None:
    """Let every name have these addresses."""

    def getaddrinfo(_host: str, port: int, **_named: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ips]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def named(url: str, name: str) -> str:
    return url.replace("localhost", name).replace("127.0.0.1", name)


class Proxy:
    """One proxy's cache, with its log and a clock that moves when told to."""

    def __init__(self, url: str, timeout_seconds: float = 0.9) -> None:
        self.now_mono = 0.0
        self.logger = RecordingLogger()
        self.cache = Redis(url, timeout_seconds=timeout_seconds, logger=self.logger, clock=lambda: self.now_mono)


async def test_an_address_that_refuses_leaves_the_next_one_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    lead_to(monkeypatch, ELSEWHERE, "127.0.0.1")
    async with RedisServer() as server:
        proxy = Proxy(named(server.url, "redis.example"))
        assert await proxy.cache.probe()
        await proxy.cache.close()
    assert proxy.logger.messages == []


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A socket elsewhere that accepts and says nothing; who binds its port on 127.0.0.1 is its neighbour."""
    with socket.socket() as listener:
        yield listener


async def test_a_silent_address_is_the_next_ones_turn(monkeypatch: pytest.MonkeyPatch, silent: socket.socket) -> None:
    lead_to(monkeypatch, ELSEWHERE, "127.0.0.1")
    async with RedisServer(tls=True) as server:
        silent.bind((ELSEWHERE, server.port))
        silent.listen()
        proxy = Proxy(server.url, timeout_seconds=0.3)
        assert not await proxy.cache.probe()
        async with asyncio.timeout(20):
            while not await proxy.cache.probe():  # on a busy machine, the server may be too late once more
                proxy.now_mono += 5
        await proxy.cache.close()
    assert proxy.logger.messages[0].error == "TimeoutError('no answer within 0.3 s')"


@pytest.mark.parametrize(("name", "is_right"), [("localhost", True), ("other.example", False)])
async def test_a_certificate_has_to_be_the_names(name: str, is_right: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    lead_to(monkeypatch, "127.0.0.1")
    async with RedisServer(tls=True) as server:
        proxy = Proxy(named(server.url, name))
        assert await proxy.cache.probe() is is_right
        await proxy.cache.close()
    assert len(proxy.logger.warnings) == (not is_right)
