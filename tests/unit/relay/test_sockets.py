"""A TCP connection's options, and what its kernel still has."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from mtglib.relay.sockets import make_room, tune, unacknowledged_bytes, unread_bytes, unsent_bytes

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def tcp() -> Iterator[Pair]:
    """Two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    with one, other:
        yield one, other


def test_what_is_not_tcp_is_left_alone() -> None:
    one, other = socket.socketpair()
    with one, other:
        tune(one, 1)
        assert unacknowledged_bytes(one) == unsent_bytes(one) == 0


def test_small_messages_go_at_once(tcp: Pair) -> None:
    tune(tcp[0], None)

    assert tcp[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_the_kernel_keeps_no_more_than_the_lowest_limit(tcp: Pair) -> None:
    found = []
    for most_bytes in (None, 300_000, 100_000, 200_000, None):
        tune(tcp[0], most_bytes)
        found.append(tcp[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT))

    assert found == [0, 300_000, 100_000, 100_000, 100_000]


def test_what_is_received_and_not_read_is_counted(tcp: Pair) -> None:
    tcp[0].sendall(b"three")
    tcp[1].recv(2, socket.MSG_WAITALL)

    assert tcp[1].recv(3, socket.MSG_PEEK | socket.MSG_WAITALL) == b"ree"
    assert (unread_bytes(tcp[1]), unread_bytes(tcp[0])) == (3, 0)


def test_room_for_what_waits_unread_grows_and_every_byte_is_still_told(tcp: Pair) -> None:
    before_bytes = tcp[0].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    make_room(tcp[0])

    assert tcp[0].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= max(before_bytes, 512 * 1024)
    assert tcp[0].getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1


def test_undelivered_is_what_the_peers_kernel_has_not_taken(tcp: Pair) -> None:
    source, sink = tcp
    source.setblocking(False)
    assert unacknowledged_bytes(source) == 0
    sent = 0
    try:
        while True:
            sent += source.send(bytes(65536))
    except BlockingIOError:
        pass
    assert 0 < unsent_bytes(source) <= unacknowledged_bytes(source) <= sent

    while sent > 0:
        sent -= len(sink.recv(1 << 20))
    while unacknowledged_bytes(source):  # until the last acknowledgement is in
        pass
