"""Endings of a TCP connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from mtglib.relay.sockets import reset, tune, undelivered_bytes

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def tcp() -> Iterator[Pair]:
    """Two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    with one, other:
        yield one, other


def test_a_reset_is_no_end_of_file(tcp: Pair) -> None:
    tcp[0].send(b"half of it")
    reset(tcp[0])

    assert tcp[0].fileno() == -1
    with tcp[1].makefile("rb") as received, pytest.raises(ConnectionResetError):
        received.read()


def test_what_is_not_tcp_is_closed() -> None:
    one, other = socket.socketpair()
    tune(one)
    assert undelivered_bytes(one) == 0
    reset(one)

    with other:
        assert one.fileno() == -1
        assert other.recv(1) == b""


def test_small_messages_go_at_once_and_the_kernel_keeps_little(tcp: Pair) -> None:
    tune(tcp[0])

    assert tcp[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert tcp[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 128 * 1024


def test_undelivered_is_what_the_peers_kernel_has_not_taken(tcp: Pair) -> None:
    source, sink = tcp
    source.setblocking(False)
    assert undelivered_bytes(source) == 0
    sent = 0
    try:
        while True:
            sent += source.send(bytes(65536))
    except BlockingIOError:
        pass
    assert 0 < undelivered_bytes(source) <= sent

    while sent > 0:
        sent -= len(sink.recv(1 << 20))
    while undelivered_bytes(source):  # until the last acknowledgement is in
        pass
