"""What is asked of the kernel for a client's socket."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mtglib.client_socket import apply_calls, client_socket_calls

KEEP_ALIVE = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
AVAILABLE = Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control").read_text().split()


def default_algorithm() -> bytes:
    with socket.socket() as sock:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)


def another_algorithm() -> str:
    """One that the kernel has beside its default."""
    default = default_algorithm().rstrip(b"\0").decode()
    others = [name for name in AVAILABLE if name != default]
    if not others:
        pytest.skip("the kernel has one congestion control")
    return others[0]


def test_what_was_asked_for_is_what_there_is_to_do() -> None:
    assert client_socket_calls(keep_alive=True, congestion_control=None) == (KEEP_ALIVE,)
    assert client_socket_calls(keep_alive=False, congestion_control=None) == ()


def test_what_the_kernel_does_anyway_or_cannot_do_costs_no_call() -> None:
    default = default_algorithm().rstrip(b"\0").decode()

    for algorithm in (default, "there-is-none"):
        assert client_socket_calls(keep_alive=False, congestion_control=algorithm) == ()


def test_another_algorithm_is_set() -> None:
    wanted = another_algorithm()
    calls = client_socket_calls(keep_alive=True, congestion_control=wanted)

    with socket.socket() as sock:
        apply_calls(sock, calls)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        found = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        assert found.rstrip(b"\0").decode() == wanted


def test_what_a_socket_has_not_is_left_out_and_the_rest_is_done() -> None:
    one, other = socket.socketpair()
    with one, other:
        apply_calls(one, ((socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno"), KEEP_ALIVE))

        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def test_a_socket_that_is_closed_already_is_no_error() -> None:
    sock = socket.socket()
    sock.close()

    apply_calls(sock, (KEEP_ALIVE,))
