"""What relays ask of the kernel for a TCP connection, and what the kernel knows of it."""

from __future__ import annotations

import fcntl
import socket
import termios
from contextlib import suppress


def tune(sock: socket.socket) -> None:
    """Send small messages immediately."""
    with suppress(OSError):  # not TCP
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def limit_unsent(sock: socket.socket, most_bytes: int) -> None:
    """Let the kernel hold at most so much that can't be sent yet; a lower limit stays."""
    with suppress(OSError):  # not TCP
        if not 0 < sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) <= most_bytes:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, most_bytes)


def undelivered_bytes(sock: socket.socket) -> int:
    """Count the bytes that the peer's kernel hasn't acknowledged; a reset would discard them."""
    try:
        return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), "little")
    except OSError:
        return 0
