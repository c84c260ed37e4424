"""One client, from its first byte to its last: read `Stream._handshake` from top to bottom."""

import asyncio
import os
import random
import socket
import time
from base64 import urlsafe_b64encode
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .conn import Conn
from .constants import CONNECTION_ID_LENGTH_BYTES
from .dc import DCTable
from .errors import ClientError, UpstreamError
from .event_types import (
    EventConnectedToDC,
    EventDomainFronting,
    EventFinish,
    EventReplayAttack,
    EventStart,
    EventTraffic,
    IPAddress,
)
from .fronting import dial_front, fronting_job
from .guards import Emitter, GuardedLogger, Warnings, within
from .keyshare import new_x25519_public_key
from .options import ProxyOpts
from .readiness import Readiness
from .reasons import Reason
from .relay.engine import Engine
from .relay.job import Job, RelayResult, TelegramCiphers
from .relay.sockets import reset
from .upstream import dial_dc
from .wire import client_hello, obfuscated2, server_hello
from .wire.aes_ctr import crypt
from .wire.client_hello import ClientHello
from .wire.record_stream import RecordDecoder, encode_records

_REPLAY_CHECK_TIMEOUT = 1.0
_WITHOUT_A_RELAY = {
    Reason.CLOSED: "the client left without a byte",
    Reason.FRONT_UNREACHABLE: "the fronting site can't be reached",
}
_MAX_BYTES_BEFORE_FRAME = 64 * 1024  # in records that carry nothing; a flood of those mustn't keep the event loop


@dataclass(slots=True)
class Surroundings:
    """What all streams of a proxy share.

    Attributes:
        opts: The proxy's options.
        dcs: The table that `opts` describe.
        engine: Who relays.
        readiness: Who waits for sockets.
        listeners: Sockets that the proxy accepts on, at this moment.
        start_unix: When the proxy was made.
        events, logger, warnings: The way to the user's parts.
    """

    opts: ProxyOpts
    dcs: DCTable
    engine: Engine
    readiness: Readiness
    listeners: Collection[socket.socket]
    start_unix: float
    events: Emitter
    logger: GuardedLogger
    warnings: Warnings


class Stream:
    """A connection of a client. `run` owns the socket.

    Args:
        around: What it shares with others.
        sock: Connected and non-blocking.
        client: Its address and port, if it has one.
    """

    __slots__ = ("_around", "_client", "_conn", "_dc", "_id", "_opts", "_reason", "_start_mono", "_upstream")

    def __init__(self, around: Surroundings, sock: socket.socket, client: tuple[IPAddress, int] | None) -> None:
        self._around = around
        self._opts = around.opts
        self._conn = Conn(sock, around.readiness)
        self._client = client
        self._id = urlsafe_b64encode(os.urandom(CONNECTION_ID_LENGTH_BYTES))[:-2].decode("ascii")
        self._upstream = "none"
        self._dc = 0
        self._reason = Reason.CLOSED
        self._start_mono = time.monotonic()

    async def run(self) -> None:
        """Serve the client until it is gone. Raises nothing but CancelledError."""
        clock = self._opts.clock
        remote_ip = self._client and self._client[0]
        self._around.events.send(EventStart(stream_id=self._id, timestamp=clock(), remote_ip=remote_ip))
        try:
            job = await self._handshake()
            if job is None:
                self._log(upstream=self._upstream).info(f"closed: {_WITHOUT_A_RELAY[self._reason]}")
            else:
                relaying = self._around.engine.run(job, self._report_traffic)
                del job  # it would be kept for as long as the relay lasts
                self._log_end(await relaying)
        except (ClientError, UpstreamError) as error:
            self._reason = error.reason if isinstance(error, ClientError) else Reason.DC_UNREACHABLE
            self._log().info(f"closed: {error}")
        except OSError as error:
            self._reason = Reason.CLIENT_RESET
            self._log().info("closed: the client is gone", error=error)
        except asyncio.CancelledError:
            self._reason = Reason.SHUTDOWN
            self._log(upstream=self._upstream).info("closed: shutdown")
            raise
        except Exception as error:
            self._reason = Reason.ERROR
            self._log(upstream=self._upstream).info("closed: error", error=error)
            self._around.warnings.warn(f"stream {type(error).__name__}", "a stream failed", error=error)
        finally:
            self._close()
            self._around.events.send(
                EventFinish(stream_id=self._id, timestamp=clock(), reason=self._reason, dc=self._dc)
            )

    def _close(self) -> None:
        """Close the client's socket, if it is still ours, whatever the object makes of that."""
        try:
            with suppress(OSError):
                self._conn.close()
        except Exception as error:
            self._around.warnings.warn("close", f"a socket wasn't closed: {type(error).__name__}", error=error)

    async def _handshake(self) -> Job | None:
        """Find out who this is, and connect to where it belongs; None if there is nothing to relay."""
        try:
            hello, length = await self._read_hello()
            await self._authenticate(hello)
        except ClientError as stranger:
            if not self._conn.unread and stranger.reason is Reason.CLOSED:
                return None
            return await self._connect_to_front(stranger)
        self._conn.take(length)
        deadline_mono = asyncio.get_running_loop().time() + self._opts.frame_timeout
        await self._answer(hello, deadline_mono)
        frame, unread = await self._read_frame(deadline_mono)
        return await self._connect_to_dc(frame, unread)

    async def _read_hello(self) -> tuple[ClientHello, int]:
        """Return the hello and its length; it stays in `unread`, for the front in case that it isn't ours."""
        deadline_mono = asyncio.get_running_loop().time() + self._opts.handshake_timeout
        while (assembled := client_hello.assemble(self._conn.unread)) is None:
            try:
                if not await self._conn.receive_more(deadline_mono):
                    raise ClientError(Reason.CLOSED, "the client left before its ClientHello was complete")
            except TimeoutError:
                raise ClientError(Reason.TIMEOUT, "no complete ClientHello in time") from None
        record, length = assembled
        return client_hello.parse(record, self._opts.secret.key), length

    async def _authenticate(self, hello: ClientHello) -> None:
        """Raise ClientError unless this is a fresh hello of a client of ours."""
        opts, start_unix = self._opts, self._around.start_unix
        if hello.server_name.lower() != opts.secret.host.lower():
            raise ClientError(Reason.SNI, "another host was asked for than the secret's")
        off_seconds = opts.clock() - hello.unix_time
        if abs(off_seconds) > opts.tolerate_time_skewness_seconds:
            raise ClientError(Reason.CLOCK, f"the client's clock is off by {-off_seconds:+.0f} s")
        if hello.unix_time < int(start_unix) and not getattr(opts.anti_replay_cache, "persistent", False):
            raise ClientError(Reason.CLOCK, "the hello was made before this proxy's start")
        try:
            seen: Any = await within(_REPLAY_CHECK_TIMEOUT, opts.anti_replay_cache.seen_before(hello.random))
            if not isinstance(seen, bool):  # a return that was forgotten mustn't let every replay in
                raise TypeError(f"expected True or False, got {type(seen).__name__}")
        except Exception as error:
            self._around.warnings.part_failed(opts.anti_replay_cache, "seen_before", error)
            raise ClientError(Reason.REPLAY_CACHE, "the anti-replay cache didn't answer") from error
        if seen:
            self._around.events.send(EventReplayAttack(stream_id=self._id, timestamp=opts.clock()))
            raise ClientError(Reason.REPLAY, "the hello was sent before")

    async def _answer(self, hello: ClientHello, deadline_mono: float) -> None:
        answer = server_hello.build_answer(self._opts.secret.key, hello, new_x25519_public_key(), _noise())
        try:
            await self._conn.send_all(answer, deadline_mono)
        except TimeoutError:
            raise ClientError(Reason.TIMEOUT, "the client doesn't take our answer") from None

    async def _read_frame(self, deadline_mono: float) -> tuple[obfuscated2.ClientFrame, bytes]:
        """Return the frame and what came behind it, in records again."""
        decoder, payload, left_bytes = RecordDecoder(), b"", _MAX_BYTES_BEFORE_FRAME
        while True:
            left_bytes -= len(self._conn.unread)
            decoded, error = decoder.feed(self._conn.take_all())
            payload += decoded
            if len(payload) >= obfuscated2.FRAME_BYTES:
                break  # what is wrong behind it ends the relay, after what came before
            if error is not None:
                raise error
            if decoder.ended:
                raise ClientError(Reason.CLOSED, "the client sent an alert in place of its frame")
            if left_bytes <= 0:
                raise ClientError(Reason.FRAME, "too many records without a frame in them")
            try:
                if not await self._conn.receive_more(deadline_mono):
                    raise ClientError(Reason.CLOSED, "the client left before its frame was complete")
            except TimeoutError:
                raise ClientError(Reason.TIMEOUT, "no frame in time") from None
        behind = payload[obfuscated2.FRAME_BYTES :]
        unread = (encode_records(behind) if behind else b"") + decoder.resume()
        frame = obfuscated2.parse_client_frame(payload[: obfuscated2.FRAME_BYTES], self._opts.secret.key)
        return frame, unread

    async def _connect_to_dc(self, frame: obfuscated2.ClientFrame, unread: bytes) -> Job:
        opts = self._opts
        choice = self._around.dcs.choose(frame.dc)
        self._dc = choice.dc
        frame_mono = time.monotonic()
        upstream, address = await dial_dc(opts.network, choice, opts.dial_timeout, self._around.warnings)
        self._around.events.send(
            EventConnectedToDC(
                stream_id=self._id,
                timestamp=opts.clock(),
                remote_ip=address.ip,
                dc=choice.dc,
                handshake_seconds=frame_mono - self._start_mono,
                dial_seconds=time.monotonic() - frame_mono,
            )
        )
        fast = opts.fast_mode
        preamble, dc = obfuscated2.build_dc_frame(_frame_noise(), choice.requested, frame.ciphers if fast else None)
        ciphers = TelegramCiphers(
            client_decrypt=frame.ciphers.from_initiator,
            dc_encrypt=dc.from_initiator,
            dc_decrypt=None if fast else dc.to_initiator,
            client_encrypt=None if fast else frame.ciphers.to_initiator,
        )
        client, _nothing = self._conn.detach()
        self._upstream = f"DC {choice.dc}"
        return Job(client, upstream, unread, preamble, ciphers, opts.idle_timeout)

    async def _connect_to_front(self, stranger: ClientError) -> Job | None:
        around, opts = self._around, self._opts
        self._upstream = f"front ({stranger.reason})"
        if around.logger.debug_enabled:
            self._log().debug(f"fronted: {stranger}")
        around.events.send(EventDomainFronting(stream_id=self._id, timestamp=opts.clock(), reason=stranger.reason))
        try:
            upstream = await dial_front(opts, around.listeners, self._conn.local_endpoint, around.warnings)
        except (OSError, TimeoutError, UpstreamError) as error:
            self._reason = Reason.FRONT_UNREACHABLE
            around.warnings.warn("front", f"the fronting site can't be reached: {str(error) or 'time-out'}")
            reset(self._conn.detach()[0])
            return None
        client, unread = self._conn.detach()
        return fronting_job(opts, client, upstream, unread, self._client)

    def _log(self, **fields: object) -> GuardedLogger:
        """Return this stream's logger, made when there is something to say: most of the time there isn't."""
        client_ip = self._client and str(self._client[0])
        return self._around.logger.bind(stream_id=self._id, client_ip=client_ip, **fields)

    def _log_end(self, result: RelayResult) -> None:
        self._reason = result.reason
        self._log(
            upstream=self._upstream,
            from_client_bytes=result.from_client_bytes,
            to_client_bytes=result.to_client_bytes,
            reason=result.reason,
        ).info("finished")

    def _report_traffic(self, from_client_bytes: int, to_client_bytes: int, _upstream_ended: bool) -> None:
        for count, is_read in ((from_client_bytes, False), (to_client_bytes, True)):
            if count:
                self._around.events.send(
                    EventTraffic(stream_id=self._id, timestamp=self._opts.clock(), traffic_bytes=count, is_read=is_read)
                )


def _noise() -> bytes:
    """Random bytes in place of a certificate flight: a throw-away keystream, a tenth of the system's own price."""
    length = random.randint(server_hello.MIN_NOISE_BYTES, server_hello.MAX_NOISE_BYTES)  # noqa: S311 - no secret
    return crypt(os.urandom(32), bytes(16), bytes(length))


def _frame_noise() -> bytes:
    while not obfuscated2.dc_noise_is_usable(noise := os.urandom(obfuscated2.FRAME_BYTES)):
        pass
    return noise
