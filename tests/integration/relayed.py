"""A relay alone, without a proxy around it: a job between two TCP connections, the far ends of which a test has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from integration.pair import RawEnd
from integration.stage import open_fds, tcp_pair
from mtglib.relay.choice import ChosenRelay
from mtglib.relay.job import Job, RelayResult
from support import sockets

_LIMIT_SECONDS = 15.0


@dataclass
class Relayed:
    """The two peers of a job that runs.

    Attributes:
        client, upstream: The peers' ends.
        running: The job.
        relays: The relay that runs it.
        told: What `on_traffic` was called with.
        turns: Counts how often the relay has woken up so far.
    """

    client: RawEnd
    upstream: RawEnd
    running: asyncio.Task[RelayResult]
    relays: ChosenRelay
    turns: Callable[[], int]
    told: list[tuple[int, int, bool]] = field(default_factory=list)

    def end(self, side: str) -> RawEnd:
        """The peer on that side."""
        return self.client if side == "client" else self.upstream

    async def reason(self) -> str:
        """Wait for the end of the job; why it is over."""
        return str((await self.running).reason)


@asynccontextmanager
async def relayed(relay: str, **job: Any) -> AsyncIterator[Relayed]:
    """Start a job; ``job`` are Job's attributes, where they aren't those of a long fronted connection."""
    async with asyncio.timeout(_LIMIT_SECONDS), engine(relay) as relays, run(relays, **job) as running:
        yield running


@asynccontextmanager
async def engine(relay: str) -> AsyncIterator[ChosenRelay]:
    """Make a relay, and see that it gives all descriptors back."""
    before, relays = open_fds(), ChosenRelay(relay)
    yield relays
    await relays.close()
    assert open_fds() - before == set()


@asynccontextmanager
async def run(relays: ChosenRelay, *, client_waiting: bytes = b"", **job: Any) -> AsyncIterator[Relayed]:
    """Start a job with this relay, see `relayed`; it is aborted at the end. ``client_waiting`` was sent before."""
    (client, client_leg), (upstream, upstream_leg) = await tcp_pair(), await tcp_pair()
    client.send(client_waiting)
    settings: dict[str, Any] = {"client_unread": b"", "preamble": b"", "ciphers": None, "idle_timeout": 600.0}
    settings["not_sent_low_water_bytes"] = 128 * 1024
    told: list[tuple[int, int, bool]] = []
    coroutine = relays.run(Job(client_leg, upstream_leg, **(settings | job)), lambda *news: told.append(news))
    task = asyncio.create_task(coroutine, name="test-relayed")
    await asyncio.sleep(0)  # a task that is cancelled before it has begun would leave the sockets open
    try:
        yield Relayed(RawEnd(client), RawEnd(upstream), task, relays, _turns(relays), told)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        for sock in (client, upstream):
            sockets.close(sock)


def _turns(relays: ChosenRelay) -> Callable[[], int]:
    """Count the turns of the engine's threads, or the pure relay's events and looks."""
    relay: Any = relays._relay
    if relays.description == "native":
        return lambda: int(relay._engine.turns())
    if not hasattr(relay, "counted_turns"):
        relay.counted_turns = 0
        loop, readiness, timers = asyncio.get_running_loop(), relay._readiness, relay._timers
        loop.add_reader(readiness._epoll.fileno(), _counted(relay, readiness._dispatch))
        timers._ring = _counted(relay, timers._ring)
    return lambda: int(relay.counted_turns)


def _counted(relay: Any, call: Callable[[], None]) -> Callable[[], None]:
    def counting() -> None:
        relay.counted_turns += 1
        call()

    return counting


def take(end: RawEnd, max_bytes: int) -> bytes:
    """Read what is there, without waiting; b"" also where nothing is, or the end."""
    try:
        return end.sock.recv(max_bytes)
    except (BlockingIOError, ConnectionResetError):
        return b""
