"""What carries what its descriptor does, and what doesn't."""

from __future__ import annotations

import io
import socket
import ssl
from typing import Any

import pytest

from mtglib.tunnel import is_plain_socket


def test_a_socket_and_what_is_made_of_one_are_plain() -> None:
    class Own(socket.socket):
        """A class of the user's."""

    for kind in (socket.socket, Own):
        with kind() as sock:
            assert is_plain_socket(sock)


def test_behind_a_socket_with_tls_the_descriptor_carries_something_else() -> None:
    with ssl.create_default_context().wrap_socket(socket.socket(), server_hostname="a") as sock:
        assert not is_plain_socket(sock)


@pytest.mark.parametrize("other", [None, 5, "a socket", io.BytesIO(), socket.socket])
def test_what_is_no_socket_is_none(other: Any) -> None:
    assert not is_plain_socket(other)
