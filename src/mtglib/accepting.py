"""Accepting connections from a listening socket, through whatever can go wrong with that."""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Any

from .guards import Warnings

_BATCH = 64  # connections taken in one turn of the event loop, so that a flood leaves room for others
_PAUSE_SECONDS = 0.1
_OUT_OF_RESOURCES = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_OF_ONE_CONNECTION = frozenset(  # accept(2): errors of the new connection, to be treated like "try again"
    (
        *(errno.ECONNABORTED, errno.EINTR, errno.EPROTO, errno.EPERM, errno.ENOPROTOOPT, errno.EOPNOTSUPP),
        *(
            errno.ENETDOWN,
            errno.ENETUNREACH,
            errno.EHOSTDOWN,
            errno.EHOSTUNREACH,
            errno.ENONET,
            errno.ETIMEDOUT,
        ),
    )
)


class Acceptor:
    """Feeds a listener's connections to a callback.

    Args:
        listener: A listening socket; it is made non-blocking and stays the caller's.
        take: Gets each connection, non-blocking, and its peer's address as the socket module gives it.
        warnings: Where a lack of resources is reported.
    """

    def __init__(self, listener: socket.socket, take: Callable[[socket.socket, Any], None], warnings: Warnings) -> None:
        self._listener = listener
        self._take = take
        self._warnings = warnings
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._pause: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Accept until `stop`.

        Raises:
            OSError: Accepting broke for good.
        """
        self._listener.setblocking(False)
        fd = self._listener.fileno()
        self._loop.add_reader(fd, self._accept)
        try:
            await self._over
        finally:
            if self._pause is not None:
                self._pause.cancel()
            self._loop.remove_reader(fd)

    def stop(self) -> None:
        """Make `run` return."""
        if not self._over.done():
            self._over.set_result(None)

    def _accept(self) -> None:
        for _ in range(_BATCH):
            if self._over.done():
                return
            try:
                sock, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OF_ONE_CONNECTION:
                    continue
                self._failed(error)
                return
            sock.setblocking(False)
            self._take(sock, address)

    def _failed(self, error: OSError) -> None:
        if error.errno in _OUT_OF_RESOURCES:
            self._warnings.warn("accept", "no resources for more connections; trying again", error=error)
            self._loop.remove_reader(self._listener.fileno())
            self._pause = self._loop.call_later(_PAUSE_SECONDS, self._resume)
        else:
            self._over.set_exception(error)

    def _resume(self) -> None:
        self._pause = None
        if self._over.done():
            return
        if self._listener.fileno() < 0:
            self._over.set_exception(OSError(errno.EBADF, "the listener was closed"))
        else:
            self._loop.add_reader(self._listener.fileno(), self._accept)
