"""The end of a connection that isn't the end of what was sent."""

from __future__ import annotations

import socket

import pytest

from mtglib.ground.reset import reset


def test_a_reset_is_no_end_of_file() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    with other:
        one.send(b"half of it")
        reset(one)

        assert one.fileno() == -1
        with other.makefile("rb") as received, pytest.raises(ConnectionResetError):
            received.read()


def test_what_is_not_tcp_is_closed() -> None:
    one, other = socket.socketpair()
    reset(one)

    with other:
        assert one.fileno() == -1
        assert other.recv(1) == b""
