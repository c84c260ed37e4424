"""The Python side of the native engine, over an engine of the test's own."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator

import pytest

import mtglib
from mtglib.reasons import Reason
from mtglib.relay.job import Job, PageRecords, RelayResult, Shape, TelegramCiphers, TimedRecord
from mtglib.wire.aes_ctr import CipherState
from support.timeless import timeless

if mtglib.engine_description() != "native":
    pytest.skip(f"no native relay: {mtglib.engine_description()}", allow_module_level=True)

from mtglib._engine import RecordShape
from mtglib.relay import native
from mtglib.relay.native import NativeRelay


class FakeEngine:
    """Does what the test says: `end` and `move` are what real jobs would do."""

    def __init__(self, threads: int) -> None:
        self.submitted: list[tuple[object, ...]] = []
        self.aborted: list[int] = []
        self.closed = False
        self._ends: list[tuple[int, int, int, bool, str, float | None]] = []
        self._moves: list[tuple[int, int, int, bool]] = []
        self._completion = os.eventfd(0, os.EFD_NONBLOCK)

    def completion_fd(self) -> int:
        return self._completion

    def submit(self, client_fd: int, upstream_fd: int, *rest: object) -> int:
        os.close(client_fd)
        os.close(upstream_fd)
        self.submitted.append(rest)
        return len(self.submitted) - 1

    def abort(self, number: int) -> None:
        self.aborted.append(number)

    def end(self, number: int, up: int, down: int, reason: str, *, upstream_ended: bool = False) -> None:
        self._ends.append((number, up, down, upstream_ended, reason, 0.5 if down else None))
        os.eventfd_write(self._completion, 1)

    def move(self, number: int, up: int, down: int, *, upstream_ended: bool = False) -> None:
        self._moves.append((number, up, down, upstream_ended))

    def completed(self) -> list[tuple[int, int, int, bool, str, float | None]]:
        os.eventfd_read(self._completion)
        ends, self._ends = self._ends, []
        return ends

    def progress(self) -> list[tuple[int, int, int, bool]]:
        moves, self._moves = self._moves, []
        return moves

    def close(self) -> None:
        os.close(self._completion)
        self.closed = True


class Running:
    """A relay over a FakeEngine, and a way to start jobs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[FakeEngine] = []

        def make(threads: int) -> FakeEngine:
            made.append(FakeEngine(threads))
            return made[0]

        monkeypatch.setattr(native, "_Engine", make)  # nothing else ends and moves jobs when a test says so
        self.relay = NativeRelay()
        (self.engine,) = made
        self.told: list[tuple[int, int, bool]] = []

    async def start(
        self, ciphers: TelegramCiphers | None = None, shape: Shape | None = None
    ) -> asyncio.Task[RelayResult]:
        """Start a job; it is submitted when this returns."""
        job = Job(*socket.socketpair(), b"unread", b"preamble", ciphers, 7.5, 6.5, 5.5, shape, 9000)
        task = asyncio.create_task(self.relay.run(job, lambda *told: self.told.append(told)))
        await asyncio.sleep(0)
        return task


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A relay over a FakeEngine."""
    running = Running(monkeypatch)
    yield running
    if not running.engine.closed:
        await running.relay.close()
    assert running.engine.closed


def state(number: int) -> CipherState:
    return CipherState(bytes((number,)) * 32, bytes((number,)) * 16, number)


async def test_a_job_crosses_with_all_that_it_says(running: Running) -> None:
    tasks = [
        await running.start(),
        await running.start(TelegramCiphers(state(1), state(2), None, None)),
        await running.start(TelegramCiphers(state(1), state(2), state(3), state(4))),
    ]
    for number in range(3):
        running.engine.end(number, 0, 0, "idle")
    await asyncio.gather(*tasks)

    assert [submitted[:2] + submitted[3:] for submitted in running.engine.submitted] == [
        (b"unread", b"preamble", 7.5, 6.5, 5.5, None, 9000)
    ] * 3
    parts = [(state(n).key, state(n).iv, n) for n in range(5)]
    assert [submitted[2] for submitted in running.engine.submitted] == [None, parts[1:3], parts[1:5]]


async def test_jobs_of_one_shape_share_the_engines_copy(running: Running) -> None:
    shapes = [Shape(pages=(PageRecords((TimedRecord(700, 0.0),), 0),)) for _ in "12"]
    tasks = [await running.start(shape=shape) for shape in (shapes[0], shapes[0], shapes[1])]
    for number in range(3):
        running.engine.end(number, 0, 0, "idle")
    await asyncio.gather(*tasks)

    first, second, third = [submitted[-2] for submitted in running.engine.submitted]
    assert first is second
    assert first is not third
    assert isinstance(third, RecordShape)


async def test_nothing_of_a_job_is_kept_for_as_long_as_it_runs(running: Running) -> None:
    job = Job(*socket.socketpair(), bytes(240_000), b"", None, 7.5)
    references = sys.getrefcount(job)
    task = asyncio.create_task(running.relay.run(job, print))
    await asyncio.sleep(0)

    assert sys.getrefcount(job) == references
    running.engine.end(0, 0, 0, "idle")
    await task


async def test_progress_and_end_together_tell_each_byte_once(running: Running) -> None:
    task = await running.start()
    for up, down in ((5, 0), (3, 100)):
        running.engine.move(0, up, down)
        running.relay.report()
    running.engine.end(0, 10, 100, "client_eof")

    assert await task == RelayResult(10, 100, Reason.CLIENT_EOF)
    assert running.told == [(5, 0, False), (3, 100, False), (2, 0, False)]


async def test_an_end_without_news_tells_nothing_more(running: Running) -> None:
    task = await running.start()
    running.engine.move(0, 5, 6)
    running.relay.report()
    running.engine.end(0, 5, 6, "idle")
    await task
    running.engine.move(0, 1, 1)
    running.relay.report()

    assert running.told == [(5, 6, False)], "and nothing of a job that is over"


@timeless
async def test_many_jobs_are_reported_bit_by_bit_and_each_byte_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running = Running(monkeypatch)
    tasks = [await running.start() for _ in range(200)]
    for number in range(200):
        running.engine.move(number, 1, 0)
    await asyncio.sleep(1.01)
    assert len(running.told) == 10, "once a second, a twentieth at a time"
    running.engine.end(199, 1, 5, "idle")
    await tasks[199]
    assert running.told[-1] == (1, 5, False), "what was not told of a job that ends is told then"
    await asyncio.sleep(4 * 0.04)
    assert len(running.told) == 51
    running.engine.move(198, 2, 0)
    running.relay.report()

    assert len(running.told) == 201, "who asks is told all the rest at once"
    assert sum(up for up, _, _ in running.told) == 202
    for number in range(199):
        running.engine.end(number, 1 if number < 198 else 3, 0, "idle")
    await asyncio.gather(*tasks)
    assert len(running.told) == 201
    await running.relay.close()


async def test_once_closed_it_reports_no_more(running: Running) -> None:
    tasks = [await running.start() for _ in range(native._LEAST_PART + 1)]
    for number in range(len(tasks)):
        running.engine.move(number, 1, 0)
    running.relay._report_bit_by_bit()
    next_part = running.relay._next_part
    for number in range(len(tasks)):
        running.engine.end(number, 1, 0, "idle")
    await asyncio.gather(*tasks)
    await running.relay.close()

    assert next_part is not None
    assert next_part.cancelled()


async def test_upstreams_end_is_told_once_and_with_all_that_follows(running: Running) -> None:
    task = await running.start()
    running.engine.move(0, 0, 0, upstream_ended=True)
    running.relay.report()
    running.engine.move(0, 1, 0, upstream_ended=True)
    running.relay.report()
    running.engine.end(0, 1, 0, "upstream_eof", upstream_ended=True)
    await task

    assert running.told == [(0, 0, True), (1, 0, True)]


async def test_upstreams_end_that_comes_with_the_jobs_is_told(running: Running) -> None:
    task = await running.start()
    running.engine.end(0, 0, 0, "upstream_reset", upstream_ended=True)
    await task

    assert running.told == [(0, 0, True)]


async def test_several_ends_at_once_go_to_their_own_jobs(running: Running) -> None:
    tasks = [await running.start() for _ in range(3)]
    for number, reason in ((2, "idle"), (0, "bad_record"), (1, "upstream_reset")):
        running.engine.end(number, number, 0, reason)

    results = await asyncio.gather(*tasks)

    assert [(result.from_client_bytes, str(result.reason)) for result in results] == [
        (0, "bad_record"),
        (1, "upstream_reset"),
        (2, "idle"),
    ]


@pytest.mark.parametrize("times", [1, 3])
async def test_cancelling_aborts_once_and_waits_for_the_last_counts(running: Running, times: int) -> None:
    task = await running.start()
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    assert running.engine.aborted == [0]

    running.engine.end(0, 1, 2, "shutdown")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running.told == [(1, 2, False)]


async def test_a_job_that_ended_while_it_was_cancelled_is_not_aborted(running: Running) -> None:
    task = await running.start()
    asyncio.get_running_loop().call_soon(task.cancel)  # in the turn of the event loop that hears of the end
    running.engine.end(0, 1, 2, "idle")

    with pytest.raises(asyncio.CancelledError):
        await task
    assert running.engine.aborted == []
    assert running.told == [(1, 2, False)]
