"""Which sockets a relay can use: it reads and writes the descriptor, past whatever a wrapper would do to the bytes."""

import socket
import ssl
from typing import Any

PLAIN_SOCKET = "a plain socket.socket (for what isn't one see socket_from_streams)"


def is_plain_socket(sock: Any) -> bool:
    """Tell whether the descriptor carries what the object does: behind an `ssl.SSLSocket` it would be cleartext."""
    return isinstance(sock, socket.socket) and not isinstance(sock, ssl.SSLSocket)
