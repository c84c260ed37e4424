"""Visitors that send one byte and wait, and a site that never answers them."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection

from benchmarks.peers.errors import RelayError
from benchmarks.peers.session import ProxyAddress, connect, count_ended

_RECV_BYTES = 4096

_visitors: deque[socket.socket] = deque()  # open between open_visitors and close_visitors, in the same process


def open_visitors(port: int, count: int) -> None:
    """Open `count` visitors, and keep them."""
    for _ in range(count):
        _visitors.append(_visitor(port))


def keep_coming(port: int, per_second: float, seconds: float) -> None:
    """Open `per_second` visitors for `seconds`, and close the oldest for each.

    Raises:
        RelayError: Fewer than 90 % of them could be opened.
    """
    start_mono, came = time.monotonic(), 0
    while (elapsed := time.monotonic() - start_mono) < seconds:
        while came < elapsed * per_second:
            _visitors.popleft().close()
            _visitors.append(_visitor(port))
            came += 1
        time.sleep(1 / per_second)
    if came < 0.9 * per_second * seconds:
        raise RelayError(f"only {came} visitors came in {seconds:.1f} s, expected {per_second:g} a second")


def close_visitors() -> None:
    """Close all visitors.

    Raises:
        RelayError: The proxy has ended some of them.
    """
    if ended := count_ended(_visitors):
        raise RelayError(f"{ended} of {len(_visitors)} visitors were ended while they were measured")
    while _visitors:
        _visitors.pop().close()


def timed_connections(address: ProxyAddress, message: bytes, count: int) -> list[float]:
    """Make one connection after another, each with a message and its echo; return the seconds that each took."""
    taken = []
    for _ in range(count):
        start_mono = time.monotonic()
        session = connect(address, message, len(message) + 64)
        session.expect(message)
        taken.append(time.monotonic() - start_mono)
        session.close()
    return taken


def serve_silently(listener: socket.socket, report: Connection) -> None:
    """Read everything, never answer, and close connections that the peer has closed."""
    listener.setblocking(False)
    open_now: dict[int, socket.socket] = {}
    with select.epoll() as poll:
        poll.register(listener, select.EPOLLIN)
        while True:
            for descriptor, _ in poll.poll():
                with suppress(OSError):
                    if descriptor == listener.fileno():
                        sock, _ = listener.accept()
                        open_now[sock.fileno()] = sock
                        poll.register(sock, select.EPOLLIN)
                        continue
                    if open_now[descriptor].recv(_RECV_BYTES):
                        continue
                if descriptor in open_now:
                    open_now.pop(descriptor).close()


def _visitor(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.send(b"\x16")
    return sock
