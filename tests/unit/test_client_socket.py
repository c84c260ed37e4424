"""What is asked of the kernel for a client's socket."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mtglib.client_socket import ClientSocketOptions

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


class To(socket.socket):
    """A socket that is connected there, as far as it says."""

    def __init__(self, peer: str) -> None:
        super().__init__(socket.AF_INET6 if ":" in peer else socket.AF_INET)
        self._peer = (peer, 1)

    def getpeername(self) -> tuple[str, int]:
        return self._peer

    def getsockname(self) -> tuple[str, int]:
        return ("192.0.2.1", 2)

    @property
    def algorithm(self) -> str:
        return self.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()


def test_what_was_asked_for_is_what_there_is_to_do() -> None:
    asked = ClientSocketOptions.of(keep_alive=True, congestion_control=None)

    assert asked == ((KEEP_ALIVE,), (KEEP_ALIVE,))
    assert ClientSocketOptions.of(keep_alive=False, congestion_control=None) == ((), ())


def test_what_the_kernel_does_anyway_or_cannot_do_costs_no_call() -> None:
    default = default_algorithm().rstrip(b"\0").decode()

    for algorithm in (default, "there-is-none"):
        assert ClientSocketOptions.of(keep_alive=False, congestion_control=algorithm).remote == ()


def test_another_algorithm_is_set() -> None:
    wanted = another_algorithm()
    options = ClientSocketOptions.of(keep_alive=True, congestion_control=wanted)

    for peer in ("192.0.2.2", "127.0.0.1"):
        with To(peer) as sock:
            options.apply(sock)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert sock.algorithm == wanted


@pytest.mark.parametrize(
    ("peer", "is_paced"),
    [
        ("192.0.2.2", True),
        ("2001:db8::1", True),
        ("127.0.0.9", False),
        ("::ffff:127.0.0.1", False),
        ("192.0.2.1", False),
    ],
)
def test_nobody_on_this_machine_is_paced(peer: str, is_paced: bool) -> None:
    if "bbr" not in AVAILABLE:
        pytest.skip("the kernel has no BBR")
    with To(peer) as sock:
        ClientSocketOptions.of(keep_alive=False, congestion_control="bbr").apply(sock)

        assert sock.algorithm == ("bbr" if is_paced else "reno")


def test_what_a_socket_has_not_is_left_out_and_the_rest_is_done() -> None:
    one, other = socket.socketpair()
    calls = ((socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno"), KEEP_ALIVE)
    with one, other:
        ClientSocketOptions(calls, calls).apply(one)

        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def test_a_socket_that_is_closed_already_is_no_error() -> None:
    sock = socket.socket()
    sock.close()

    ClientSocketOptions((KEEP_ALIVE,), (KEEP_ALIVE,)).apply(sock)
