"""The Python side of the native engine: hands out jobs, and gets all results through one descriptor."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from typing import TypeAlias

from .._engine import Engine as _Engine
from .._engine import RecordShape as _RecordShape
from ..reasons import RELAY_ENDS
from ..wire.aes_ctr import CipherState
from .job import Job, OnTraffic, RelayLoad, RelayResult, Shape
from .ticker import Ticker

_News: TypeAlias = tuple[int, int, int, bool]
"""Job, bytes from client, bytes to client, whether upstream has ended its side."""

_REASONS = {str(reason): reason for reason in RELAY_ENDS}
_PARTS = 20
_LEAST_PART = 8
_PART_EACH_SECONDS = 0.04


def thread_count() -> int:
    """Return how many threads an engine gets: one for each core this process may use."""
    return len(os.sched_getaffinity(0))


class _Running:
    """A job in the engine.

    Attributes:
        on_traffic: As in `Relay.run`.
        on_end: Done when it is over.
        from_client_bytes, to_client_bytes, upstream_ended: What `on_traffic` was told so far, in all.
    """

    __slots__ = ("from_client_bytes", "on_end", "on_traffic", "to_client_bytes", "upstream_ended")

    def __init__(self, on_traffic: OnTraffic, on_end: asyncio.Future[RelayResult]) -> None:
        self.on_traffic = on_traffic
        self.on_end = on_end
        self.from_client_bytes = 0
        self.to_client_bytes = 0
        self.upstream_ended = False


class NativeRelay:
    """Hands jobs to the engine's threads."""

    def __init__(self) -> None:
        self._engine = _Engine(thread_count())
        self._loop = asyncio.get_running_loop()
        self._running: dict[int, _Running] = {}
        self._untold: list[_News] = []
        self._last_shape: tuple[Shape, _RecordShape] | None = None
        self._part = 0
        self._next_part: asyncio.TimerHandle | None = None
        self._ticker = Ticker(self._report_bit_by_bit)
        self._loop.add_reader(self._engine.completion_fd(), self._complete)

    async def run(self, job: Job, on_traffic: OnTraffic) -> RelayResult:
        """See `Relay.run`."""
        number = self._submit(job)
        del job  # it would stay in memory as long as the relay runs
        running = self._running[number] = _Running(on_traffic, self._loop.create_future())
        self._ticker.start()
        try:
            return await running.on_end
        except asyncio.CancelledError:
            await self._abort(number, running)
            raise
        finally:
            self._ticker.stop()

    def _submit(self, job: Job) -> int:
        """Hand a job out, and return its number. So many arguments would make `run`, which lasts, much larger."""
        return self._engine.submit(
            job.client.detach(),
            job.upstream.detach(),
            job.client_unread,
            job.preamble,
            _ciphers(job),
            job.idle_timeout,
            job.half_closed_timeout,
            job.delivery_timeout,
            self._record_shape(job.shape),
            job.not_sent_low_water_bytes,
        )

    def _record_shape(self, shape: Shape | None) -> _RecordShape | None:
        """Return the engine's copy. Jobs usually have the same shape, and it may hold thousands of records."""
        if shape is None:
            return None
        if self._last_shape is None or self._last_shape[0] is not shape:
            copy = _RecordShape(shape.drs, shape.pages)
            self._last_shape = shape, copy
        return self._last_shape[1]

    async def _abort(self, number: int, running: _Running) -> None:
        """End a job and wait for its last counts, however often the wait is cancelled."""
        if number not in self._running:
            return
        running.on_end = self._loop.create_future()
        self._engine.abort(number)
        while not running.on_end.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(running.on_end)

    async def close(self) -> None:
        """See `Relay.close`."""
        self._ticker.close()
        if self._next_part is not None:
            self._next_part.cancel()
        self._loop.remove_reader(self._engine.completion_fd())
        closed: asyncio.Future[None] = self._loop.create_future()
        # A daemon, so that neither the event loop nor the interpreter waits for threads of the engine that don't end.
        threading.Thread(target=self._close_engine, args=(closed,), name="mtg-engine-end", daemon=True).start()
        await closed
        del self._engine  # closes its descriptors now, not when the garbage collector runs

    def _close_engine(self, closed: asyncio.Future[None]) -> None:
        self._engine.close()
        with suppress(RuntimeError):  # the event loop is closed, so no caller is waiting
            self._loop.call_soon_threadsafe(_settle, closed)

    def _complete(self) -> None:
        for number, from_client, to_client, upstream_ended, reason, first_byte_seconds in self._engine.completed():
            running = self._running.pop(number)
            if not running.on_end.done():  # the caller only wakes up after the last traffic was reported
                result = RelayResult(from_client, to_client, _REASONS[reason], first_byte_seconds)
                running.on_end.set_result(result)
            from_client -= running.from_client_bytes
            to_client -= running.to_client_bytes
            if from_client or to_client or upstream_ended != running.upstream_ended:
                self._tell(running, from_client, to_client, upstream_ended)

    def load(self) -> RelayLoad:
        """See `Relay.load`."""
        return RelayLoad(self._engine.connections(), self._engine.buffered_bytes()[0])

    def report(self) -> None:
        """See `Relay.report`."""
        untold, self._untold = self._untold, []
        self._tell_of(untold)
        self._tell_of(self._engine.progress())

    def _report_bit_by_bit(self) -> None:
        """Spread the reports over most of a second: all at once, they would block the engine's threads."""
        self._untold += self._engine.progress()
        self._part = max(_LEAST_PART, -(-len(self._untold) // _PARTS))
        if self._next_part is None:
            self._report_part()

    def _report_part(self) -> None:
        part, self._untold = self._untold[: self._part], self._untold[self._part :]
        self._tell_of(part)
        self._next_part = None
        if self._untold:
            self._next_part = self._loop.call_later(_PART_EACH_SECONDS, self._report_part)

    def _tell_of(self, news: list[_News]) -> None:
        for number, from_client, to_client, upstream_ended in news:
            if (running := self._running.get(number)) is not None:
                self._tell(running, from_client, to_client, upstream_ended)

    def _tell(self, running: _Running, from_client: int, to_client: int, upstream_ended: bool) -> None:
        """Report traffic. One job's callback that raises must not affect the others."""
        running.from_client_bytes += from_client
        running.to_client_bytes += to_client
        running.upstream_ended = upstream_ended
        try:
            running.on_traffic(from_client, to_client, upstream_ended)
        except Exception as error:
            self._loop.call_exception_handler({"message": "traffic can't be reported", "exception": error})


def _ciphers(job: Job) -> list[CipherState] | None:
    if job.ciphers is None:
        return None
    return [state for state in job.ciphers if state is not None]


def _settle(closed: asyncio.Future[None]) -> None:
    if not closed.done():
        closed.set_result(None)
