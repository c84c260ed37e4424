"""One connection, from its first byte to its last: read `Stream._handshake` from top to bottom."""

from __future__ import annotations

import asyncio
import os
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from .admission import Admitted, admit
from .answer_delay import due_seconds
from .conn import Conn
from .constants import CONNECTION_ID_LENGTH_BYTES
from .errors import ClientError, UpstreamError
from .front.dial import Front
from .front.early import FRONT_AFTER_SECONDS, FRONT_AT_LAST_SECONDS, EarlyFront
from .front.pieces import send_pieces
from .generation import Generation
from .ground.reset import reset
from .reasons import Reason
from .relay.job import Job, RelayResult
from .roster import Entry
from .shared import Shared
from .stream_report import StreamReport
from .telegram import make_answer, read_frame, send_answer, telegram_job
from .visitor import Visitor
from .wire import client_hello
from .wire.obfuscated2 import ClientFrame

_NOT_AUTHENTIC = (Reason.FRAME, Reason.UNKNOWN_DC)
"""What comes of a client's records that somebody on the way has changed. A TLS server answers those with an alert."""


class Stream:
    """A connection. `run` owns its socket.

    Args:
        shared: The state shared by all streams.
        generation: What the proxy's options decide. The relay doesn't keep it.
        conn: Its socket, with the bytes already read from it.
        visitor: The visitor's addresses.

    Attributes:
        entry: Its entry in the roster.
    """

    __slots__ = ("_conn", "_early", "_end_visit", "_generation", "_heard_mono", "_report", "_shared", "entry")

    def __init__(self, shared: Shared, generation: Generation, conn: Conn, visitor: Visitor) -> None:
        self._shared = shared
        self._generation = generation
        generation.handshakes.began()
        self._conn = conn
        self._early: EarlyFront | None = None
        self._heard_mono: float | None = None  # when the hello was complete
        self._end_visit: Callable[[float, RelayResult], None] | None = None
        stream_id = urlsafe_b64encode(os.urandom(CONNECTION_ID_LENGTH_BYTES))[:-2].decode("ascii")
        self.entry = Entry(stream_id, visitor, shared.now_unix())
        self._report = StreamReport(shared, self.entry)

    async def run(self) -> None:
        """Serve the connection to its end. Raises nothing but CancelledError."""
        report = self._report
        self.entry.has_begun = True
        report.started()
        try:
            if self.entry.end_reason is not None:
                raise asyncio.CancelledError
            job = await self._handshake()
            self.leave_generation()
            if job is not None:
                self.entry.visitor.let_go()
                relaying = self._shared.relay.run(job, report.moved)
                del job  # otherwise it would be kept as long as the relay runs
                relayed_mono = self._shared.fine_clock.now_mono()
                result = await relaying
                report.relayed(result)
                if self._end_visit is not None:
                    self._end_visit(relayed_mono, result)
        except ClientError as error:
            if error.reason in _NOT_AUTHENTIC:
                self._conn.send_alert()
            report.closed(error.reason, error)
        except UpstreamError as error:
            report.closed(Reason.DC_UNREACHABLE, error)
        except OSError as error:
            report.closed(Reason.CLIENT_RESET, "the client reset the connection", error=error)
        except asyncio.CancelledError:
            report.closed(self.entry.end_reason or Reason.SHUTDOWN)
            raise
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # a panic in the engine isn't an Exception
            report.closed(Reason.ERROR, "a fault", error=error)
            self._shared.warnings.warn(f"stream {type(error).__name__}", "internal error in a connection", error=error)
        finally:
            self.leave_generation()
            self._close()
            report.finished()

    async def _handshake(self) -> Job | None:
        """Identify the peer and connect it to its upstream; None if there is nothing to relay."""
        opts, record = self._generation.opts, b""
        try:
            record, length = await self._read_hello()
            self._heard_mono = self._shared.fine_clock.now_mono()
            if length == len(self._conn.unread):
                self._conn.pieces.clear()  # a site treats a hello alone the same, however it arrived
            ahead_seconds = self._early.ahead_seconds if self._early is not None else 0.0
            client = await self._admit(record)
        except ClientError as error:
            self._conn.close_up_pieces()
            self._conn.receive_piece()
            self._report.turned_away(error)
            has_site = self._early is not None and not self._early.has_failed
            if error.reason is Reason.CLOSED and not self._conn.unread and not has_site:
                self._report.closed(error.reason, "the visitor left without sending a byte")
                return None
            return await self._connect_to_front(record, error)
        self._note_client(client)
        self._conn.read_past_urgent(length)
        self._conn.take(length)
        front = self._generation.fronts.of_host(client.secret.host)
        await front.loaded()
        chosen = front.answer_for(client, self.entry.visitor)
        answer = make_answer(client, chosen, self._shared.key_shares)
        if opts.answer_delay == "front":
            await self._shared.fine_clock.wait_until(self._heard_mono + due_seconds(chosen, ahead_seconds))
        deadline_mono = self._shared.readiness.loop.time() + opts.frame_timeout
        await send_answer(self._conn, answer, deadline_mono)
        frame, unread = await read_frame(self._conn, client, deadline_mono)
        return await self._connect_to_dc(front, frame, unread)

    async def _read_hello(self) -> tuple[bytes, int]:
        """Return the hello and its length; it stays in `unread`, for the front, in case it isn't ours.

        As at a TLS server, an urgent byte isn't in the stream. But it stays unread, in case it is to reach the site.
        """
        loop, conn = self._shared.readiness.loop, self._conn
        began_mono = loop.time()
        assembled = client_hello.assemble(conn.unread) if conn.unread else None
        while assembled is None:
            if conn.unread:
                conn.note_piece()
            front_at_mono = min(loop.time() + FRONT_AFTER_SECONDS, began_mono + FRONT_AT_LAST_SECONDS)
            try:
                has_more = await conn.receive_more(front_at_mono, up_to_urgent=True)
            except TimeoutError:
                self._early = EarlyFront(self._shared, self._generation.fronts.default, conn, self.entry)
                return await self._early.read_hello(began_mono + self._generation.opts.handshake_timeout)
            except ClientError:  # an urgent byte comes next
                while (assembled := client_hello.assemble(conn.peek_around_urgent())) is None:
                    if not await conn.more_behind_urgent(front_at_mono):
                        raise
            else:
                if not has_more:
                    raise ClientError(
                        Reason.CLOSED, "the client closed the connection before its ClientHello was complete"
                    )
                assembled = client_hello.assemble(conn.unread)
        return assembled

    async def _admit(self, record: bytes) -> Admitted:
        keys, network = self._generation.keys, self.entry.network
        try:
            client = await self._judge(record)
        except ClientError as error:
            if error.reason not in (Reason.NOT_TLS, Reason.DIGEST):
                await keys.turned_away(record, network)
            raise
        keys.let_in(client.account, network)
        return client

    async def _judge(self, record: bytes) -> Admitted:
        opts = self._generation.opts
        try:
            client = await admit(
                record,
                self.entry.network,
                self._generation.keys,
                now_unix=opts.clock,
                tolerate_seconds=opts.tolerate_time_skewness_seconds,
                cache=opts.anti_replay_cache,
            )
        except ClientError as error:
            if error.reason is Reason.REPLAY:
                self._report.replayed()
            elif error.reason is Reason.REPLAY_CACHE and error.__cause__ is not None:
                self._shared.warnings.part_failed(opts.anti_replay_cache, "seen_before", error.__cause__)
            raise
        if self._shared.is_ending:
            raise ClientError(Reason.REPLAY_CACHE, "the proxy is shutting down, and remembers no hello any more")
        if self._early is not None and self._early.has_answered:
            raise ClientError(Reason.TIMEOUT, "the site answered before the client was admitted")
        refusal = self._shared.limiter.refusal(client.account, self.entry.network)
        if refusal is not None:
            user = client.account.user.name
            raise ClientError(refusal, f"the user {user} may not come in: {refusal}", user)
        return client

    def _note_client(self, client: Admitted) -> None:
        """Note that the peer is authenticated: a client, no longer a visitor, and no longer the site's."""
        self._shared.limiter.came(client.account, self.entry)
        self._conn.set_options(self._generation.client_socket_options)
        self._shared.roster.authenticated(self.entry)
        if self._early is not None:
            self._early.drop()
            self._early = None

    async def _connect_to_dc(self, front: Front, frame: ClientFrame, unread: bytes) -> Job:
        generation = self._generation
        choice = generation.dcs.choose(frame.dc)
        self._report.framed(choice.dc)
        self._conn.when_lost(self._lose)
        upstream, address = await generation.dc_dialler.dial(choice)
        self._report.connected(address)
        shape = front.record_shape(self.entry.visitor)
        return telegram_job(generation.opts, self._conn, upstream, frame, unread, choice.requested, shape)

    async def _connect_to_front(self, record: bytes, why: ClientError) -> Job | None:
        front = self._choose_front(record)
        self._report.fronted(why.reason, why.user)
        self._conn.when_lost(self._lose)
        reading = self._shared.readiness.loop.create_task(self._conn.note_pieces())
        try:
            if self._early is not None:
                site = await self._early.take()
            else:
                site = await front.connect(self.entry, self._conn.unread)
            site = await send_pieces(self._conn, site, self._shared.readiness)
        except (OSError, TimeoutError, UpstreamError) as error:
            failure = f"the fronting site can't be reached: {str(error) or 'time-out'}"
            self._report.closed(Reason.FRONT_UNREACHABLE, failure)
            self._shared.warnings.warn("front", failure)
            reset(self._conn.detach()[0])
            return None
        finally:
            reading.cancel()
        if self._heard_mono is not None and self._early is None:
            visit = front.visits.begin(self._conn.unread, self._heard_mono)
            self._end_visit = visit and partial(front.visits.end, visit)
        self._early = None
        self._report.moved(site.forwarded_bytes, 0, False)
        return front.job(*self._conn.detach(), site)

    def leave_generation(self) -> None:
        """Drop what the options decide: the handshake is over. May be called again."""
        if hasattr(self, "_generation"):
            self._generation.handshakes.ended()
            del self._generation

    def _choose_front(self, record: bytes) -> Front:
        """Return the site that a visitor gets, from its hello, if it has sent a whole one.

        One that was slow has been connected to the default site, and stays there if that has sent something.
        """
        fronts = self._generation.fronts
        front = fronts.of_hello(record) if record else fronts.default
        if self._early is not None and front is not fronts.default:
            if self._early.has_answered:
                return fronts.default
            self._early.drop()
            self._early = None
        return front

    def _lose(self) -> None:
        """The peer is gone: nothing is dialled for it any more."""
        self.entry.end(Reason.CLIENT_RESET)

    def _close(self) -> None:
        """Close all sockets that are still ours, whatever they raise."""
        try:
            if self._early is not None:
                self._early.abort()
            with suppress(OSError):
                self._conn.close()
        except Exception as error:
            self._shared.warnings.warn("close", f"a socket wasn't closed: {type(error).__name__}", error=error)
