"""The clients of the load process; each function returns when everything is done and checked."""

from __future__ import annotations

import select
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.peers.dc import ACKNOWLEDGEMENT, CONFIRMED_DOWNLOAD, DOWNLOAD, REQUEST, UPLOAD
from benchmarks.peers.faketls import shake_hands
from benchmarks.peers.session import (
    MESSAGE,
    MESSAGE_BUFFER_BYTES,
    PATTERN,
    ProxyAddress,
    Session,
    connect,
    connect_socket,
)
from benchmarks.peers.streams import BLOCK_BYTES, RECORD_BYTES

_kept: list[Session] = []  # open between open_and_keep and close_kept, which run in the same process


def download(address: ProxyAddress, connections: int, blocks: int) -> None:
    """Receive `blocks` on each of several connections at once."""
    kind = DOWNLOAD if address.keeps_last_bytes else CONFIRMED_DOWNLOAD

    def one_connection() -> None:
        session = connect(address, struct.pack(REQUEST, kind, blocks), BLOCK_BYTES)
        for _ in range(blocks):
            session.expect(PATTERN)
        if kind == CONFIRMED_DOWNLOAD:
            session.send(struct.pack(ACKNOWLEDGEMENT, blocks))
        session.expect_end()
        session.close()

    _at_once(connections, one_connection)


def upload(address: ProxyAddress, connections: int, blocks: int, record_bytes: int = RECORD_BYTES) -> None:
    """Send `blocks` on each of several connections at once; the DC confirms them when it has checked them."""

    def one_connection() -> None:
        session = connect(address, struct.pack(REQUEST, UPLOAD, blocks), BLOCK_BYTES, record_bytes)
        for _ in range(blocks):
            session.send(PATTERN)
        session.expect(struct.pack(ACKNOWLEDGEMENT, blocks))
        session.close()

    _at_once(connections, one_connection)


def round_trips(trips: int) -> None:
    """On each kept connection, send a message and wait for its echo, `trips` times; all of them at once."""
    sessions = {session.fileno(): session for session in _kept}
    left = dict.fromkeys(sessions, trips)
    with select.epoll() as poll:
        for descriptor, session in sessions.items():
            poll.register(descriptor, select.EPOLLIN)
            session.send(MESSAGE)
        while left:
            for descriptor, _ in poll.poll():
                sessions[descriptor].expect(MESSAGE)
                left[descriptor] -= 1
                if left[descriptor]:
                    sessions[descriptor].send(MESSAGE)
                else:
                    del left[descriptor]


def whole_connections(address: ProxyAddress, at_once: int, each: int) -> None:
    """`at_once` clients connect, send a message, check its echo and close, `each` times."""

    def one_client() -> None:
        for _ in range(each):
            _echoed_session(address).close()

    _at_once(at_once, one_client)


def handshakes(address: ProxyAddress, at_once: int, each: int) -> None:
    """`at_once` clients connect, check the answer to their hello and close, `each` times."""
    secret = address.secret
    if secret is None:  # a plain relay has no handshake; the most similar thing is a whole connection
        return whole_connections(address, at_once, each)

    def one_client() -> None:
        for _ in range(each):
            with connect_socket(address.port) as sock:
                shake_hands(sock, secret)

    return _at_once(at_once, one_client)


def open_and_keep(address: ProxyAddress, at_once: int, each: int) -> None:
    """Open connections, have one message echoed on each, and keep them."""

    def one_client() -> None:
        _kept.extend(_echoed_session(address) for _ in range(each))

    _at_once(at_once, one_client)


def close_kept() -> None:
    """Check that every kept connection still works, and close it."""
    round_trips(1)
    while _kept:
        _kept.pop().close()


def _echoed_session(address: ProxyAddress) -> Session:
    session = connect(address, MESSAGE, MESSAGE_BUFFER_BYTES)
    session.expect(MESSAGE)
    return session


def _at_once(count: int, work: Callable[[], None]) -> None:
    """Run the work in `count` threads; raise the first failure."""
    with ThreadPoolExecutor(count) as threads:
        for future in [threads.submit(work) for _ in range(count)]:
            future.result()
