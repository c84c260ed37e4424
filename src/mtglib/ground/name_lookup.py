"""Lookups with the system's resolver, which blocks: they run in daemon threads.

The event loop's own `getaddrinfo` runs in its executor, and a program can't end before it returns: half a minute, if
the DNS server doesn't answer. Here the threads are daemons, and simultaneous requests for the same name share one
lookup.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from .daemon_threads import DaemonThreads

_MAX_THREADS: Final = 32

AddressInfo: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
"""As from `socket.getaddrinfo`: family, kind, protocol, canonical name, and an address for `socket.connect`."""

_Key: TypeAlias = tuple[asyncio.AbstractEventLoop, str, int, socket.SocketKind]


class NameLookup:
    """Looks names up with the system's resolver; may be used from several event loops, one after the other.

    It has no time-out: if the DNS server doesn't answer, the system takes half a minute or more, so limit the wait. A
    lookup that has begun goes on when its caller is cancelled, and the next caller waits for the same one. Up to 32 run
    at once; others wait for their turn, and cancelling one frees its place.

    Args:
        thread_name: The name of the threads.
    """

    def __init__(self, thread_name: str) -> None:
        self._threads = DaemonThreads(_MAX_THREADS, thread_name)
        self._under_way: dict[_Key, _Lookup] = {}

    @property
    def is_under_way(self) -> bool:
        """Whether there is something that the system hasn't answered yet."""
        return bool(self._under_way)

    async def addresses(self, host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[AddressInfo]:
        """Return the addresses of a name, in the system's order.

        Raises:
            OSError: The name has no addresses, or the lookup failed.
        """
        lookup = self._shared((asyncio.get_running_loop(), host, port, kind))
        lookup.waiting += 1
        try:
            return await asyncio.shield(lookup.answer)
        finally:
            lookup.waiting -= 1
            if not lookup.waiting and self._threads.withdraw(lookup):
                lookup.answer.cancel()
                self._forget(lookup)

    def give_up(self, error: OSError) -> None:
        """Make pending lookups of this event loop raise an error; their threads end when the system call returns."""
        loop = asyncio.get_running_loop()
        for lookup in [each for each in self._under_way.values() if each.key[0] is loop]:
            self._threads.withdraw(lookup)
            lookup.tell(error)

    def _shared(self, key: _Key) -> _Lookup:
        lookup = self._under_way.get(key)
        if lookup is None:
            lookup = _Lookup(key, self._forget)
            self._threads.run(lookup)
            self._under_way[key] = lookup
        return lookup

    def _forget(self, lookup: _Lookup) -> None:
        if self._under_way.get(lookup.key) is lookup:
            del self._under_way[lookup.key]


class _Lookup:
    """One lookup by the system, run in a thread, and its waiting callers."""

    def __init__(self, key: _Key, forget: Callable[[_Lookup], None]) -> None:
        self.key = key
        self.waiting = 0
        self.answer: asyncio.Future[list[AddressInfo]] = key[0].create_future()
        self._forget = forget

    def __call__(self) -> None:
        loop, host, port, kind = self.key
        found: list[AddressInfo] | OSError
        try:
            found = [*socket.getaddrinfo(host, port, type=kind)]
        except OSError as error:
            found = error
        except Exception:  # the name's encoding, a NUL in it, a port that is too large: all callers need an answer
            found = OSError(f"{host!r} isn't a host name, or {port} isn't a port")
        try:
            loop.call_soon_threadsafe(self.tell, found)
        except RuntimeError:  # the event loop is closed, so no caller is waiting
            self._forget(self)

    def tell(self, found: list[AddressInfo] | OSError) -> None:
        """Give the answer to all waiting callers."""
        self._forget(self)
        if self.answer.done():
            return
        if isinstance(found, OSError):
            self.answer.set_exception(found)
            self.answer.exception()  # marks it as seen: the callers may have been cancelled
        else:
            self.answer.set_result(found)
