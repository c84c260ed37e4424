"""What the pure relay sets and asks about TCP connections in the kernel."""

from __future__ import annotations

import fcntl
import socket
import termios
from contextlib import suppress

_MAX_UNSENT_BYTES = 128 * 1024


def tune(sock: socket.socket) -> None:
    """Send small messages immediately, and let the kernel hold at most 128 KiB that can't be sent yet."""
    with suppress(OSError):  # not TCP
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not 0 < sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) <= _MAX_UNSENT_BYTES:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MAX_UNSENT_BYTES)


def undelivered_bytes(sock: socket.socket) -> int:
    """Count the bytes that the peer's kernel hasn't acknowledged; a reset would discard them."""
    try:
        return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), "little")
    except OSError:
        return 0
