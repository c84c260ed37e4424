"""Looking up a server's name in a thread that nobody has to wait for.

The event loop's own `getaddrinfo` runs in its executor, and the loop isn't closed before that is through: with a silent
DNS server that is half a minute or more, for each look-up that somebody gave up.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import TypeAlias

from ..endpoints import canonical_ip

_Found: TypeAlias = list[str] | OSError


class LookUp:
    """The addresses of one server, with at most one look-up under way in an event loop.

    Who gives up waiting leaves the look-up behind, and who asks next waits for the same one.
    """

    def __init__(self) -> None:
        self._answer: asyncio.Future[_Found] | None = None
        self._failed = ""

    @property
    def is_under_way(self) -> bool:
        """Whether the system hasn't answered yet."""
        return self._answer is not None and not self._answer.done()

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return at least one IP address, in the order in which to try them.

        Raises:
            OSError: There is none, or nobody could be asked.
        """
        if canonical_ip(host) is not None:
            return [host]
        answer = self._shared(host, port)
        found = await asyncio.shield(answer)
        if self._answer is answer:
            self._answer = None
        if isinstance(found, OSError):
            raise found
        first = found.index(self._failed) + 1 if self._failed in found else 0
        return found[first:] + found[:first]

    def failed(self, address: str) -> None:
        """Begin with the address after this one from now on."""
        self._failed = address

    def _shared(self, host: str, port: int) -> "asyncio.Future[_Found]":
        loop = asyncio.get_running_loop()
        if self._answer is None or self._answer.get_loop() is not loop:
            answer: asyncio.Future[_Found] = loop.create_future()
            arguments = (loop, answer, host, port)
            try:
                threading.Thread(target=_ask_system, args=arguments, name="mtglib-redis", daemon=True).start()
            except RuntimeError as error:
                raise OSError(f"a look-up has no thread: {error}") from error
            self._answer = answer
        return self._answer


def _ask_system(loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[_Found]", host: str, port: int) -> None:
    found: _Found
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found = [_with_zone(*address) for *_, address in answers]
    except OSError as error:
        found = error
    except Exception:  # the name's encoding, or a NUL in it
        found = OSError(f"{host!r} is no host name")
    with suppress(RuntimeError):  # the event loop is gone, and with it who asked
        loop.call_soon_threadsafe(answer.set_result, found)


def _with_zone(ip: str | int, _port: int | bytes, _flow: int = 0, zone: int = 0) -> str:
    return f"{ip}%{zone}" if zone else str(ip)
