"""One way through a session of the pure relay."""

from __future__ import annotations

import socket
from typing import Final

from ..ground.urgent import is_at_urgent_byte, receive_urgent_byte, send_ending_urgent
from ..readiness import READABLE, URGENT, Readiness
from .recrypt import Transform
from .shaper import Shaper

NOTHING: Final = memoryview(b"")


class Direction:
    """One way through a session.

    Attributes:
        source, sink: The sockets.
        pending: Bytes that were read and that the sink hasn't taken yet.
        transform: Decrypts what was read, and encrypts it for the sink.
        shaper: Cuts what was read into records, if the job has a shape for them.
        passes_urgent: Whether urgent bytes are passed on as such; otherwise they are left out, as the kernel does.
        source_is_lost: Whether only the bytes left in its kernel are read. Their end isn't the end of the stream,
            unless `source_had_ended`.
        source_had_ended: Whether it had ended its side before it was lost.
        is_over: Whether nothing more is read or sent.
    """

    def __init__(self, source: socket.socket, sink: socket.socket, *, passes_urgent: bool) -> None:
        self.source = source
        self.sink = sink
        self.pending = NOTHING
        self.transform: Transform = bytes
        self.shaper: Shaper | None = None
        self.passes_urgent = passes_urgent
        self.source_is_lost = False
        self.source_had_ended = False
        self.is_over = False
        self._ends_urgent = False  # what was received last
        self._may_be_urgent = True  # what comes next
        self._is_drained = False  # a read that is short leaves nothing behind (epoll(7)), unless it ends at the byte

    async def wait(self, readiness: Readiness) -> None:
        """Wait until something more may have come."""
        events = await readiness.wait(self.source.fileno(), READABLE)
        self._may_be_urgent = self._may_be_urgent or bool(events & URGENT)
        self._is_drained = False

    @property
    def has_to_wait(self) -> bool:
        """Whether nothing more has come without an event, after which it is known whether an urgent byte has."""
        return self._is_drained and not self.source_is_lost

    def receive(self, most_bytes: int) -> bytes:
        """Receive once: up to an urgent byte, and that as well.

        Raises:
            OSError: As `socket.recv` does.
        """
        if not self.passes_urgent:
            return self.source.recv(most_bytes)
        if self._may_be_urgent and (urgent := self._take_urgent()):
            self._ends_urgent = True
            return urgent
        try:
            data = self.source.recv(most_bytes)
        except BlockingIOError:
            self._may_be_urgent, self._is_drained = False, True
            raise
        is_short = len(data) < most_bytes
        urgent = self._take_urgent() if self._may_be_urgent and is_short and data else b""
        self._ends_urgent = bool(urgent)
        self._is_drained = is_short and not self._may_be_urgent
        self._may_be_urgent = not self._is_drained
        return data + urgent

    def send_pending(self) -> int:
        """Send as much of `pending` as there is room for; return how much.

        Raises:
            OSError: As `socket.send` does.
        """
        return send_ending_urgent(self.sink, self.pending) if self._ends_urgent else self.sink.send(self.pending)

    def _take_urgent(self) -> bytes:
        """Take the urgent byte if it comes next."""
        return receive_urgent_byte(self.source) if is_at_urgent_byte(self.source) else b""
