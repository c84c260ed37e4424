"""An ending of a connection that the socket module has no name for."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

_LINGER_NONE = struct.pack("ii", 1, 0)


def reset(sock: socket.socket) -> None:
    """Close with RST: the peer must not take what it got for the whole."""
    with suppress(OSError):  # not TCP
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    sock.close()
