"""Whether a connection's other end is this very proxy, by addresses: see also test_dial, for what follows."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_address

import pytest

from mtglib.front.own_address import leads_to_us
from mtglib.ground.endpoints import Endpoint

FARAWAY_V4, FARAWAY_V6 = "192.0.2.9", "2001:db8::9"


class To(socket.socket):
    """A connection whose other end is where the test says."""

    def __init__(self, ip: str, port: int) -> None:
        super().__init__()
        self._name = (ip, port)

    def getpeername(self) -> tuple[str, int]:
        return self._name


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def listener(stack: ExitStack, ip: str, *, dual_stack: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    return stack.enter_context(socket.create_server((ip, 0), family=family, dualstack_ipv6=dual_stack))


def leads(stack: ExitStack, ip: str, port: int, *listeners: socket.socket, reached: Endpoint | None = None) -> bool:
    return leads_to_us(stack.enter_context(To(ip, port)), listeners, reached)


@pytest.mark.parametrize(
    ("bound", "dual_stack", "peer", "is_ours"),
    [
        ("127.0.0.1", False, "127.0.0.1", True),
        ("127.0.0.1", False, "::ffff:127.0.0.1", True),
        ("127.0.0.1", False, "127.0.0.2", False),
        ("127.0.0.1", False, "::1", False),
        ("0.0.0.0", False, "127.0.0.3", True),
        ("0.0.0.0", False, FARAWAY_V4, False),
        ("0.0.0.0", False, "::1", False),
        ("::1", False, "::1", True),
        ("::1", False, "127.0.0.1", False),
        ("::", False, "::1", True),
        ("::", False, FARAWAY_V6, False),
        ("::", False, "127.0.0.1", False),
        ("::", True, "127.0.0.1", True),
        ("::", True, FARAWAY_V4, False),
    ],
)
def test_a_listener_has_what_the_kernel_gives_it(
    bound: str, dual_stack: bool, peer: str, is_ours: bool, stack: ExitStack
) -> None:
    other, own = listener(stack, "127.0.0.1"), listener(stack, bound, dual_stack=dual_stack)
    port = own.getsockname()[1]

    assert leads(stack, peer, port, other, own) is is_ours
    assert not leads(stack, peer, port % 65535 + 1, own)
    assert not leads(stack, peer, port)


@pytest.mark.parametrize(
    ("reached", "is_ours"),
    [
        (("127.0.0.1", 443), True),
        (("127.0.0.1", 444), False),
        (("127.0.0.2", 443), False),
        (None, False),
    ],
)
def test_where_a_visitor_has_just_arrived_is_us_though_nobody_told_of_a_listener(
    reached: tuple[str, int] | None, is_ours: bool, stack: ExitStack
) -> None:
    arrived = reached and Endpoint(ip_address(reached[0]), reached[1])

    assert leads(stack, "127.0.0.1", 443, reached=arrived) is is_ours


@pytest.mark.parametrize("ip", [FARAWAY_V4, FARAWAY_V6])
def test_of_a_transparent_proxy_the_visitor_arrived_at_the_very_site(ip: str, stack: ExitStack) -> None:
    assert not leads(stack, ip, 443, reached=Endpoint(ip_address(ip), 443))


def test_what_is_not_connected_or_has_no_address_is_not_us(stack: ExitStack) -> None:
    own = listener(stack, "0.0.0.0")
    one, other = socket.socketpair()
    with one, other, socket.socket() as unconnected:
        assert not leads_to_us(one, [own], None)
        assert not leads_to_us(unconnected, [own], None)


def test_a_listener_without_an_address_or_closed_is_passed_over(stack: ExitStack) -> None:
    own = listener(stack, "127.0.0.1")
    local, closed = stack.enter_context(socket.socket(socket.AF_UNIX)), socket.socket()
    closed.close()

    assert leads(stack, "127.0.0.1", own.getsockname()[1], local, closed, own)
