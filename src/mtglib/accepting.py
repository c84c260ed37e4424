"""Accepting connections from a listening socket, and surviving the errors of accept()."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .ground.guarded_logger import Warnings

_PAUSE_SECONDS = 0.1
_MOST_WAITING = 4096  # as many as a kernel keeps by default
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

    It watches a duplicate, since an event loop has only one reader for each descriptor number. So it doesn't conflict
    with another acceptor on the same listener, nor with a descriptor that reuses the number after the caller has closed
    the listener.

    Args:
        listener: A listening socket; it is made non-blocking, and the caller closes it.
        take: Gets each connection, non-blocking, and its peer's address as the socket module gives it.
        warnings: Gets reports about a lack of resources.
        batch: See below.
        make_room: Called when there are no resources for more connections, before a pause.

    Attributes:
        batch: The most connections taken in one turn of the event loop, so that a flood doesn't starve other tasks.
        listener: The duplicate, closed by `run`.

    Raises:
        OSError: There are no file descriptors left.
    """

    def __init__(
        self,
        listener: socket.socket,
        take: Callable[[socket.socket, Any], None],
        warnings: Warnings,
        *,
        batch: int,
        make_room: Callable[[], None],
    ) -> None:
        self.batch = batch
        self._make_room = make_room
        self.listener = _duplicate(listener)
        self._take = take
        self._warnings = warnings
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._pause: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Accept until `stop`. If it is cancelled, connections that the kernel has accepted by then are taken first.

        Raises:
            OSError: Accepting broke for good.
        """
        self._loop.add_reader(self.listener.fileno(), self._accept)
        try:
            await self._over
        except asyncio.CancelledError:
            self._over.cancel()
            self._take_waiting()
            raise
        finally:
            if self._pause is not None:
                self._pause.cancel()
            self._loop.remove_reader(self.listener.fileno())
            self.listener.close()

    def stop(self) -> None:
        """Make `run` return."""
        if not self._over.done():
            self._over.set_result(None)

    def _accept(self) -> None:
        for _ in range(self.batch):
            if self._over.done():
                return
            try:
                sock, address = self.listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OF_ONE_CONNECTION:
                    continue
                self._failed(error)
                return
            sock.setblocking(False)
            self._take(sock, address)

    def _take_waiting(self) -> None:
        with suppress(OSError):
            for _ in range(_MOST_WAITING):
                sock, address = self.listener.accept()
                sock.setblocking(False)
                self._take(sock, address)

    def _failed(self, error: OSError) -> None:
        if error.errno in _OUT_OF_RESOURCES:
            self._make_room()
            self._warnings.warn("accept", "out of resources for new connections; retrying", error=error)
            self._loop.remove_reader(self.listener.fileno())
            self._pause = self._loop.call_later(_PAUSE_SECONDS, self._resume)
        else:
            self._over.set_exception(error)

    def _resume(self) -> None:
        self._pause = None
        if not self._over.done():
            self._loop.add_reader(self.listener.fileno(), self._accept)


def _duplicate(listener: socket.socket) -> socket.socket:
    listener.setblocking(False)
    try:
        return listener.dup()
    except OSError as error:
        raise OSError(error.errno, f"no file descriptor left to watch a listener with: {error.strerror}") from error
