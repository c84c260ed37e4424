"""The pure relay: many sessions, one set of descriptors, and what everybody is told of them."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import tracemalloc

import pytest

from mtglib import Reason
from mtglib.relay.job import Job, RelayResult, TelegramCiphers
from mtglib.relay.pure import PureRelay
from mtglib.relay.session import Session
from mtglib.wire.aes_ctr import CipherState
from mtglib.wire.record_stream import encode_records
from support import sockets
from support.timeless import TimelessLoop, timeless
from unit.surroundings import nonblocking_pair

Told = list[tuple[int, int, bool]]


def start(
    relay: PureRelay, idle_timeout: float = 600.0, client_unread: bytes = b"", ciphers: TelegramCiphers | None = None
) -> tuple[socket.socket, socket.socket, Told, asyncio.Task[RelayResult]]:
    """Start a job; return the client's end, the upstream's end, what is told of it, and its task."""
    (client, client_leg), (upstream, upstream_leg) = nonblocking_pair(), nonblocking_pair()
    told: Told = []
    job = Job(client_leg, upstream_leg, client_unread, b"", ciphers, idle_timeout)
    return client, upstream, told, asyncio.create_task(relay.run(job, lambda *news: told.append(news)))


@timeless
async def test_jobs_at_once_do_not_mix_and_each_has_its_own_end() -> None:
    relay = PureRelay()
    jobs = [start(relay) for _ in range(20)]
    for number, (client, upstream, _, _) in enumerate(jobs):
        client.send(b"from %d" % number)
        upstream.send(b"to %d" % number)
    for number, (client, upstream, _, _) in enumerate(jobs):
        sockets.send_eof(client)
        sockets.send_eof(upstream)
        assert await sockets.recv_until_end(upstream) == sockets.Received(b"from %d" % number, "eof")
        assert await sockets.recv_until_end(client) == sockets.Received(b"to %d" % number, "eof")

    for number, (client, upstream, _, task) in enumerate(jobs):
        result = await task
        assert (result.from_client_bytes, result.to_client_bytes) == (len(f"from {number}"), len(f"to {number}"))
        sockets.close(client)
        sockets.close(upstream)
    await relay.close()


@timeless
async def test_what_moves_is_told_each_second_and_at_once_to_who_asks() -> None:
    relay = PureRelay()
    client, upstream, told, task = start(relay)
    client.send(b"12345")
    await sockets.recv_exactly(upstream, 5)
    assert told == []
    await asyncio.sleep(1.01)
    assert told == [(5, 0, False)]
    upstream.send(b"123")
    await sockets.recv_exactly(client, 3)
    relay.report()
    assert told == [(5, 0, False), (0, 3, False)]
    task.cancel()
    await asyncio.wait([task])

    relay.report()
    await asyncio.sleep(5)
    assert told == [(5, 0, False), (0, 3, False)], "of a job that is over nothing more is told"
    for sock in (client, upstream):
        sockets.close(sock)
    await relay.close()


def waits() -> int:
    """How often the loop has waited for a timer."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, TimelessLoop)
    return loop.waits


async def over(client: socket.socket, upstream: socket.socket, task: asyncio.Task[RelayResult]) -> RelayResult:
    """End a job, and wait for that."""
    sockets.close(client)
    sockets.close(upstream)
    return await task


@timeless
async def test_without_a_job_nothing_rings_but_what_runs_out_by_itself() -> None:
    relay = PureRelay()
    client, upstream, _, task = start(relay, idle_timeout=3.0)
    assert (await task).reason is Reason.IDLE
    await over(client, upstream, task)
    await asyncio.sleep(2)
    before = waits()
    await asyncio.sleep(100)

    assert waits() == before + 1
    await relay.close()


@timeless
async def test_once_closed_it_rings_no_more() -> None:
    relay = PureRelay()
    client, upstream, _, task = start(relay)
    await asyncio.sleep(0.5)
    assert (await over(client, upstream, task)).reason is Reason.CLIENT_EOF
    await relay.close()
    before = waits()
    await asyncio.sleep(1000)

    assert waits() == before + 1


@timeless
async def test_of_a_job_that_is_over_nothing_is_kept() -> None:
    relay = PureRelay()
    client, upstream, _, task = start(relay)
    await over(client, upstream, task)
    gc.collect()

    assert not [found for found in gc.get_objects() if isinstance(found, Session)]
    await relay.close()


@pytest.mark.parametrize("kind", ["site", "fast", "re-encrypted"])
async def test_of_what_a_running_job_has_moved_nothing_is_kept(kind: str) -> None:
    state = CipherState(bytes(32), bytes(16), 0)
    other = None if kind == "fast" else state
    ciphers = None if kind == "site" else TelegramCiphers(state, state, other, other)
    chunk = bytes(16_000) if ciphers is None else encode_records(bytes(16_000))
    relay = PureRelay()
    jobs = [start(relay, client_unread=chunk * 8, ciphers=ciphers)]
    await pass_on(*jobs[0][:2], chunk, 8 * 16_000)
    tracemalloc.start()
    try:
        jobs += [start(relay, client_unread=chunk * 8, ciphers=ciphers) for _ in range(8)]
        for client, upstream, _, _ in jobs[1:]:
            await pass_on(client, upstream, chunk, 8 * 16_000)
        gc.collect()
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    for client, upstream, _, task in jobs:
        await over(client, upstream, task)
    await relay.close()

    assert kept_bytes < 8 * 12_000


async def pass_on(client: socket.socket, upstream: socket.socket, chunk: bytes, said_bytes: int) -> None:
    """Take what the client had said, and send one chunk each way."""
    await sockets.recv_exactly(upstream, said_bytes)
    await sockets.send_all(client, chunk)
    await sockets.recv_exactly(upstream, 16_000)
    await sockets.send_all(upstream, bytes(16_000))
    await sockets.recv_exactly(client, len(chunk))


@pytest.mark.parametrize("jobs", [0, 3])
@timeless
async def test_it_gives_every_descriptor_back(jobs: int) -> None:
    before = set(os.listdir("/proc/self/fd"))
    relay = PureRelay()
    for _ in range(jobs):
        client, upstream, _, task = start(relay, idle_timeout=0.1)
        await task
        sockets.close(client)
        sockets.close(upstream)
    await relay.close()
    await relay.close()

    assert set(os.listdir("/proc/self/fd")) == before
