"""One job of the pure relay.

Each direction reads a chunk, transforms it and sends all of it before it reads again. That gives back pressure, and
makes one rule easy to see: bytes that were read are delivered, or their sender is reset.

An end of stream is passed on as a half-close, and the session ends when both directions have ended. When one side is
lost, all data from it, including what is still unread in our kernel's buffer, is delivered to the other side until that
peer's kernel has it; then that side is reset. Meanwhile, data from the living side is read and discarded.

After a bad record, upstream gets what came before it and an end of stream, and the client an alert.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial

from ..ground.reset import reset
from ..readiness import ENDED, LOST, READABLE, WRITABLE, Readiness
from ..reasons import Reason
from ..tls_alert import send_alert
from ..wire.record_stream import RecordDecoder, encode_records
from ..wire.tls_records import FULL_RECORD_BYTES
from .backlog import Backlog
from .direction import NOTHING, Direction
from .job import READ_AHEAD_BYTES, Job, OnTraffic, RelayResult
from .recrypt import Transform, recrypt
from .shaper import Shaper
from .sockets import be_forgotten_soon, make_room, tune, unacknowledged_bytes, unread_bytes, unsent_bytes
from .timers import Timers

_READ_BYTES = 4 * FULL_RECORD_BYTES
_LEAST_PAUSE_SECONDS = 0.001
_RECORDS_A_TURN = 32
"""The most records of one client unwrapped before it is the others' turn: empty ones cost their sender little."""


class _StoppedError(Exception):
    """A direction can't go on, and `Session` knows why."""


class Session:
    """One job."""

    tick: int | None = None

    def __init__(self, job: Job, on_traffic: OnTraffic, readiness: Readiness, timers: Timers) -> None:
        self._job = replace(job, client_unread=b"", preamble=b"", ciphers=None)  # all that lasts
        self._client_unread, self._preamble = job.client_unread, job.preamble
        self._is_telegram = job.ciphers is not None
        self._on_traffic = on_traffic
        self._readiness = readiness
        self._timers = timers
        self._loop = asyncio.get_running_loop()
        self._up = Direction(job.client, job.upstream, passes_urgent=job.ciphers is None)
        self._down = Direction(job.upstream, job.client, passes_urgent=job.ciphers is None)
        if job.ciphers is not None:
            self._up.transform = recrypt(job.ciphers.client_decrypt, job.ciphers.dc_encrypt)
            if job.ciphers.dc_decrypt is not None and job.ciphers.client_encrypt is not None:
                self._down.transform = recrypt(job.ciphers.dc_decrypt, job.ciphers.client_encrypt)
        self._tasks: dict[Direction, asyncio.Task[None]] = {}
        self._discarding: asyncio.Task[None] | None = None
        self._on_end: asyncio.Future[Reason] = self._loop.create_future()
        self._first_eof: Reason | None = None
        self._loss: tuple[Reason, Direction] | None = None
        self._backlog: Backlog | None = None  # of the living side or, after upstream's end, of the client
        self._active_at_mono = self._loop.time()
        if job.shape is not None and job.ciphers is not None:
            self._down.shaper = Shaper(job.shape, self._active_at_mono)
        self._started_mono = time.monotonic()  # which is finer than a loop's clock may be
        self._first_byte_seconds: float | None = None
        self._from_client_bytes = self._to_client_bytes = 0
        self._upstream_ended = False
        self._resets_client = False
        self._reported = (0, 0, False)

    async def run(self) -> RelayResult:
        """Relay to the end, and close both sockets."""
        try:
            for sock in (self._job.client, self._job.upstream):
                tune(sock, self._job.not_sent_low_water_bytes)
                self._readiness.call(sock.fileno(), LOST, partial(self._lose_broken, sock))
            if self._down.shaper is not None and self._down.shaper.waits:
                make_room(self._job.upstream)
            if self._job.half_closed_timeout is not None:
                self._readiness.call(self._job.upstream.fileno(), ENDED, self._note_upstreams_end)
            for direction, work in ((self._up, self._upload), (self._down, self._download)):
                self._tasks[direction] = self._loop.create_task(self._pump(direction, work), name="mtg-relay")
            self._timers.set(self, self._next_look_mono(self._deadline_mono()))
            reason = await self._on_end
        finally:
            tasks = [*self._tasks.values(), *([self._discarding] if self._discarding else [])]
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                self._close()
                self.report_traffic()
        return RelayResult(self._from_client_bytes, self._to_client_bytes, reason, self._first_byte_seconds)

    def report_traffic(self) -> None:
        """Report the traffic since the last time, if any."""
        now = (self._from_client_bytes, self._to_client_bytes, self._upstream_ended)
        if now != self._reported:
            up, down = now[0] - self._reported[0], now[1] - self._reported[1]
            self._reported = now
            self._on_traffic(up, down, self._upstream_ended)

    def look(self) -> None:
        """Poll: whether a peer's kernel has acknowledged bytes, and whether a time-out has passed."""
        if self._on_end.done():
            return
        now_mono = self._loop.time()
        if self._backlog is not None:
            self._backlog.note_left(now_mono, self._left_bytes())
        if (deadline_mono := self._deadline_mono()) <= now_mono:
            if self._upstream_ended and self._job.half_closed_timeout is not None:
                be_forgotten_soon(self._job.client)  # the site's kernel has forgotten it
            self._end(self._loss[0] if self._loss else Reason.IDLE)
        elif self._loss and self._loss[1].is_over and self._backlog and not self._backlog.left_bytes:
            self._end(self._loss[0])
        else:
            self._timers.set(self, self._next_look_mono(deadline_mono))

    async def _pump(self, direction: Direction, work: Callable[[], Coroutine[None, None, None]]) -> None:
        try:
            await work()
        except _StoppedError:
            pass
        except Exception as error:
            if not self._on_end.done():
                self._on_end.set_exception(error)
        direction.is_over = True
        if not self._end_if_all_is_delivered() and self._up.is_over and self._down.is_over and not self._loss:
            assert self._first_eof is not None
            self._end(self._first_eof)

    async def _upload(self) -> None:
        decoder = RecordDecoder()
        await self._deliver(self._up, self._preamble, counted=False)
        self._preamble = b""
        received, self._client_unread = self._client_unread, b""
        if received and not self._is_telegram:
            # What has come meanwhile goes into the same segment. A site that closes while bytes are unread ends with a
            # RST; if it got the same bytes in parts, it might end with a FIN.
            received += self._receive_now(self._up) or b""
        while received := received or await self._receive(self._up):
            if self._is_telegram:
                await self._deliver_payload(received, decoder)
            else:
                await self._deliver(self._up, received)
            received = b""  # it isn't kept while we wait for more
        self._end_direction(self._up)

    async def _deliver_payload(self, received: bytes, decoder: RecordDecoder) -> None:
        """Deliver what the client's records hold, a few records a turn of the event loop."""
        while received:
            payload, consumed_bytes, error = decoder.feed_part(received, _RECORDS_A_TURN)
            await self._deliver(self._up, self._up.transform(payload))
            received = received[consumed_bytes:]
            if error is not None:
                self._refuse(len(received))
                raise _StoppedError
            if received:
                await asyncio.sleep(0)

    def _refuse(self, behind_bytes: int) -> None:
        """End as a TLS server does after a record that no client may send, and so many bytes behind its header."""
        if self._loss is not None:
            return
        self._tasks[self._down].cancel()
        if not self._down.pending:
            send_alert(self._job.client)
        self._down.pending = NOTHING
        self._resets_client = behind_bytes > READ_AHEAD_BYTES
        self._end(Reason.BAD_RECORD)

    async def _download(self) -> None:
        encode: Transform = encode_records if self._is_telegram else bytes
        if (shaper := self._down.shaper) is not None:
            encode = shaper.encode
        while received := await self._receive(self._down):
            received_bytes = len(received)
            if self._first_byte_seconds is None:
                self._first_byte_seconds = time.monotonic() - self._started_mono
            self._to_client_bytes += received_bytes
            received = encode(self._down.transform(received))
            await self._deliver(self._down, received)
            del received  # it isn't kept while we wait for more
            if shaper is not None and (pause_seconds := shaper.begin_pause(self._loop.time(), received_bytes)):
                await asyncio.sleep(pause_seconds)
        self._end_direction(self._down)

    async def _receive(self, direction: Direction) -> bytes:
        while True:
            await asyncio.sleep(0)  # otherwise two sockets that are always ready would keep the event loop busy
            if direction.shaper is not None:
                await self._plan(direction.source, direction.shaper)
            if not direction.has_to_wait:
                if (data := self._receive_now(direction)) is not None:
                    return data
                if direction.source_is_lost:
                    return b""
            await direction.wait(self._readiness)

    async def _plan(self, source: socket.socket, shaper: Shaper) -> None:
        """Plan the next records, as soon as it is time to."""
        while seconds := shaper.plan(self._loop.time(), unread_bytes(source)):
            await asyncio.sleep(seconds)

    def _receive_now(self, direction: Direction) -> bytes | None:
        """Return the available bytes, b"" at the end, None if it would block."""
        max_bytes = _READ_BYTES if direction.shaper is None else direction.shaper.planned_bytes
        try:
            return direction.receive(max_bytes)
        except BlockingIOError:
            return None
        except OSError:
            self._lose(direction.source, self._reset_by(direction.source))
            return b""

    async def _deliver(self, direction: Direction, data: bytes, *, counted: bool = True) -> None:
        direction.pending = memoryview(data)
        while direction.pending:
            try:
                sent = direction.send_pending()
            except BlockingIOError:
                await self._readiness.wait(direction.sink.fileno(), WRITABLE)
            except OSError as error:
                self._lose(direction.sink, self._reset_by(direction.sink), had_ended=error.errno == errno.EPIPE)
                raise _StoppedError from None
            else:
                direction.pending = direction.pending[sent:]
                self._active_at_mono = self._loop.time()
                if self._backlog is not None:
                    self._backlog.taken_at_mono = self._active_at_mono
                if direction.shaper is not None:
                    direction.shaper.note_sent(self._active_at_mono)
                if counted and direction is self._up:
                    self._from_client_bytes += sent
        direction.pending = NOTHING  # an empty slice would keep all of it

    def _end_direction(self, direction: Direction) -> None:
        if direction.source_is_lost and not direction.source_had_ended:
            return
        self._first_eof = self._first_eof or (Reason.CLIENT_EOF if direction is self._up else Reason.UPSTREAM_EOF)
        try:
            direction.sink.shutdown(socket.SHUT_WR)
        except OSError:
            self._lose(direction.sink, self._reset_by(direction.sink))
            raise _StoppedError from None
        if direction is self._down:
            self._note_upstreams_end()

    def _note_upstreams_end(self) -> None:
        """Note that upstream has ended its side; the client may not have taken all bytes before that."""
        self._upstream_ended = True
        if self._job.half_closed_timeout is not None and self._backlog is None:
            self._watch_backlog()

    def _lose_broken(self, dead: socket.socket) -> None:
        """Handle an error of `dead`: on Linux, EPIPE means that it had ended its side before it was reset."""
        had_ended = dead.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.EPIPE
        self._lose(dead, self._reset_by(dead), had_ended=had_ended)

    def _lose(self, dead: socket.socket, reason: Reason, *, had_ended: bool = False) -> None:
        """Handle the loss of `dead`: deliver only its bytes, and its end of stream if it `had_ended` its side."""
        if self._on_end.done():
            return
        if self._loss is not None:
            if dead is self._loss[1].sink:  # now both are lost
                self._end(self._loss[0])
            return
        from_dead, to_dead = (self._up, self._down) if dead is self._job.client else (self._down, self._up)
        self._loss = (reason, from_dead)
        self._upstream_ended = self._upstream_ended or dead is self._job.upstream
        from_dead.source_is_lost = True
        from_dead.source_had_ended = had_ended
        to_dead.pending = NOTHING
        if (task := self._tasks.get(to_dead)) is not None and task is not asyncio.current_task():
            task.cancel()
        self._watch_backlog()
        self._look_again_soon()
        self._discarding = self._loop.create_task(self._discard(from_dead.sink))

    async def _discard(self, living: socket.socket) -> None:
        """Read and discard bytes, so that the peer isn't blocked from reading."""
        with memoryview(bytearray(_READ_BYTES)) as nowhere:
            while True:
                await asyncio.sleep(0)
                try:
                    if not living.recv_into(nowhere):
                        return
                except BlockingIOError:
                    await self._readiness.wait(living.fileno(), READABLE)
                except OSError:
                    self._lose(living, self._reset_by(living))
                    return

    def _watch_backlog(self) -> None:
        self._backlog = Backlog(self._loop.time(), 0)
        self._backlog.left_bytes = self._left_bytes()
        if self._loss and self._loss[1].pending:  # it has been waiting for some time
            self._backlog.taken_at_mono = self._active_at_mono
        self._timers.set(self, self._next_look_mono(self._deadline_mono()))

    def _left_bytes(self) -> int:
        """Count the bytes that were read and that the kernel of the living side, or the client's, doesn't have yet."""
        direction = self._loss[1] if self._loss else self._down
        if self._reset_waits_for_acknowledgement():
            in_the_kernel_bytes = max(unacknowledged_bytes(direction.sink) - 1, 0)  # our FIN may be later
        elif self._loss and not self._is_telegram:
            # A lost site's own kernel doesn't wait for a visitor's either: its reset follows what it has sent.
            in_the_kernel_bytes = unsent_bytes(direction.sink)
        else:
            in_the_kernel_bytes = unacknowledged_bytes(direction.sink)
        return len(direction.pending) + in_the_kernel_bytes

    def _reset_waits_for_acknowledgement(self) -> bool:
        """Return whether a reset counts once the living side's kernel has everything: it came after a FIN.

        That is the kernel's answer to bytes for a program that has closed. If the visitor had sent them before it got
        the FIN, it ignores this reset, as it isn't what comes next (RFC 5961, 3.2). Its acknowledgement is answered
        with another one.
        """
        return self._loss is not None and self._loss[1].source_had_ended and not self._is_telegram

    def _look_again_soon(self) -> None:
        """Poll for an acknowledgement: at first every millisecond, then a sixteenth late."""
        if self._backlog is not None and self._reset_waits_for_acknowledgement() and not self._on_end.done():
            passed_seconds = self._loop.time() - self._backlog.begun_at_mono
            self._loop.call_later(max(passed_seconds / 16, _LEAST_PAUSE_SECONDS), self._look_once_more)

    def _look_once_more(self) -> None:
        self.look()
        self._look_again_soon()

    def _deadline_mono(self) -> float:
        job, backlog = self._job, self._backlog
        idle_at_mono = self._active_at_mono + job.idle_timeout
        if backlog is None:
            return idle_at_mono
        if self._loss:
            return min(backlog.taken_at_mono + job.delivery_timeout, backlog.begun_at_mono + job.idle_timeout)
        return min(idle_at_mono, backlog.taken_at_mono + (job.half_closed_timeout or job.idle_timeout))

    def _next_look_mono(self, deadline_mono: float) -> float:
        if self._backlog is not None and (self._loss or self._backlog.left_bytes):
            return min(deadline_mono, self._backlog.next_look_mono)
        return deadline_mono

    def _end_if_all_is_delivered(self) -> bool:
        if self._loss and self._loss[1].is_over and not self._left_bytes():
            self._end(self._loss[0])
        return self._on_end.done()

    def _end(self, reason: Reason) -> None:
        if not self._on_end.done():
            self._on_end.set_result(reason)

    def _reset_by(self, sock: socket.socket) -> Reason:
        return Reason.CLIENT_RESET if sock is self._job.client else Reason.UPSTREAM_RESET

    def _close(self) -> None:
        self._timers.remove(self)
        abrupt = bool(self._loss or self._up.pending or self._down.pending)
        for sock in (self._job.client, self._job.upstream):
            self._readiness.forget(sock.fileno())
            if abrupt or (self._resets_client and sock is self._job.client):
                reset(sock)
            else:
                sock.close()
