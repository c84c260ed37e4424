"""Look-ups with the system's resolver: that one blocks, in threads that nobody has to wait for.

The event loop's own `getaddrinfo` runs in its executor, and a program can't end before that is through: with a silent
DNS server that is half a minute after it was told to. Here all who ask for the same name at the same time share one
look-up, and a thread is a daemon.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from .daemon_threads import DaemonThreads
from .errors import ResolverClosedError
from .resolve import Answer

_MAX_THREADS: Final = 32

_Key: TypeAlias = tuple[asyncio.AbstractEventLoop, str, int]


class SystemResolver:
    """Looks names up; may be used from several event loops, one after the other.

    There is no time-out: with a silent DNS server the system takes half a minute or more, so bound the wait, as
    `Direct.dial` does. Up to 32 look-ups run at once; others wait for their turn, and who gives up frees its place.
    """

    def __init__(self) -> None:
        self._threads = DaemonThreads(_MAX_THREADS, "mtg-resolver")
        self._under_way: dict[_Key, _LookUp] = {}
        self._closed = False

    async def resolve(self, host: str, port: int) -> list[Answer]:
        """Return the addresses of a name, in the system's order.

        Raises:
            OSError: There are none, or nobody could be asked.
        """
        if self._closed:
            raise ResolverClosedError
        look_up = self._shared(asyncio.get_running_loop(), host, port)
        look_up.waiting += 1
        try:
            return await asyncio.shield(look_up.answer)
        finally:
            look_up.waiting -= 1
            if not look_up.waiting and self._threads.withdraw(look_up):
                look_up.answer.cancel()
                self._forget(look_up)

    async def aclose(self) -> None:
        """Answer who waits in this event loop with an error; the threads end when the system lets them."""
        self._closed = True
        loop = asyncio.get_running_loop()
        for look_up in [each for each in self._under_way.values() if each.key[0] is loop]:
            self._threads.withdraw(look_up)
            look_up.tell(ResolverClosedError())

    def _shared(self, loop: asyncio.AbstractEventLoop, host: str, port: int) -> "_LookUp":
        look_up = self._under_way.get((loop, host, port))
        if look_up is None:
            look_up = _LookUp((loop, host, port), self._forget)
            self._threads.run(look_up)
            self._under_way[look_up.key] = look_up
        return look_up

    def _forget(self, look_up: "_LookUp") -> None:
        if self._under_way.get(look_up.key) is look_up:
            del self._under_way[look_up.key]


class _LookUp:
    """One question to the system, run in a thread, and who waits for its answer."""

    def __init__(self, key: _Key, forget: "Callable[[_LookUp], None]") -> None:
        self.key = key
        self.waiting = 0
        self.answer: asyncio.Future[list[Answer]] = key[0].create_future()
        self._forget = forget

    def __call__(self) -> None:
        loop, host, port = self.key
        found: list[Answer] | OSError
        try:
            found = [(family, address) for family, _, _, _, address in _getaddrinfo(host, port)]
        except OSError as error:
            found = error
        except Exception:  # the name's encoding, a NUL in it, a port beyond all bounds: all who wait want an answer
            found = OSError(f"{host!r} is no host name, or {port} no port")
        try:
            loop.call_soon_threadsafe(self.tell, found)
        except RuntimeError:  # the event loop is gone, and with it who asked
            self._forget(self)

    def tell(self, found: list[Answer] | OSError) -> None:
        """Give all who wait their answer."""
        self._forget(self)
        if self.answer.done():
            return
        if isinstance(found, OSError):
            self.answer.set_exception(found)
            self.answer.exception()  # who asked may have given up
        else:
            self.answer.set_result(found)


def _getaddrinfo(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
