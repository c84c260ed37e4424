"""The interfaces of the parts of a proxy, which you can implement yourself in plain Python.

Methods that may wait are async; plain methods run inside the event loop and must not block. An exception from a part
ends at most one connection and is logged at most once a minute.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias, runtime_checkable

from .event_types import Event, IPAddress

Dial: TypeAlias = Callable[..., Awaitable[socket.socket]]
"""A function with the same signature as `Network.dial`."""


@runtime_checkable
class AntiReplayCache(Protocol):
    """Remembers what it has seen, to detect replays: bytes recorded from someone else's connection and sent again.

    It is the only guard against replays, so it must remember for as long as it can, across restarts too: the timestamp
    in a hello isn't authenticated, and an attacker who has recorded a hello can set it to any time.
    """

    async def seen_before(self, data: bytes) -> bool:
        """Return whether `data` was seen before, and remember it.

        The proxy waits for at most 1 s. An exception, a late answer or an answer that isn't a bool counts as "yes": the
        client gets the fronting site.

        Args:
            data: The first 28 of the 32 random bytes of a ClientHello that was made with the proxy's secret; the call
                comes before any other check of the hello. The digest (HMAC-SHA256) authenticates these bytes, and no
                two hellos share them. The last 4 carry the client's clock and anyone can change them, so they don't
                identify a hello.
        """
        ...


@runtime_checkable
class IPBlocklist(Protocol):
    """A set of IP addresses: those to reject or, as an allowlist, the only ones to let in."""

    def contains(self, ip: IPAddress) -> bool:
        """Return whether the set contains this address (never IPv4-mapped IPv6). Must not block.

        An exception, or an answer that isn't a bool, closes the connection.
        """
        ...

    async def run(self, update_each_seconds: float) -> None:
        """Keep the set up to date until `shutdown`. The owner of the list runs this; the proxy doesn't."""
        ...

    async def shutdown(self) -> None:
        """Stop `run`."""
        ...


@runtime_checkable
class EventStream(Protocol):
    """Receives events.

    A stream may have an attribute `is_heard`. While it is False, the proxy makes no events of connections.
    """

    def send(self, event: Event) -> None:
        """Take an event. Must not block. An exception is ignored and counted in `Proxy.events_dropped`."""
        ...


@runtime_checkable
class Observer(Protocol):
    """Receives events from an event stream that feeds several observers, such as `mtglib.events.Fanout`."""

    async def observe(self, events: Sequence[Event]) -> None:
        """Take the events since the last call, in order. May wait; events are queued meanwhile.

        A plain function that returns None works as well.
        """
        ...


@runtime_checkable
class Logger(Protocol):
    """A named logger that carries fields. Children never change their parents; exceptions are ignored.

    A logger may have attributes `debug_enabled` and `info_enabled`. While one of them is False, the proxy doesn't build
    its messages of that level, of which there may be one for each connection.
    """

    def named(self, name: str) -> Logger:
        """Return a child whose name is this one's, a dot and `name`."""
        ...

    def bind(self, **fields: Any) -> Logger:
        """Return a child that adds these fields to every message."""
        ...

    def debug(self, message: str, *, error: BaseException | None = None) -> None:
        """Log details for debugging."""
        ...

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        """Log normal operation."""
        ...

    def warning(self, message: str, *, error: BaseException | None = None) -> None:
        """Log something that needs attention."""
        ...


@runtime_checkable
class Network(Protocol):
    """A way to make outgoing connections: directly, through a proxy, or through a tunnel of your own."""

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """Connect to `host` (a name or an IP address).

        A DC with IPv4 and IPv6 addresses may be dialled at two of them at once; the dial that isn't needed is
        cancelled.

        Returns:
            A connected, non-blocking stream socket, which the caller then owns. For a tunnel that isn't a socket, see
            `mtglib.socket_from_streams`.

        Raises:
            OSError, TimeoutError: The connection failed; the proxy tries the next address. Any other exception ends the
                stream.
        """
        ...

    def http_client(self, dial: Dial | None = None) -> AbstractAsyncContextManager[Any]:
        """Make an asynchronous HTTP client that connects with `dial` (default: this network's)."""
        ...
