"""A client's socket during its handshake: non-blocking, with a buffer of the bytes read but not used yet."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from .client_socket import ClientSocketOptions
from .errors import ClientError
from .ground.urgent import is_at_urgent_byte
from .readiness import ENDED, LOST, READABLE, URGENT, WRITABLE, Readiness
from .reasons import Reason
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
        made_mono: When this was made (`time.monotonic`).
        urgent_mono: When an urgent byte was found behind them; None if none was.
    """

    __slots__ = (
        *("_fd", "_has_ended", "_is_drained", "_is_watched", "_may_be_urgent", "_readiness", "_received_mono", "_sock"),
        *("made_mono", "pieces", "unread", "urgent_mono"),
    )

    def __init__(self, sock: socket.socket, readiness: Readiness, unread: bytes = b"") -> None:
        self._sock = sock
        self._fd = sock.fileno()
        self._readiness = readiness
        self.unread = unread
        self.made_mono = time.monotonic()
        self._received_mono = 0.0
        self.pieces: list[Piece] = []
        self.urgent_mono: float | None = None
        self._has_ended = False
        self._is_watched = False  # by the epoll set, which tells what had come before, too
        self._is_drained = False  # then only an event tells of more
        self._may_be_urgent = True  # what comes next

    def set_options(self, options: ClientSocketOptions) -> None:
        """Set socket options."""
        options.apply(self._sock)

    async def receive_more(self, deadline_mono: float | None, *, up_to_urgent: bool = False) -> bool:
        """Append what the peer sent to `unread`; False when it has ended its side.

        Args:
            deadline_mono: See below.
            up_to_urgent: Whether an urgent byte stays where it is, and all behind it: the relay passes it on. Otherwise
                the stream doesn't have it, as at any server.

        Raises:
            TimeoutError: Nothing came until the loop's clock said `deadline_mono`.
            ClientError: NOT_TLS: an urgent byte comes next.
            OSError: The connection is broken.
        """
        loop = self._readiness.loop
        while deadline_mono is None or loop.time() < deadline_mono:
            if self._is_drained:
                events = await self._readiness.wait(self._fd, READABLE, deadline_mono)
                self._is_drained, self._is_watched, self._may_be_urgent = False, True, bool(events & URGENT)
            if up_to_urgent and self._may_be_urgent and self._note_urgent():
                raise ClientError(Reason.NOT_TLS, "the client sent an urgent byte before its ClientHello was complete")
            try:
                data = self._sock.recv(_RECV_BYTES)
            except BlockingIOError:
                self._is_drained = True
            else:
                self._received_mono = time.monotonic()
                self.unread += data
                # A short read leaves nothing behind (epoll(7)), unless it ended before an urgent byte.
                may_go_on = len(data) == _RECV_BYTES or (self._may_be_urgent and self._is_watched)
                self._is_drained, self._may_be_urgent = not may_go_on, may_go_on
                return bool(data)
        raise TimeoutError

    def peek_around_urgent(self) -> bytes:
        """Return `unread` and what has come behind the urgent byte that comes next. All of that stays where it is."""
        with suppress(BlockingIOError):
            return self.unread + self._sock.recv(_RECV_BYTES, socket.MSG_PEEK)
        return self.unread

    async def more_behind_urgent(self, deadline_mono: float) -> bool:
        """Wait until there may be more of that; False if nothing comes until then, or the peer has ended its side.

        Raises:
            OSError: The connection is broken.
        """
        if self._has_ended or not is_at_urgent_byte(self._sock):
            return False
        try:
            events = await self._readiness.wait(self._fd, READABLE, deadline_mono)
        except TimeoutError:
            return False
        self._has_ended = bool(events & ENDED)
        if events & URGENT and self._is_watched:
            self.urgent_mono = time.monotonic()  # there may be another one, which has replaced the first
        self._is_watched = True  # from now on: the first wait tells of what was there before
        return True

    def read_past_urgent(self, count_bytes: int) -> None:
        """Append so much of that to `unread` that it has these many bytes, or more: the stream leaves the byte out.

        Raises:
            OSError: The connection is broken.
        """
        while len(self.unread) < count_bytes:
            if not (data := self._sock.recv(_RECV_BYTES)):
                raise ConnectionResetError(errno.ECONNRESET, "the bytes are gone")  # with the connection
            self.unread += data
            self._is_drained = False

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
        with suppress(OSError, ClientError):  # the next reader, or `LOST`, tells
            while len(self.unread) < _RECV_BYTES and await self.receive_more(None, up_to_urgent=True):
                self.note_piece()

    def receive_piece(self) -> None:
        """Note what has come so far as a piece, and what has arrived meanwhile as another."""
        self.note_piece()
        had_bytes = len(self.unread)
        if self.urgent_mono is None and is_at_urgent_byte(self._sock):
            self.urgent_mono = self._received_mono  # it came with what was received last, or too soon behind it to tell
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
        """Append what has arrived to `unread`, as far as that has less than `most_bytes`, without waiting.

        An urgent byte stays where it is, and all behind it.
        """
        while len(self.unread) < most_bytes and not self._note_urgent():
            try:
                data = self._sock.recv(most_bytes - len(self.unread))
            except OSError:  # nothing has arrived, or the connection is broken: then the next read says so
                return
            if not data:
                return
            self.unread += data

    def _note_urgent(self) -> bool:
        """Return whether an urgent byte comes next, and note when that was seen first."""
        if not is_at_urgent_byte(self._sock):
            return False
        self.urgent_mono = self.urgent_mono or time.monotonic()
        return True

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
