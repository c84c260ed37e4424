"""Clients that never read, and a data centre that sends them more than they have room for and vanishes."""

from __future__ import annotations

import select
import socket
import struct
from contextlib import suppress
from multiprocessing.connection import Connection
from termios import FIONREAD, TIOCOUTQ

from benchmarks.peers.obfuscated2 import FRAME_BYTES
from benchmarks.peers.session import ProxyAddress, count_ended, open_stream, queued_bytes

# Small segments keep the proxy's send buffers small, too: with loopback's segments, 4000 of them would take 10 GB.
_SEGMENT_BYTES = 536
_BUFFER_BYTES = 4096
_LEFT_BYTES = 131_072
_LOOK_SECONDS = 0.01
_RESET = struct.pack("ii", 1, 0)

_clients: list[socket.socket] = []  # open between open_clients and close_clients, in the same process


def open_clients(address: ProxyAddress, count: int) -> None:
    """Open `count` streams to a data centre, and never read from them."""
    assert address.secret is not None
    for _ in range(count):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES)
        sock.connect(("127.0.0.1", address.port))
        open_stream(sock, address.secret)
        _clients.append(sock)


def count_unread() -> int:
    """The number of clients whose connection is open and has something to read."""
    return sum(queued_bytes(sock, FIONREAD) > 0 for sock in _clients) - count_ended(_clients)


def close_clients() -> None:
    """Reset all connections."""
    while _clients:
        sock = _clients.pop()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.close()


def send_and_vanish(listener: socket.socket, report: Connection) -> None:
    """Answer each frame with more than its client has room for; reset when the proxy's kernel has all of it."""
    listener.setblocking(False)
    waiting: dict[int, tuple[socket.socket, int]] = {}  # with the number of missing bytes of the frame
    sending: list[socket.socket] = []
    with select.epoll() as poll:
        poll.register(listener, select.EPOLLIN)
        while True:
            for descriptor, _ in poll.poll(_LOOK_SECONDS if sending else -1):
                if descriptor == listener.fileno():
                    with suppress(BlockingIOError):
                        sock, _ = listener.accept()
                        waiting[sock.fileno()] = sock, FRAME_BYTES
                        poll.register(sock, select.EPOLLIN)
                    continue
                sock, missing = waiting.pop(descriptor)
                missing -= len(sock.recv(missing))
                if missing:
                    waiting[descriptor] = sock, missing
                    continue
                poll.unregister(sock)
                sock.sendall(bytes(_LEFT_BYTES))
                sending.append(sock)
            for sock in [one for one in sending if queued_bytes(one, TIOCOUTQ) == 0]:
                sending.remove(sock)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                sock.close()
