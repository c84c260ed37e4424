"""The proxy: it accepts connections, starts a stream for each, and ends them all."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Self

from .accepting import Acceptor
from .conn import Conn
from .ending import wait_for_end
from .entrance import Entrance
from .errors import OptionError, ProxyShutDownError, ProxyUseError
from .front.lessons import FrontAnswer
from .generation import Generation, Handshakes
from .ground.affinity import Affinity
from .ground.checks import check_seconds
from .ground.endpoints import client_endpoint, endpoint_of, local_endpoint, peer_endpoint
from .ground.guarded_logger import GuardedLogger, Warnings
from .keyshare import new_x25519_public_key
from .limits import Limits
from .options import ProxyOpts, checked_copy
from .proxied_entrance import ProxiedEntrance
from .reasons import Reason
from .relay.choice import ChosenRelay
from .roster import Connection, Entry, Roster
from .shared import Shared
from .stream import Stream
from .tunnel import PLAIN_SOCKET, is_plain_socket
from .user_parts import Emitter, guarded_clock
from .visitor import Visitor

_CANCEL_TIMEOUT = 0.6
"""How long streams may take to end when told to: only a user's part that catches the cancellation needs longer."""

_END_TIMEOUT = 0.95
"""How long streams and the engine may take to end together."""

_LEAST_ENGINE_TIMEOUT = 0.3
"""How long the engine's threads may take to end, however long streams took."""


class Proxy:
    """An MTPROTO FakeTLS proxy. It runs in one event loop, and can't be used again after `shutdown`.

    `async with Proxy(opts) as proxy: await proxy.serve(listener)` shuts down on exit.

    It can be created anywhere. The first event loop it serves in is the one it belongs to: in another event loop, or in
    a process forked later, `serve`, `serve_conn` and `shutdown` raise ProxyUseError.

    Args:
        opts: Its settings, which are validated again; later changes to the object have no effect.

    Raises:
        OptionError: As from `ProxyOpts`, if `opts` was changed to an invalid value after it was made; or `opts` isn't a
            `ProxyOpts`.
    """

    def __init__(self, opts: ProxyOpts) -> None:
        self._opts = opts = checked_copy(opts)
        self._relay = ChosenRelay(opts.relay)
        self._logger = GuardedLogger(opts.logger).named("proxy")
        self._warnings = Warnings(self._logger)
        self._events = Emitter(opts.event_stream, self._warnings)
        opts.clock = guarded_clock(opts.clock, self._warnings)
        new_x25519_public_key()  # the first one takes 40 ms to gather entropy; no client should notice
        self._limits = Limits.of(opts)
        self._roster = Roster(*self._limits[:3])
        self._shared: Shared | None = None
        self._generation: Generation | None = None
        self._entrance: Entrance | None = None
        self._proxied_entrance: ProxiedEntrance | None = None
        self._affinity: Affinity | None = None
        self._ended: asyncio.Future[None] | None = None  # done once it has shut down
        self._acceptors: dict[Acceptor, socket.socket] = {}
        self._shut_down = False
        self._ended_by_shutdown = 0
        self._closing: set[asyncio.Future[None]] = set()  # what earlier options have left

    def __repr__(self) -> str:
        counted = f"listeners={len(self._acceptors)} connections={len(self._roster)} relay={self.relay_engine!r}"
        return f"<Proxy host={self._opts.default_host!r} {counted}{' shut down' if self._shut_down else ''}>"

    @property
    def domain_fronting_address(self) -> tuple[str, int]:
        """The host (or the configured address) and the port of the fronting site."""
        return self._opts.front_address(self._opts.default_host).of_site(self._opts.default_host)

    @property
    def relay_engine(self) -> str:
        """The relay in use: "native", or "pure (why)"."""
        return self._relay.description

    @property
    def events_dropped(self) -> int:
        """The number of events on which the event stream raised an exception."""
        return self._events.dropped

    @property
    def engine_connections(self) -> int:
        """The number of connections being relayed, to Telegram or to the fronting site."""
        return self._relay.load().connections

    @property
    def engine_buffered_bytes(self) -> int | None:
        """The number of bytes in the engine that their receivers haven't taken yet; None if the relay can't tell."""
        return self._relay.load().buffered_bytes

    @property
    def clients(self) -> int:
        """The number of connections of `serve` that are from clients, that is, were made with a user's secret."""
        return self._roster.counted - self._roster.visitors

    @property
    def visitors(self) -> int:
        """The number of connections of `serve` that aren't from clients, or aren't authenticated yet."""
        return self._roster.visitors

    @property
    def front_answers(self) -> tuple[FrontAnswer, ...]:
        """The latest answer that was learnt of each fronting site; sites of which none is known are left out."""
        return () if self._generation is None else self._generation.fronts.latest_answers

    def connections(self) -> tuple[Connection, ...]:
        """List the live connections of `serve` and `serve_conn`, oldest first."""
        self._relay.report()
        return tuple(self._roster.connections())

    def iter_connections(self) -> Iterator[Connection]:
        """List them one by one, without a report by the relay first.

        Each is described when it is taken, in some microseconds. To list thousands without blocking the event loop, let
        it run after each few hundred. Connections that are made meanwhile, or end, are left out.
        """
        return self._roster.connections()

    def end(self, stream_id: str) -> bool:
        """End a connection, with the reason ENDED. Return whether a connection has this id."""
        entry = self._roster.get(stream_id)
        if entry is not None:
            entry.end(Reason.ENDED)
        return entry is not None

    def replace_options(self, opts: ProxyOpts) -> asyncio.Future[None]:
        """Use other options for all connections that are accepted from now on. Call it in the proxy's event loop.

        No connection ends. Those in their handshake go on with the options they have begun with; relays keep none of
        them. What was learnt of the fronting sites is kept. Where there are more connections than the new limits allow,
        they become fewer as they end. Events and messages of all of them go to the new event stream and logger.

        Returns:
            What is done once no handshake uses the earlier options: then parts that only these have can be closed.

        Raises:
            OptionError: A value is invalid, or `relay` is another one than before. Nothing has changed.
            ProxyShutDownError, ProxyUseError: As `serve` raises them.
        """
        opts = checked_copy(opts)
        if opts.relay != self._opts.relay:
            raise OptionError("relay", f'"{self._opts.relay}", as a running proxy keeps its relay', opts.relay)
        if self._shut_down:
            raise ProxyShutDownError("this proxy was shut down")
        if self._affinity is not None:
            self._affinity.check()
        opts.clock = guarded_clock(opts.clock, self._warnings)
        shared, earlier = self._shared, self._generation
        later = None if shared is None else Generation.of(opts, shared, self._acceptors.values(), earlier)
        self._opts, self._limits = opts, Limits.of(opts)  # from here on nothing can fail
        self._logger = GuardedLogger(opts.logger).named("proxy")
        self._warnings.use(self._logger)
        self._events.use(opts.event_stream)
        self._roster.limit(*self._limits[:3])
        for acceptor in self._acceptors:
            acceptor.batch = self._limits.accepted_at_once
        if shared is None or earlier is None or later is None:
            return Handshakes().over()
        shared.now_unix, shared.logger = opts.clock, self._logger
        shared.visitor_log.use(self._logger)
        shared.limiter.follow(opts.clock, opts.max_user_connections, self._limits.check_seconds)
        self._generation = later
        self._enter(shared, later)
        later.fronts.begin(earlier.fronts)
        self._closing.add(closing := asyncio.ensure_future(earlier.fronts.close(later.fronts)))
        closing.add_done_callback(self._closing.discard)
        return earlier.handshakes.over()

    async def serve(self, listener: socket.socket) -> None:
        """Serve the connections of a listening socket until the proxy is shut down.

        The caller keeps the listener and closes it. The proxy accepts on a duplicate: closing the listener doesn't stop
        it, and the port stays in use until this returns, after `shutdown` or a cancellation. Two proxies may serve one
        listener at the same time, so that one can replace the other without refusing connections.

        Several listeners may be served at once; `concurrency` is the limit for all of them together.

        Raises:
            OptionError: `listener` isn't a plain `socket.socket`.
            ProxyShutDownError: The proxy was already shut down.
            ProxyUseError: This proxy already serves this listener, or belongs to another event loop or process.
            OSError: The socket isn't listening, there are no file descriptors left, or accepting failed permanently.
        """
        if not is_plain_socket(listener):
            raise OptionError("listener", f"a plain, listening socket.socket, got {type(listener).__name__}")
        if self._shut_down:
            raise ProxyShutDownError("this proxy was shut down")
        if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError(errno.EINVAL, "expected a listening socket")
        if self._serves(listener):
            raise ProxyUseError("this listener is already being served")
        self._attach()
        acceptor = Acceptor(
            listener, self._take, self._warnings, batch=self._limits.accepted_at_once, make_room=self._make_room
        )
        self._acceptors[acceptor] = acceptor.listener
        try:
            await acceptor.run()
        finally:
            del self._acceptors[acceptor]

    async def serve_conn(self, sock: socket.socket, *, client_address: Any = None) -> None:
        """Serve one connection to its end. The caller applies IP lists and the concurrency limit.

        Returns when the connection is over; its failures raise nothing. After `shutdown` the socket is closed
        immediately, without an event. Cancelling the call ends the connection.

        Args:
            sock: A connected stream socket. The proxy takes it over and closes it, also after an error.
            client_address: The client's (ip, port), or the socket module's 4-tuple for IPv6; None: the socket's peer.

        Raises:
            OptionError: `sock` isn't a plain `socket.socket` (the socket of an asyncio stream isn't one: see
                `socket_from_streams`), or `client_address` isn't an address.
            ProxyUseError: The proxy belongs to another event loop or process.
        """
        try:
            if not is_plain_socket(sock):
                raise OptionError("sock", f"{PLAIN_SOCKET}, got {type(sock).__name__}")
            given = None if client_address is None else client_endpoint("client_address", client_address)
            if self._shut_down or sock.fileno() < 0:
                sock.close()
                return
            sock.setblocking(False)
            self._attach()
        except OSError as error:  # there are no descriptors left
            self._warnings.warn("serve_conn", "a connection can't be served", error=error)
            sock.close()
            return
        except (OptionError, ProxyUseError):
            if isinstance(sock, socket.socket):
                sock.close()
            raise
        visitor = Visitor(given or peer_endpoint(sock), partial(local_endpoint, sock))
        entry = self._start(sock, visitor, counted=False)
        try:
            assert self._ended is not None
            await asyncio.wait((*_tasks([entry]), self._ended), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._end([entry])
            raise

    async def shutdown(self, grace_seconds: float = 0.0) -> int:
        """Stop accepting, wait for streams to end by themselves, then end the rest.

        Returns after the last stream's EventFinish. May be called again, even while another call waits: the shorter
        grace period wins. It takes at most a second longer than `grace_seconds`, unless thousands of streams need more
        time on a busy machine. If one of your parts catches its cancellation and so keeps a stream from ending, the
        stream is left behind, with a warning, and ends when the part returns.

        Args:
            grace_seconds: How long to wait for streams to end, 0 to a year.

        Returns:
            The number of connections that it ended, including those that earlier calls ended.

        Raises:
            OptionError: `grace_seconds` is out of bounds; nothing was stopped.
            ProxyUseError: The proxy belongs to another event loop or process.
        """
        check_seconds("grace_seconds", grace_seconds, least=0)
        if self._affinity is not None:
            self._affinity.check()
        self._shut_down = True
        if self._shared is not None:
            self._shared.is_ending = True
        for acceptor in self._acceptors:
            acceptor.stop()
        if grace_seconds > 0 and (tasks := _tasks(self._roster.entries)):
            await asyncio.wait(tasks, timeout=grace_seconds)
        loop = asyncio.get_running_loop()
        deadline_mono = loop.time() + _END_TIMEOUT
        entries = self._roster.entries
        self._ended_by_shutdown += sum(entry.end_reason is None for entry in entries)
        await self._end(entries)
        await self._close_engine(max(deadline_mono - loop.time(), _LEAST_ENGINE_TIMEOUT))
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
        if self._shared is not None and self._generation is not None:
            await asyncio.gather(self._generation.fronts.close(), *self._closing)
            self._shared.limiter.close()
            self._shared.visitor_log.close()
            if not self._roster:  # otherwise streams left behind still need it
                self._shared.readiness.close()
                self._shared.fine_clock.close()
        return self._ended_by_shutdown

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.shutdown()

    def _serves(self, listener: socket.socket) -> bool:
        fd = listener.fileno()
        return any(os.path.sameopenfile(fd, served.fileno()) for served in self._acceptors.values())

    def _take(self, sock: socket.socket, address: Any) -> None:
        """Decide whether to serve an accepted connection, before any byte of a client is read."""
        assert self._entrance is not None
        visitor = Visitor(endpoint_of(address), partial(local_endpoint, sock))
        if self._proxied_entrance is not None and self._proxied_entrance.trusts(visitor):
            self._proxied_entrance.take(sock, visitor)
        elif self._entrance.admits(visitor):
            self._start(sock, visitor, counted=True)
        else:
            sock.close()

    def _make_room(self) -> None:
        """Give up some visitors, as there are no descriptors left: clients mustn't wait for them to leave."""
        assert self._entrance is not None
        for _ in range(self._limits.accepted_at_once):
            self._entrance.evict_one()

    def _start(self, sock: socket.socket, visitor: Visitor, *, counted: bool) -> Entry:
        assert self._shared is not None
        assert self._generation is not None
        stream = Stream(self._shared, self._generation, Conn(sock, self._shared.readiness), visitor)
        entry = stream.entry
        entry.counted = counted
        # One name for all: otherwise each task has a text of its own.
        entry.task = self._shared.readiness.loop.create_task(stream.run(), name="mtg-stream")
        self._roster.add(entry)
        return entry

    async def _end(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            entry.end(Reason.SHUTDOWN)
        if stuck := await wait_for_end(_tasks(entries), _CANCEL_TIMEOUT):
            message = f"connections abandoned because one of the parts swallows their cancellation: {len(stuck)}"
            self._warnings.warn("left behind", message)

    async def _close_engine(self, patience_seconds: float) -> None:
        closing = asyncio.ensure_future(self._relay.close())
        if await wait_for_end({closing}, patience_seconds):
            self._warnings.warn("engine left behind", "the relay engine was abandoned: its threads don't end")
        else:
            closing.result()

    def _enter(self, shared: Shared, generation: Generation) -> None:
        """Let connections in as these options say."""
        opts = generation.opts
        entrance = Entrance(opts, self._roster, shared.visitor_log, self._events, self._logger, self._warnings)
        self._entrance = entrance
        self._proxied_entrance = ProxiedEntrance(shared, generation, entrance) if opts.proxy_protocol_listener else None

    def _attach(self) -> None:
        """Bind the proxy to this event loop and thread, unless it is bound already.

        Raises:
            ProxyUseError: It is bound to others.
            OSError: There are no descriptors left.
        """
        if self._affinity is not None:
            self._affinity.check()
            return
        limits = self._opts.max_user_connections, self._limits.check_seconds
        self._shared = shared = Shared.of(
            self._relay, self._roster, self._opts.clock, limits, self._events, self._logger, self._warnings
        )
        self._generation = Generation.of(self._opts, shared, self._acceptors.values())
        self._enter(shared, self._generation)
        self._generation.fronts.begin()
        self._affinity = Affinity("proxy")
        self._ended = asyncio.get_running_loop().create_future()


def _tasks(entries: Sequence[Entry]) -> list[asyncio.Task[None]]:
    return [entry.task for entry in entries if entry.task is not None]
