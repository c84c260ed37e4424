"""A statsd server that ignores the datagrams, but knows whether any came."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


class UDPSink:
    """A socket that takes datagrams until its buffer is full; the kernel drops the rest."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over a bound socket."""
        self._sock = sock
        self.port: int = sock.getsockname()[1]

    def check(self) -> None:
        """Raise RuntimeError if nothing came."""
        try:
            self._sock.recv(1, socket.MSG_DONTWAIT)
        except BlockingIOError:
            raise RuntimeError("statsd got nothing") from None


@contextmanager
def udp_sink() -> Iterator[UDPSink]:
    """Bind a socket on 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield UDPSink(sock)
