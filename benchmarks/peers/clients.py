"""What the load process does as clients; each function returns when all is done and checked."""

from __future__ import annotations

import select
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.peers.dc import ACKNOWLEDGEMENT, DOWNLOAD, REQUEST, UPLOAD
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
    """Receive so many blocks on each of several connections at once."""

    def one_connection() -> None:
        session = connect(address, struct.pack(REQUEST, DOWNLOAD, blocks), BLOCK_BYTES)
        for _ in range(blocks):
            session.expect(PATTERN)
        session.expect_end()
        session.close()

    _at_once(connections, one_connection)


def upload(address: ProxyAddress, connections: int, blocks: int, record_bytes: int = RECORD_BYTES) -> None:
    """Send so many blocks on each of several connections at once; the DC confirms what it has checked."""

    def one_connection() -> None:
        session = connect(address, struct.pack(REQUEST, UPLOAD, blocks), BLOCK_BYTES, record_bytes)
        for _ in range(blocks):
            session.send(PATTERN)
        session.expect(struct.pack(ACKNOWLEDGEMENT, blocks))
        session.close()

    _at_once(connections, one_connection)


def round_trips(trips: int) -> None:
    """On each kept connection, send a message, wait for its echo, and again; all of them run at once."""
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
    """So many clients connect, send a message, check its echo, close, and start over."""

    def one_client() -> None:
        for _ in range(each):
            _echoed_session(address).close()

    _at_once(at_once, one_client)


def handshakes(address: ProxyAddress, at_once: int, each: int) -> None:
    """So many clients connect, check the answer to their hello, close, and start over."""
    secret = address.secret
    if secret is None:  # a plain relay has no handshake: its whole connection is the nearest thing
        return whole_connections(address, at_once, each)

    def one_client() -> None:
        for _ in range(each):
            with connect_socket(address.port) as sock:
                shake_hands(sock, secret)

    return _at_once(at_once, one_client)


def open_and_keep(address: ProxyAddress, at_once: int, each: int) -> None:
    """Open connections that have had one message echoed, and keep them."""

    def one_client() -> None:
        _kept.extend(_echoed_session(address) for _ in range(each))

    _at_once(at_once, one_client)


def close_kept() -> None:
    """Prove that every kept connection still works, and close it."""
    round_trips(1)
    while _kept:
        _kept.pop().close()


def _echoed_session(address: ProxyAddress) -> Session:
    session = connect(address, MESSAGE, MESSAGE_BUFFER_BYTES)
    session.expect(MESSAGE)
    return session


def _at_once(count: int, work: Callable[[], None]) -> None:
    """Run the work in so many threads; the first failure is raised."""
    with ThreadPoolExecutor(count) as threads:
        for future in [threads.submit(work) for _ in range(count)]:
            future.result()
