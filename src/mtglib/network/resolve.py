"""What a resolver is, and look-ups with the system's: that one blocks, in threads that nobody has to wait for.

The event loop's own `getaddrinfo` runs in its executor, and a program can't end before that is through: with a silent
DNS server that is half a minute after it was told to. Here a thread is a daemon, and all who ask for the same name at
the same time share one.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any, Protocol, TypeAlias, runtime_checkable

Answer: TypeAlias = tuple[socket.AddressFamily, Any]
"""An address family, and an address as `socket.connect` takes it."""


@runtime_checkable
class Resolver(Protocol):
    """Finds the addresses of names."""

    async def resolve(self, host: str, port: int) -> list[Answer]:
        """Return the addresses of a name, with the port in them, best first within each family.

        Raises:
            OSError, TimeoutError: There are none, or nobody could be asked.
        """
        ...


class SystemResolver:
    """Looks names up; may be used from several event loops, one after the other."""

    def __init__(self) -> None:
        self._under_way: dict[tuple[asyncio.AbstractEventLoop, str, int], asyncio.Future[list[Answer]]] = {}

    async def resolve(self, host: str, port: int) -> list[Answer]:
        """Return the addresses of a name, in the system's order.

        Raises:
            OSError: There are none, or nobody could be asked.
        """
        loop = asyncio.get_running_loop()
        key = (loop, host, port)
        answer = self._under_way.get(key)
        if answer is None:
            answer = self._under_way[key] = loop.create_future()
            answer.add_done_callback(lambda done: self._forget(key, done))
            threading.Thread(target=_look_up, args=(loop, answer, host, port), name="mtg-resolver", daemon=True).start()
        return await asyncio.shield(answer)

    def _forget(self, key: tuple[asyncio.AbstractEventLoop, str, int], done: "asyncio.Future[list[Answer]]") -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # who asked may have given up


def _look_up(loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[list[Answer]]", host: str, port: int) -> None:
    found: list[Answer] | OSError
    try:
        found = [(family, address) for family, _, _, _, address in _getaddrinfo(host, port)]
    except OSError as error:
        found = error
    except UnicodeError:
        found = OSError(f"{host} is no host name")
    with suppress(RuntimeError):  # the event loop is gone, and with it who asked
        loop.call_soon_threadsafe(_tell, answer, found)


def _getaddrinfo(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _tell(answer: "asyncio.Future[list[Answer]]", found: list[Answer] | OSError) -> None:
    if answer.done():
        return
    if isinstance(found, OSError):
        answer.set_exception(found)
    else:
        answer.set_result(found)
