"""A socket for a connection that isn't one, so that a `Network` can return connections through a tunnel.

A relay reads and writes a socket's descriptor directly, so a wrapper object would be bypassed.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from .errors import OptionError

PLAIN_SOCKET = "a plain socket.socket (for anything else, see socket_from_streams)"

_READER_METHODS = ("read",)
_WRITER_METHODS = ("write", "drain", "can_write_eof", "write_eof", "close", "wait_closed")
_READ_BYTES = 64 * 1024
_pumping: set[asyncio.Task[None]] = set()  # the event loop keeps weak references only


def is_plain_socket(sock: Any) -> bool:
    """Return whether the descriptor carries the same bytes as the object: an `ssl.SSLSocket`'s are encrypted."""
    return isinstance(sock, socket.socket) and not isinstance(sock, ssl.SSLSocket)


def socket_from_streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> socket.socket:
    """Turn an asyncio stream pair into a connected, non-blocking socket, for `Network.dial` to return.

    Call it in the event loop of the streams. Data written to the socket goes to `writer`, and data from `reader` can be
    read from the socket. An end of file is passed on in both directions (it closes a stream that can't be half-closed,
    such as TLS), and a broken stream ends the socket. `writer` is closed when both directions have ended.

    The socket's `getsockname()` is that of the writer's own socket, if it has one. The proxy uses it to detect a
    fronting site that is the proxy itself.

    Args:
        reader: An asyncio.StreamReader, or an object with its method `read`.
        writer: An asyncio.StreamWriter, or an object with its methods `write`, `drain`, `can_write_eof`, `write_eof`,
            `close` and `wait_closed`.

    Raises:
        OptionError: `reader` or `writer` lacks these methods; they may be swapped.
    """
    _check_stream("reader", reader, _READER_METHODS)
    _check_stream("writer", writer, _WRITER_METHODS)
    end, theirs = socket.socketpair()
    ours = _StreamSocket(fileno=end.detach())
    ours.own_name = _own_name(writer)
    ours.setblocking(False)
    theirs.setblocking(False)
    task = asyncio.get_running_loop().create_task(_pump(theirs, reader, writer), name="mtg-tunnel")
    _pumping.add(task)
    task.add_done_callback(_pumping.discard)
    return ours


class _StreamSocket(socket.socket):
    """One end of a pair, which knows the address of the stream behind it."""

    own_name: Any = None

    def getsockname(self) -> Any:
        return self.own_name or super().getsockname()


def _own_name(writer: Any) -> Any:
    with suppress(Exception):  # a writer may be something that knows nothing of sockets
        return writer.get_extra_info("sockname")
    return None


def _check_stream(field: str, stream: object, methods: Sequence[str]) -> None:
    if missing := [method for method in methods if not callable(getattr(stream, method, None))]:
        expected = f"an asyncio.Stream{field.capitalize()}"
        raise OptionError(field, f"{expected}; {type(stream).__name__} lacks {', '.join(missing)}")


async def _pump(sock: socket.socket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    outward, inward = asyncio.ensure_future(_out(sock, writer)), asyncio.ensure_future(_in(reader, sock))
    hang_up = _HangUp(sock, inward.cancel)
    try:
        # An error in one direction ends both: half a tunnel is useless.
        await asyncio.wait((outward, inward), return_when=asyncio.FIRST_EXCEPTION)
    finally:
        hang_up.close()
        for direction in (outward, inward):
            direction.cancel()
        try:
            await asyncio.gather(outward, inward, return_exceptions=True)
        finally:  # also if that is cancelled
            sock.close()
            writer.close()
        with suppress(OSError):
            await writer.wait_closed()


class _HangUp:
    """Calls back when the other end of a socket pair is closed, which reading it doesn't tell from a half-close."""

    def __init__(self, sock: socket.socket, callback: Callable[[], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._epoll.register(sock, select.EPOLLET)  # for nothing: a hang-up is always told
        self._callback = callback
        self._loop.add_reader(self._epoll.fileno(), self._tell)

    def _tell(self) -> None:
        if any(events & select.EPOLLHUP for _fd, events in self._epoll.poll(0)):
            self._callback()

    def close(self) -> None:
        """Stop watching."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()


async def _out(sock: socket.socket, writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(sock, _READ_BYTES):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()  # TLS has no half-close: its end is the end of both directions


async def _in(reader: asyncio.StreamReader, sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while data := await reader.read(_READ_BYTES):
        await loop.sock_sendall(sock, data)
    sock.shutdown(socket.SHUT_WR)
