"""Urgent bytes: TCP's out-of-band data.

The kernel takes an urgent byte out of the stream, and a server that closes without having read past its place ends with
a RST. So a site must get a visitor's urgent bytes as such, at their places. Of a client the kernel takes them out here.
"""

from __future__ import annotations

import errno
import fcntl
import socket
from typing import Final

_SIOCATMARK: Final = 0x8905  # asm-generic/sockios.h
_NO = bytes(4)


def is_at_urgent_byte(sock: socket.socket) -> bool:
    """Return whether an urgent byte, received or not, comes next: reads end before it, and the next leaves it out."""
    try:
        return fcntl.ioctl(sock.fileno(), _SIOCATMARK, _NO) != _NO
    except OSError:  # a socket without urgent bytes
        return False


def receive_urgent_byte(sock: socket.socket) -> bytes:
    """Receive the urgent byte, wherever in the stream it is; b"" without a new one. It keeps its place."""
    try:
        return sock.recv(1, socket.MSG_OOB)
    except OSError:
        return b""


def send_ending_urgent(sock: socket.socket, data: memoryview) -> int:
    """Send as much as there is room for, the last byte as an urgent one, in the same segment; return how much.

    It isn't one call: if the kernel took only a part, the last byte of that would be the urgent one.

    Raises:
        OSError: As `socket.send` does.
    """
    before, last = data[:-1], data[-1:]
    sent_bytes = sock.send(before, socket.MSG_MORE) if before else 0
    if sent_bytes < len(before):
        return sent_bytes
    try:
        return sent_bytes + sock.send(last, socket.MSG_OOB)
    except BlockingIOError:
        if not sent_bytes:
            raise
        return sent_bytes
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        return len(data)  # not every socket knows urgent bytes: the stream doesn't have them
