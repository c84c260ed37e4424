"""The proxy: who is let in, how many at once, and how it all begins and ends."""

import asyncio
import errno
import os
import socket
from copy import copy
from typing import Any, Self

from .accepting import Acceptor
from .dc_dialler import DCDialler
from .ending import wait_for_end
from .endpoints import client_endpoint, endpoint_of
from .errors import OptionError, ProxyShutDownError, ProxyUseError
from .event_types import EventConcurrencyLimited, EventIPBlocklisted, IPAddress
from .fronting import fronting_address
from .guards import Emitter, GuardedLogger, Warnings, contains, guarded_clock
from .home import Home
from .keyshare import new_x25519_public_key
from .options import MAX_DURATION_SECONDS, ProxyOpts
from .plain_socket import PLAIN_SOCKET, is_plain_socket
from .readiness import Readiness
from .relay.engine import Engine
from .stream import Stream, Surroundings

_CANCEL_TIMEOUT = 0.6
"""How long streams may take to end when they are told to: only a user's part that catches that needs longer."""

_END_TIMEOUT = 0.95
"""How long streams and the engine may take to end together."""

_LEAST_ENGINE_TIMEOUT = 0.3
"""How long the engine's threads may take to end, however long streams took."""


class Proxy:
    """An MTPROTO FakeTLS proxy; lives in one event loop, and can't be used again after `shutdown`.

    `async with Proxy(opts) as proxy: await proxy.serve(listener)` shuts down on exit.

    It may be made anywhere; where it serves first is where it belongs. In another event loop, or in a process that was
    forked off later, `serve`, `serve_conn` and `shutdown` raise ProxyUseError.

    Args:
        opts: Its settings, which are checked again; later changes of the object have no effect.

    Raises:
        OptionError: As from `ProxyOpts`, for what was changed since it was made; or `opts` is something else.
    """

    def __init__(self, opts: ProxyOpts) -> None:
        if not isinstance(opts, ProxyOpts):
            expected = "ProxyOpts, such as ProxyOpts.with_defaults(secret)"
            raise OptionError("opts", f"{expected}, got {type(opts).__name__}")
        self._opts = opts = copy(opts)
        opts.__post_init__()  # checks
        self._dcs = opts.dc_table()
        self._engine = Engine(opts.relay)
        self._logger = GuardedLogger(opts.logger).named("proxy")
        self._warnings = Warnings(self._logger)
        self._events = Emitter(opts.event_stream, self._warnings)
        opts.clock = guarded_clock(opts.clock, self._warnings)
        self._start_unix = opts.clock()
        new_x25519_public_key()  # the process's first takes 40 ms to gather entropy, which no client should see
        self._around: Surroundings | None = None
        self._home: Home | None = None
        self._acceptors: dict[Acceptor, socket.socket] = {}
        self._accepted: set[asyncio.Task[None]] = set()
        self._given: set[asyncio.Task[None]] = set()
        self._shut_down = False

    @property
    def domain_fronting_address(self) -> tuple[str, int]:
        """Host (or configured address) and port of the fronting site."""
        return fronting_address(self._opts)

    @property
    def relay_engine(self) -> str:
        """What relays: "native", or "pure (why)"."""
        return self._engine.description

    @property
    def events_dropped(self) -> int:
        """How many events the event stream raised on."""
        return self._events.dropped

    async def serve(self, listener: socket.socket) -> None:
        """Serve the connections of a listening socket until the proxy is shut down.

        The listener stays the caller's, who also closes it. The proxy accepts on a duplicate: closing the listener
        ends nothing, and the port is taken until this returns, after `shutdown` or a cancellation. Two proxies may
        serve one listener for a while, so that one can replace the other and nobody is refused.

        Several may be served at once; `concurrency` counts over all of them.

        Raises:
            OptionError: It is no plain `socket.socket`.
            ProxyShutDownError: The proxy was shut down before.
            ProxyUseError: This proxy serves this listener already, or belongs elsewhere.
            OSError: The socket doesn't listen, there is no descriptor left, or accepting broke for good.
        """
        if not is_plain_socket(listener):
            raise OptionError("listener", f"a plain, listening socket.socket, got {type(listener).__name__}")
        if self._shut_down:
            raise ProxyShutDownError("this proxy was shut down")
        if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError(errno.EINVAL, "expected a listening socket")
        if self._serves(listener):
            raise ProxyUseError("this listener is served already")
        self._move_in()
        acceptor = Acceptor(listener, self._take, self._warnings)
        self._acceptors[acceptor] = acceptor.listener
        try:
            await acceptor.run()
        finally:
            del self._acceptors[acceptor]

    async def serve_conn(self, sock: socket.socket, *, client_address: Any = None) -> None:
        """Serve one connection to its end; IP lists and the concurrency limit are the caller's business.

        Returns when the connection is over, and raises nothing on its account. After `shutdown` the socket is closed at
        once, without an event. If the call is cancelled, the connection ends.

        Args:
            sock: A connected stream socket. It is the proxy's from now on, which closes it, also after an error.
            client_address: The client's (ip, port), or what the socket module has for IPv6; None: the socket's peer.

        Raises:
            OptionError: `sock` is no plain `socket.socket` (that of an asyncio stream isn't one: see
                `socket_from_streams`), or `client_address` no address.
            ProxyUseError: The proxy belongs elsewhere.
        """
        try:
            if not is_plain_socket(sock):
                raise OptionError("sock", f"{PLAIN_SOCKET}, got {type(sock).__name__}")
            given = None if client_address is None else client_endpoint("client_address", client_address)
            if self._shut_down or sock.fileno() < 0:
                sock.close()
                return
            sock.setblocking(False)
            home = self._move_in()
        except OSError as error:  # there are no descriptors left
            self._warnings.warn("serve_conn", "a connection can't be served", error=error)
            sock.close()
            return
        except (OptionError, ProxyUseError):
            if isinstance(sock, socket.socket):
                sock.close()
            raise
        stream = self._start(sock, given or endpoint_of(_peer_name(sock)), self._given)
        try:
            await asyncio.wait((stream, home.left), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._end({stream})
            raise

    async def shutdown(self, grace_seconds: float = 0.0) -> None:
        """Stop accepting, wait for streams to end by themselves, then end the rest.

        Returns after the last stream's EventFinish. May be called again, also while another call waits: the one
        with less patience decides. It takes at most a second more than `grace_seconds`, unless thousands of streams
        need longer on a busy machine: a stream that is held up by a part of yours which catches its cancellation is
        left behind, with a warning; it ends when the part lets it.

        Args:
            grace_seconds: How long to wait for streams, 0 to ten years.

        Raises:
            OptionError: `grace_seconds` is something else; nothing was stopped.
            ProxyUseError: The proxy belongs elsewhere.
        """
        _check_grace(grace_seconds)
        if self._home is not None:
            self._home.check()
        self._shut_down = True
        for acceptor in self._acceptors:
            acceptor.stop()
        if grace_seconds > 0 and (streams := self._accepted | self._given):
            await asyncio.wait(streams, timeout=grace_seconds)
        await asyncio.sleep(0)  # what was accepted in this very turn gets to begin, and so ends like all others
        loop = asyncio.get_running_loop()
        deadline_mono = loop.time() + _END_TIMEOUT
        await self._end(self._accepted | self._given)
        await self._close_engine(max(deadline_mono - loop.time(), _LEAST_ENGINE_TIMEOUT))
        if self._home is not None:
            self._home.leave()
        if self._around is not None and not self._accepted | self._given:  # else who is left behind still needs it
            self._around.readiness.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.shutdown()

    def _serves(self, listener: socket.socket) -> bool:
        fd = listener.fileno()
        return any(os.path.sameopenfile(fd, served.fileno()) for served in self._acceptors.values())

    def _take(self, sock: socket.socket, address: Any) -> None:
        """Decide about a connection that was accepted, before a byte of it is read."""
        client = endpoint_of(address)
        remote_ip = client and client[0]
        if remote_ip is not None and not self._admits(remote_ip):
            sock.close()
        elif len(self._accepted) >= self._opts.concurrency:
            self._events.send(EventConcurrencyLimited(timestamp=self._opts.clock()))
            limit = self._opts.concurrency
            self._warnings.warn(
                "concurrency", f"connections are refused: as many are open as concurrency allows, {limit}"
            )
            self._log_refused(remote_ip, "too many connections")
            sock.close()
        else:
            _stream = self._start(sock, client, self._accepted)

    def _admits(self, ip: IPAddress) -> bool:
        allowlist = self._opts.ip_allowlist
        if allowlist is not None and not contains(allowlist, ip, self._warnings, when_broken=False):
            refused_by_blocklist = False
        elif contains(self._opts.ip_blocklist, ip, self._warnings, when_broken=True):
            refused_by_blocklist = True
        else:
            return True
        self._events.send(
            EventIPBlocklisted(timestamp=self._opts.clock(), remote_ip=ip, is_block_list=refused_by_blocklist)
        )
        self._log_refused(ip, "on the blocklist" if refused_by_blocklist else "not on the allowlist")
        return False

    def _log_refused(self, ip: IPAddress | None, why: str) -> None:
        if self._logger.debug_enabled:
            self._logger.bind(client_ip=ip and str(ip)).debug(f"refused: {why}")

    def _start(
        self, sock: socket.socket, client: tuple[IPAddress, int] | None, streams: set[asyncio.Task[None]]
    ) -> asyncio.Task[None]:
        assert self._around is not None
        task = asyncio.get_running_loop().create_task(Stream(self._around, sock, client).run())
        streams.add(task)
        task.add_done_callback(streams.discard)
        return task

    async def _end(self, streams: set[asyncio.Task[None]]) -> None:
        for stream in streams:
            stream.cancel()
        if stuck := await wait_for_end(streams, _CANCEL_TIMEOUT):
            message = f"connections left behind, since a part catches their cancellation: {len(stuck)}"
            self._warnings.warn("left behind", message)

    async def _close_engine(self, patience_seconds: float) -> None:
        closing = asyncio.ensure_future(self._engine.close())
        if await wait_for_end({closing}, patience_seconds):
            self._warnings.warn("engine left behind", "the relay engine was left behind: its threads don't end")
        else:
            closing.result()

    def _move_in(self) -> Home:
        """Return the proxy's home, which is here if it has none.

        Raises:
            ProxyUseError: It has one elsewhere.
            OSError: There are no descriptors left.
        """
        if self._home is not None:
            self._home.check()
            return self._home
        self._around = Surroundings(
            opts=self._opts,
            dcs=self._dcs,
            dc_dialler=DCDialler(self._opts.network, self._opts.dial_timeout, self._warnings),
            engine=self._engine,
            readiness=Readiness(),
            listeners=self._acceptors.values(),
            start_unix=self._start_unix,
            events=self._events,
            logger=self._logger,
            warnings=self._warnings,
        )
        self._home = Home()
        return self._home


def _peer_name(sock: socket.socket) -> Any:
    try:
        return sock.getpeername()
    except OSError:
        return None


def _check_grace(value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= MAX_DURATION_SECONDS:
        raise OptionError("grace_seconds", "a number of seconds, 0 to ten years", value)
