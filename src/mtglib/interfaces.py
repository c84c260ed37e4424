"""The parts of a proxy that you can bring yourself, as plain Python.

What may wait is awaitable; what is a plain call runs inside the event loop and must not block. Whatever a part
raises costs at most one connection and is logged at most once a minute.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias, runtime_checkable

from .event_types import Event, IPAddress

Dial: TypeAlias = Callable[..., Awaitable[socket.socket]]
"""A function called like `Network.dial`."""


@runtime_checkable
class AntiReplayCache(Protocol):
    """Remembers what was seen, to find out who sends somebody else's bytes again.

    It is the only guard against replays, so it has to remember for as long as it can, over restarts as well: the clock
    in a hello isn't authenticated, and whoever has recorded one can set it to any time.
    """

    async def seen_before(self, data: bytes) -> bool:
        """Tell whether `data` was seen before, and remember it.

        The proxy waits for 1 s. A raise, a late answer or one that is no bool is taken for "yes": the client gets the
        fronting site.

        Args:
            data: The first 28 of the 32 random bytes of a ClientHello that was made with the proxy's secret, which
                is asked about before anything else of it is checked. These are what its digest (HMAC-SHA256) vouches
                for, and no two hellos have the same. The last 4 carry the client's clock and can be changed by
                anybody, so they don't belong to what a hello is known by.
        """
        ...


@runtime_checkable
class IPBlocklist(Protocol):
    """A set of IP addresses: those to be turned away or, as an allowlist, the only ones to be let in."""

    def contains(self, ip: IPAddress) -> bool:
        """Tell whether the set has this address (never IPv4-mapped IPv6). Must not block.

        A raise closes the connection, and so does an answer that is no bool.
        """
        ...

    async def run(self, update_each_seconds: float) -> None:
        """Keep the set fresh until `shutdown`. Whoever made the list runs this; the proxy doesn't."""
        ...

    async def shutdown(self) -> None:
        """End `run`."""
        ...


@runtime_checkable
class EventStream(Protocol):
    """Where events go."""

    def send(self, event: Event) -> None:
        """Take an event. Must not block; a raise is ignored and counted in `Proxy.events_dropped`."""
        ...


@runtime_checkable
class Observer(Protocol):
    """Learns of events from a stream that has several of these, such as `mtglib.events.Fanout`."""

    async def observe(self, events: Sequence[Event]) -> None:
        """Take what has happened since the last call, in order. May wait: events gather meanwhile.

        A plain function that returns None will do as well.
        """
        ...


@runtime_checkable
class Logger(Protocol):
    """A named logger that carries fields. Children never change their parents; what methods raise is ignored.

    A logger may have an attribute `debug_enabled`; while that is False, the proxy makes no debug message.
    """

    def named(self, name: str) -> Logger:
        """Return a child whose name is this one's, a dot and `name`."""
        ...

    def bind(self, **fields: Any) -> Logger:
        """Return a child that adds these fields to every message."""
        ...

    def debug(self, message: str, *, error: BaseException | None = None) -> None:
        """Log what helps to find a fault."""
        ...

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        """Log what is normal."""
        ...

    def warning(self, message: str, *, error: BaseException | None = None) -> None:
        """Log what somebody should look at."""
        ...


@runtime_checkable
class Network(Protocol):
    """How to reach others: directly, through a proxy, through a tunnel of your own."""

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """Connect to `host` (a name or an IP address).

        Of a DC with IPv4 and IPv6 addresses, two may be dialled at once; the dial that isn't needed is cancelled.

        Returns:
            A connected, non-blocking stream socket, which the caller then owns. For a tunnel that isn't a socket
            see `mtglib.socket_from_streams`.

        Raises:
            OSError, TimeoutError: No connection; the next address is tried. Anything else ends the stream.
        """
        ...

    def http_client(self, dial: Dial | None = None) -> AbstractAsyncContextManager[Any]:
        """Make an asynchronous HTTP client whose connections come from `dial` (default: this network's)."""
        ...
