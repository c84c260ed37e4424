"""What relays ask of the kernel for a TCP connection, and what the kernel knows of it."""

from __future__ import annotations

import fcntl
import socket
import termios
from contextlib import suppress
from typing import Final

_SIOCOUTQNSD: Final = 0x894B  # linux/sockios.h
_ROOM_BYTES: Final = 256 * 1024


def tune(sock: socket.socket, unsent_limit_bytes: int | None) -> None:
    """Send small messages immediately, and let the kernel hold at most so much that can't be sent yet.

    A lower limit stays; None leaves it to the socket.
    """
    with suppress(OSError):  # not TCP
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if unsent_limit_bytes is None:
            return
        if not 0 < sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) <= unsent_limit_bytes:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, unsent_limit_bytes)


def make_room(sock: socket.socket) -> None:
    """Let the kernel receive more while part of a record waits unread.

    A few unread bytes can keep much of its buffer: all segments that were joined when they arrived. With the 128 KiB
    that it begins with, the window could stay closed, and what we wait for would never come. It grows for a low-water
    mark, to twice as much, doesn't shrink again, and stays free to grow: setting its size would end that.
    """
    with suppress(OSError):  # not TCP
        for low_water_bytes in (_ROOM_BYTES, 1):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, low_water_bytes)


def be_forgotten_soon(sock: socket.socket) -> None:
    """Let the kernel forget the connection about a second after closing, if only our side has ended. It sends nothing.

    Otherwise that takes another minute (tcp_fin_timeout).
    """
    with suppress(OSError):  # not TCP
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_LINGER2, 1)


def unread_bytes(sock: socket.socket) -> int:
    """Count the bytes that our kernel has received and nobody has read."""
    return _count(sock, termios.FIONREAD) or 0


def unacknowledged_bytes(sock: socket.socket) -> int:
    """Count the bytes that the peer's kernel hasn't acknowledged; a reset would discard them."""
    return _count(sock, termios.TIOCOUTQ) or 0


def unsent_bytes(sock: socket.socket) -> int:
    """Count the bytes that our kernel hasn't sent even once; of a Unix socket, those that the peer hasn't read."""
    count_bytes = _count(sock, _SIOCOUTQNSD)
    return unacknowledged_bytes(sock) if count_bytes is None else count_bytes


def _count(sock: socket.socket, request: int) -> int | None:
    try:
        return int.from_bytes(fcntl.ioctl(sock.fileno(), request, bytes(4)), "little")
    except OSError:
        return None
