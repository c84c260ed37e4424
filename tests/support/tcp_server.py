"""A TCP server on raw sockets, the base of the fake data centre and of the recording front."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from types import TracebackType
from typing import Self

from support import sockets


class TCPServer:
    """Accepts on ``host`` at a port of the kernel's choice and runs ``serve_socket`` once per connection.

    Leaving the context cancels all that still run, and raises the first unexpected exception of a connection. A broken
    connection (OSError, EOFError) isn't an error, since tests break them on purpose. ``segment_bytes`` is the most that
    it sends in a segment, which then never waits for others: 64 KB by default, as the loopback interface takes it.
    """

    def __init__(self, host: str = "127.0.0.1", *, segment_bytes: int | None = None) -> None:
        self.host = host
        self._segment_bytes = segment_bytes
        self.port = 0
        self._listener: socket.socket | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._sockets: set[socket.socket] = set()
        self._errors: list[BaseException] = []

    @property
    def address(self) -> str:
        """``ip:port`` or ``[ip]:port``, as configurations write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def open_connections(self) -> int:
        """How many were accepted and aren't closed yet."""
        return len(self._sockets)

    async def serve_socket(self, sock: socket.socket) -> None:
        """Talk to one client; the socket is closed afterwards. Subclasses say how."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, 0), family=family, backlog=4096)
        self._listener.setblocking(False)
        if self._segment_bytes is not None:
            self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, self._segment_bytes)
        self.port = self._listener.getsockname()[1]
        # Not sock_accept: if it is cancelled at the wrong moment, the connection it has just accepted is lost.
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_listening()
        tasks = set(self._serving)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for sock in self._sockets:  # of tasks that were cancelled before their first step
            sockets.close(sock)
        if self._errors and error is None:
            raise self._errors[0]

    def stop_listening(self) -> None:
        """Refuse new connections from now on (they get a RST); open ones continue."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            sockets.close(self._listener)
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the client has already given up
            sock, _ = listener.accept()
            sock.setblocking(False)
            self._sockets.add(sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = asyncio.create_task(self._serve_and_close(sock), name="test-connection")
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

    async def _serve_and_close(self, sock: socket.socket) -> None:
        try:
            await self.serve_socket(sock)
        except (OSError, EOFError):
            pass
        except Exception as error:
            self._errors.append(error)
            sockets.reset(sock)
        finally:
            sockets.close(sock)
            self._sockets.discard(sock)
