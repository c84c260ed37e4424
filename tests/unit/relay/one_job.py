"""A session alone: a job between two pairs of sockets, the far ends of which a test has."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from mtglib.readiness import Readiness
from mtglib.relay.job import Job, RelayResult
from mtglib.relay.session import Session
from mtglib.relay.timers import Timers
from support import sockets

Pair = tuple[socket.socket, socket.socket]


@dataclass
class Running:
    """A job that runs, and its peers.

    Attributes:
        client, upstream: The peers' ends.
        legs: The job's own.
        session: What is tested.
        task: Its `run`.
        told: What `on_traffic` was called with.
    """

    client: socket.socket
    upstream: socket.socket
    legs: tuple[socket.socket, socket.socket]
    session: Session
    task: asyncio.Task[RelayResult]
    told: list[tuple[int, int, bool]] = field(default_factory=list)

    async def result(self) -> RelayResult:
        """Wait for the end; by then both legs are closed, and everything was told."""
        result = await self.task
        assert [leg.fileno() for leg in self.legs] == [-1, -1]
        assert sum(up for up, _, _ in self.told) == result.from_client_bytes
        assert sum(down for _, down, _ in self.told) == result.to_client_bytes
        return result


async def unix_pair(kind: int = socket.SOCK_STREAM) -> Pair:
    pair = socket.socketpair(socket.AF_UNIX, kind)
    for sock in pair:
        sock.setblocking(False)
    return pair


@asynccontextmanager
async def running(
    pair: Callable[[], Awaitable[Pair]] = unix_pair, *, readiness: Readiness | None = None, **job: Any
) -> AsyncIterator[Running]:
    """Start a session; ``job`` are Job's attributes, where they aren't those of a long fronted connection."""
    (client, client_leg), (upstream, upstream_leg) = await pair(), await pair()
    own, timers = Readiness(), Timers()
    settings: dict[str, Any] = {"client_unread": b"", "preamble": b"", "ciphers": None, "idle_timeout": 600.0}
    told: list[tuple[int, int, bool]] = []
    described = Job(client_leg, upstream_leg, **(settings | job))
    session = Session(described, lambda *news: told.append(news), readiness or own, timers)
    task = asyncio.create_task(session.run())
    await asyncio.sleep(0)  # a task that is cancelled before its first step would leave the legs open
    try:
        yield Running(client, upstream, (client_leg, upstream_leg), session, task, told)
    finally:
        task.cancel()
        await asyncio.wait([task])
        timers.close()
        own.close()
        for sock in (client, upstream):
            sockets.close(sock)


def now() -> float:
    return asyncio.get_running_loop().time()


async def fill(sock: socket.socket) -> int:
    """Send for as long as the other end's relay takes anything."""
    sent = refused = 0
    while refused < 20:
        try:
            sent += sock.send(bytes(1 << 16))
            refused = 0
        except BlockingIOError:
            refused += 1
        await asyncio.sleep(0)
    return sent
