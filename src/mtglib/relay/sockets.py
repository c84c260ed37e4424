"""Endings of a TCP connection that the socket module has no name for."""

import fcntl
import socket
import struct
import termios
from contextlib import suppress

_LINGER_NONE = struct.pack("ii", 1, 0)


def reset(sock: socket.socket) -> None:
    """Close with RST: the peer must not take what it got for the whole."""
    with suppress(OSError):  # not TCP
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    sock.close()


def undelivered_bytes(sock: socket.socket) -> int:
    """Count what the kernel took and the peer's kernel hasn't acknowledged; a reset would throw it away."""
    try:
        return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), "little")
    except OSError:
        return 0
