"""The relay in plain asyncio: the fallback where the engine can't be built, and the oracle it is tested against.

A session has two directions. Each reads a chunk, transforms it and sends all of it before it reads again: that is the
back pressure, and it makes the rule easy to see that what was read is delivered, or its sender is reset.
"""

import asyncio
import socket
from collections.abc import Callable

from ..readiness import READABLE, WRITABLE, Readiness
from ..reasons import Reason
from ..wire.aes_ctr import CipherState
from ..wire.record_stream import RecordDecoder, encode_records
from .job import Job, OnTraffic, RelayResult
from .sockets import is_broken, reset, tune, undelivered_bytes
from .ticker import Ticker

_READ_BYTES = 64 * 1024
_DRAIN_POLL_SECONDS = 0.01

_Transform = Callable[[bytes], bytes]


class PureRelay:
    """Runs each job as three tasks of the event loop: one a direction, and a watchdog."""

    def __init__(self) -> None:
        self._readiness: Readiness | None = None
        self._sessions: set[_Session] = set()
        self._ticker = Ticker(self.report)

    async def run(self, job: Job, on_traffic: OnTraffic) -> RelayResult:
        """See `Relay.run`."""
        self._readiness = self._readiness or Readiness()
        session = _Session(job, on_traffic, self._readiness)
        self._sessions.add(session)
        self._ticker.start()
        try:
            return await session.run()
        finally:
            self._sessions.discard(session)
            self._ticker.stop()

    async def close(self) -> None:
        """See `Relay.close`."""
        self._ticker.close()
        if self._readiness is not None:
            self._readiness.close()

    def report(self) -> None:
        """See `Relay.report`."""
        for session in self._sessions:
            session.report_traffic()


class _BrokenError(Exception):
    """The relay can't go on, because of one side."""

    def __init__(self, reason: Reason, dead: socket.socket) -> None:
        self.reason = reason
        self.dead = dead


class _Direction:
    """One way through a session.

    Attributes:
        source, sink: The sockets.
        pending: Bytes that were read and that the sink hasn't taken yet.
        eof, source_reset, sink_reset: The session's reason if it ends like that.
    """

    def __init__(self, source: socket.socket, sink: socket.socket, *, from_client: bool) -> None:
        self.source = source
        self.sink = sink
        self.pending = memoryview(b"")
        client, upstream = Reason.CLIENT_RESET, Reason.UPSTREAM_RESET
        self.eof = Reason.CLIENT_EOF if from_client else Reason.UPSTREAM_EOF
        self.source_reset, self.sink_reset = (client, upstream) if from_client else (upstream, client)


class _Session:
    """One job."""

    def __init__(self, job: Job, on_traffic: OnTraffic, readiness: Readiness) -> None:
        self._job = job
        self._on_traffic = on_traffic
        self._readiness = readiness
        self._loop = asyncio.get_running_loop()
        self._up = _Direction(job.client, job.upstream, from_client=True)
        self._down = _Direction(job.upstream, job.client, from_client=False)
        self._first_eof: Reason | None = None
        self._stopping = False
        self._idle = False
        self._active_at_mono = self._loop.time()
        self._from_client_bytes = self._to_client_bytes = 0
        self._reported = (0, 0)

    async def run(self) -> RelayResult:
        """Relay to the end, and close both sockets."""
        pumps = [self._loop.create_task(self._upload()), self._loop.create_task(self._download())]
        watchdog = self._loop.create_task(self._watch_idleness(pumps))
        abrupt = False
        tune(self._job.client)
        tune(self._job.upstream)
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_EXCEPTION)
            reason = self._reason(pumps)
            if broken := _failure(pumps):
                abrupt = True
                await self._deliver_the_rest(pumps, broken.dead)
        finally:
            for task in (*pumps, watchdog):
                task.cancel()
            try:
                await asyncio.gather(*pumps, watchdog, return_exceptions=True)
            finally:
                self._close(abrupt)
                self.report_traffic()
        return RelayResult(self._from_client_bytes, self._to_client_bytes, reason)

    def report_traffic(self) -> None:
        """Tell what has moved since the last time, if anything has."""
        now = (self._from_client_bytes, self._to_client_bytes)
        if now != self._reported:
            up, down = now[0] - self._reported[0], now[1] - self._reported[1]
            self._reported = now
            self._on_traffic(up, down)

    def _reason(self, pumps: list[asyncio.Task[None]]) -> Reason:
        if self._idle:
            return Reason.IDLE
        if broken := _failure(pumps):
            return broken.reason
        assert self._first_eof is not None
        return self._first_eof

    async def _upload(self) -> None:
        job, decoder = self._job, RecordDecoder()
        transform = _recrypt(job.ciphers.client_decrypt, job.ciphers.dc_encrypt) if job.ciphers else bytes
        await self._deliver(self._up, job.preamble, counted=False)
        received = job.client_unread or await self._receive(self._up)
        while received:
            payload, error = decoder.feed(received) if job.ciphers else (received, None)
            await self._deliver(self._up, transform(payload))
            if error is not None:
                raise self._broken(Reason.BAD_RECORD, job.client)
            received = b"" if decoder.ended else await self._receive(self._up)
        self._end_direction(self._up)

    async def _download(self) -> None:
        ciphers = self._job.ciphers
        recrypt: _Transform = bytes
        if ciphers and ciphers.dc_decrypt and ciphers.client_encrypt:
            recrypt = _recrypt(ciphers.dc_decrypt, ciphers.client_encrypt)
        while received := await self._receive(self._down):
            self._to_client_bytes += len(received)
            payload = recrypt(received)
            await self._deliver(self._down, encode_records(payload) if ciphers else payload)
        self._end_direction(self._down)

    async def _receive(self, direction: _Direction) -> bytes:
        while not self._stopping:
            await asyncio.sleep(0)  # two sockets that are always ready would keep the event loop for themselves
            try:
                return direction.source.recv(_READ_BYTES)
            except BlockingIOError:
                await self._readiness.wait(direction.source.fileno(), READABLE)
            except OSError:
                raise self._broken(direction.source_reset, direction.source) from None
        raise asyncio.CancelledError

    async def _deliver(self, direction: _Direction, data: bytes, *, counted: bool = True) -> None:
        direction.pending = memoryview(data)
        while direction.pending:
            try:
                sent = direction.sink.send(direction.pending)
            except BlockingIOError:
                await self._readiness.wait(direction.sink.fileno(), WRITABLE)
            except OSError:
                raise self._broken(direction.sink_reset, direction.sink) from None
            else:
                direction.pending = direction.pending[sent:]
                self._active_at_mono = self._loop.time()
                if counted and direction is self._up:
                    self._from_client_bytes += sent

    def _broken(self, reason: Reason, dead: socket.socket) -> _BrokenError:
        """Stop reading at once: what a dead socket says next may look like an orderly end."""
        self._stopping = True
        return _BrokenError(reason, dead)

    def _end_direction(self, direction: _Direction) -> None:
        self._first_eof = self._first_eof or direction.eof
        try:
            direction.sink.shutdown(socket.SHUT_WR)
        except OSError:
            raise self._broken(direction.sink_reset, direction.sink) from None

    async def _deliver_the_rest(self, pumps: list[asyncio.Task[None]], dead: socket.socket) -> None:
        """Let the direction to the living side finish, down to the peer's kernel; a reset discards what isn't there."""
        for pump, direction in zip(pumps, (self._up, self._down), strict=True):
            if direction.sink is dead or not direction.pending:
                pump.cancel()
        await asyncio.wait(pumps)
        living = self._job.upstream if dead is self._job.client else self._job.client
        while undelivered_bytes(living) and not is_broken(living) and not self._idle:
            await asyncio.sleep(_DRAIN_POLL_SECONDS)  # the kernel tells nobody when a queue has drained

    async def _watch_idleness(self, pumps: list[asyncio.Task[None]]) -> None:
        while (left := self._active_at_mono + self._job.idle_timeout - self._loop.time()) > 0:
            await asyncio.sleep(left)
        self._idle = True
        for pump in pumps:
            pump.cancel()

    def _close(self, abrupt: bool) -> None:
        abrupt = abrupt or bool(self._up.pending or self._down.pending)
        for sock in (self._job.client, self._job.upstream):
            self._readiness.forget(sock.fileno())
            if abrupt:
                reset(sock)
            else:
                sock.close()


def _failure(pumps: list[asyncio.Task[None]]) -> _BrokenError | None:
    for pump in pumps:
        if pump.done() and not pump.cancelled() and isinstance(error := pump.exception(), _BrokenError):
            return error
    return None


def _recrypt(decrypt: CipherState, encrypt: CipherState) -> _Transform:
    decryptor, encryptor = decrypt.start(), encrypt.start()
    return lambda data: encryptor.update(decryptor.update(data))
