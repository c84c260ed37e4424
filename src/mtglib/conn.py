"""A client's socket during its handshake: non-blocking, with a buffer of the bytes read but not used yet."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from .client_socket import ClientSocketOptions
from .readiness import LOST, READABLE, WRITABLE, Readiness
from .tls_alert import send_alert

_RECV_BYTES = 16 * 1024
_MOST_PIECE_BYTES = 240 * 1024
"""The most that is read as a piece."""

_MOST_PIECES = 64
_CLOSED_UP_SECONDS = 0.001
"""Enough for a site to read what has come before the next piece does."""
_LEAST_ON_A_WIRE_BYTES = 536
"""What every host takes (RFC 9293, 3.7.1). A peer may ask for smaller segments, each of which would cost us a write."""
_MOST_ON_A_WIRE_BYTES = 16 * 1024
"""No network's segments are as large as this; those of the loopback interface have 64 KiB."""


class Piece(NamedTuple):
    """What a peer had sent at a time.

    Attributes:
        came_mono: The time (`time.monotonic`).
        said_bytes: How many bytes it had sent by then.
    """

    came_mono: float
    said_bytes: int


class Conn:
    """Owns a connected socket until `detach` or `close`.

    Each call tries the socket first and waits only if it must: a hello is often there before we ask.

    Args:
        sock: Connected and non-blocking.
        readiness: Waits for the socket to become readable or writable.
        unread: Bytes already received from it.

    Attributes:
        unread: Bytes that were received but not taken yet.
        pieces: The pieces of `unread` that were noted; valid as long as nothing is taken.
    """

    __slots__ = ("_fd", "_readiness", "_received_mono", "_sock", "pieces", "unread")

    def __init__(self, sock: socket.socket, readiness: Readiness, unread: bytes = b"") -> None:
        self._sock = sock
        self._fd = sock.fileno()
        self._readiness = readiness
        self.unread = unread
        self._received_mono = 0.0
        self.pieces: list[Piece] = []

    def set_options(self, options: ClientSocketOptions) -> None:
        """Set socket options."""
        options.apply(self._sock)

    async def receive_more(self, deadline_mono: float | None) -> bool:
        """Append what the peer sent to `unread`; False when it has ended its side.

        Raises:
            TimeoutError: Nothing came until the loop's clock said `deadline_mono`.
            OSError: The connection is broken.
        """
        loop = self._readiness.loop
        while deadline_mono is None or loop.time() < deadline_mono:
            try:
                data = self._sock.recv(_RECV_BYTES)
            except BlockingIOError:
                await self._readiness.wait(self._fd, READABLE, deadline_mono)
            else:
                self._received_mono = time.monotonic()
                self.unread += data
                return bool(data)
        raise TimeoutError

    @property
    def segment_bytes(self) -> int:
        """The most bytes of a segment, in either direction; where a write arrives as a whole, more than any piece has.

        The kernel knows it of our own. The peer's are taken to be as large. Unix sockets have none, and those of the
        loopback interface follow each other before anybody reads.
        """
        try:
            maximum_bytes = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        except OSError:  # not TCP
            return _MOST_PIECE_BYTES
        if maximum_bytes >= _MOST_ON_A_WIRE_BYTES:
            return _MOST_PIECE_BYTES
        return max(maximum_bytes, _LEAST_ON_A_WIRE_BYTES)

    async def note_pieces(self) -> None:
        """Receive while something else is waited for, and note the pieces that come.

        A peer that has sent a lot by now needn't be heard: it fills more than a piece.
        """
        with suppress(OSError):  # the next reader, or `LOST`, tells
            while len(self.unread) < _RECV_BYTES and await self.receive_more(None):
                self.note_piece()

    def receive_piece(self) -> None:
        """Note what has come so far as a piece, and what has arrived meanwhile as another."""
        self.note_piece()
        had_bytes = len(self.unread)
        self.receive_arrived(_RECV_BYTES)
        if len(self.unread) > had_bytes:
            self._received_mono = time.monotonic()
            self.note_piece()

    def close_up_pieces(self) -> None:
        """Note what has come so far as two pieces, one right behind the other: the last one, and all before it.

        No site answers an unfinished hello, so those before the last have no effect but to be read first. Whatever the
        last one makes of them, its answer would be late by all pauses that are kept.
        """
        self.note_piece()
        before, last = self.pieces[-2:-1], self.pieces[-1]
        soonest_mono = last.came_mono - _CLOSED_UP_SECONDS
        self.pieces = [*(piece._replace(came_mono=max(piece.came_mono, soonest_mono)) for piece in before), last]

    def complete_piece(self) -> None:
        """Receive the rest of a long piece, of which the kernel has kept what is more than one read takes."""
        if self.pieces and len(self.unread) >= _RECV_BYTES:
            self.receive_arrived(_MOST_PIECE_BYTES)
            self.pieces[-1:] = [self.pieces[-1]._replace(said_bytes=len(self.unread))]

    def note_piece(self) -> None:
        """Note what has come since the last piece as another, if it is new."""
        if self.pieces and self.pieces[-1].said_bytes == len(self.unread):
            return
        if len(self.pieces) == _MOST_PIECES:  # somebody drips while the site can't be reached
            del self.pieces[-1]
        self.pieces.append(Piece(self._received_mono, len(self.unread)))

    def receive_arrived(self, most_bytes: int) -> None:
        """Append what has arrived to `unread`, as far as that has less than `most_bytes`, without waiting."""
        while len(self.unread) < most_bytes:
            try:
                data = self._sock.recv(most_bytes - len(self.unread))
            except OSError:  # nothing has arrived, or the connection is broken: then the next read says so
                return
            if not data:
                return
            self.unread += data

    async def send_all(self, data: bytes, deadline_mono: float) -> None:
        """Send everything.

        Raises:
            TimeoutError: The peer didn't take it until the loop's clock said `deadline_mono`.
            OSError: The connection is broken.
        """
        view = memoryview(data)
        while view:
            try:
                view = view[self._sock.send(view) :]
            except BlockingIOError:
                await self._readiness.wait(self._fd, WRITABLE, deadline_mono)

    def send_alert(self) -> None:
        """Send what looks like a TLS server's last alert, if the peer takes it at once."""
        send_alert(self._sock)

    def when_lost(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when the peer resets the connection, until this is given away or closed."""
        self._readiness.call(self._fd, LOST, callback)

    def take(self, count: int) -> bytes:
        """Remove and return the first `count` bytes of `unread`."""
        taken, self.unread = self.unread[:count], self.unread[count:]
        return taken

    def take_all(self) -> bytes:
        """Remove and return `unread`."""
        taken, self.unread = self.unread, b""
        return taken

    def detach(self) -> tuple[socket.socket, bytes]:
        """Give away the socket and `unread`; the receiver closes it."""
        self._readiness.forget(self._fd)
        sock, self._sock = self._sock, _CLOSED
        unread, self.unread = self.unread, b""
        return sock, unread

    def close(self) -> None:
        """Close the socket, unless it was given away. May be called again."""
        if self._sock is not _CLOSED:
            self._readiness.forget(self._fd)
            self._sock.close()
            self._sock = _CLOSED
        self.unread = b""
        self.pieces.clear()


_CLOSED = socket.socket()
"""What a `Conn` has when its socket is no longer its own: using this is an OSError."""

_CLOSED.close()
