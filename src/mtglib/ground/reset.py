"""An ending of a connection that the socket module has no name for."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

_LINGER_NONE = struct.pack("ii", 1, 0)


def reset(sock: socket.socket) -> None:
    """Close with RST, so that the peer doesn't take the bytes it got for all of them."""
    with suppress(OSError):  # not TCP
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    sock.close()
