"""Which of several addresses is connected to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from mtglib.ground.happy_eyeballs import SilentAddresses
from mtglib.network import connecting
from mtglib.network.connecting import by_preference, connect_first, numeric_answer
from mtglib.network.resolve import Answer
from mtglib.network.socket_options import DEFAULT_SOCKET_OPTIONS
from support import sockets
from support.timeless import timeless


def answers(*hosts: str, port: int = 1) -> list[Answer]:
    return [(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, port)) for host in hosts]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


async def first_of(found: list[Answer], timeout_seconds: float = 30) -> socket.socket:
    return await connect_first(found, timeout_seconds, DEFAULT_SOCKET_OPTIONS, None)


@pytest.mark.parametrize(
    ("preference", "expected"),
    [
        ("prefer-ipv6", ["::1", "10.0.0.1", "::2", "10.0.0.2", "10.0.0.3"]),
        ("prefer-ipv4", ["10.0.0.1", "::1", "10.0.0.2", "::2", "10.0.0.3"]),
        ("only-ipv6", ["::1", "::2"]),
        ("only-ipv4", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
    ],
)
def test_families_alternate_by_preference(preference: mtglib.PreferIP, expected: list[str]) -> None:
    found = answers("10.0.0.1", "10.0.0.2", "::1", "10.0.0.3", "::2")

    assert by_preference(found, preference) == answers(*expected)


@given(hosts=st.lists(st.sampled_from(["::1", "::2", "10.0.0.1", "10.0.0.2"])))
def test_a_preference_loses_no_address(hosts: list[str]) -> None:
    assert sorted(by_preference(answers(*hosts), "prefer-ipv6")) == sorted(answers(*hosts))


@timeless
async def test_a_silent_address_does_not_keep_the_next_one_waiting(stack: ExitStack) -> None:
    port = sockets.port_free_on("127.0.0.1", "127.0.0.2")
    sockets.answer_nobody(stack, "127.0.0.1", port)
    stack.enter_context(socket.create_server(("127.0.0.2", port)))

    with await first_of(answers("127.0.0.1", "127.0.0.2", port=port)) as sock:
        assert sock.getpeername() == ("127.0.0.2", port)


@timeless
async def test_an_address_that_was_overtaken_is_tried_last_the_next_time(stack: ExitStack) -> None:
    port = sockets.port_free_on("127.0.0.1", "127.0.0.2")
    sockets.answer_nobody(stack, "127.0.0.1", port)
    stack.enter_context(socket.create_server(("127.0.0.2", port)))
    remembered = SilentAddresses()
    found = answers("127.0.0.1", "127.0.0.2", port=port)

    (await connect_first(found, 30, DEFAULT_SOCKET_OPTIONS, None, remembered)).close()

    assert remembered.put_last(found) == found[::-1]


async def test_an_address_that_was_silent_is_tried_last(stack: ExitStack) -> None:
    port = sockets.port_free_on("127.0.0.1", "127.0.0.2")
    stack.enter_context(socket.create_server(("127.0.0.1", port)))
    stack.enter_context(socket.create_server(("127.0.0.2", port)))
    remembered = SilentAddresses()
    found = answers("127.0.0.1", "127.0.0.2", port=port)
    remembered.note(found[0])

    with await connect_first(found, 30, DEFAULT_SOCKET_OPTIONS, None, remembered) as sock:
        assert sock.getpeername() == ("127.0.0.2", port)


@timeless
async def test_addresses_that_are_all_silent_are_tried_last_the_next_time(stack: ExitStack) -> None:
    port = sockets.port_free_on("127.0.0.1", "127.0.0.2")
    sockets.answer_nobody(stack, "127.0.0.1", port)
    sockets.answer_nobody(stack, "127.0.0.2", port)
    remembered = SilentAddresses()
    found = answers("127.0.0.1", "127.0.0.2", "127.0.0.3", port=port)

    with pytest.raises(TimeoutError):
        await connect_first(found[:2], 0.3, DEFAULT_SOCKET_OPTIONS, None, remembered)

    assert remembered.put_last(found) == [found[2], *found[:2]]


@timeless
async def test_attempts_are_a_quarter_of_a_second_apart(stack: ExitStack) -> None:
    """RFC 8305, section 8."""
    port = sockets.port_free_on("127.0.0.1", "127.0.0.2", "127.0.0.3")
    sockets.answer_nobody(stack, "127.0.0.1", port)
    sockets.answer_nobody(stack, "127.0.0.2", port)
    stack.enter_context(socket.create_server(("127.0.0.3", port)))
    loop = asyncio.get_running_loop()
    begun_mono = loop.time()

    (await first_of(answers("127.0.0.1", "127.0.0.2", "127.0.0.3", port=port))).close()

    assert loop.time() - begun_mono == pytest.approx(0.5)


@timeless
async def test_every_address_is_tried_however_short_the_time(stack: ExitStack) -> None:
    hosts = [f"127.0.0.{number}" for number in range(1, 9)]
    port = sockets.port_free_on(*hosts)
    for host in hosts[:-1]:
        sockets.answer_nobody(stack, host, port)
    stack.enter_context(socket.create_server((hosts[-1], port)))

    with await first_of(answers(*hosts, port=port), 0.2) as sock:
        assert sock.getpeername() == (hosts[-1], port)


@pytest.mark.parametrize(
    ("count", "text"), [(1, r"^no answer within 0\.02 s$"), (2, r"^none of 2 addresses answers within 0\.02 s$")]
)
@timeless
async def test_if_all_are_silent_the_time_is_over(stack: ExitStack, count: int, text: str) -> None:
    port = sockets.port_free_on("127.0.0.1", "127.0.0.2")
    sockets.answer_nobody(stack, "127.0.0.1", port)
    sockets.answer_nobody(stack, "127.0.0.2", port)

    with pytest.raises(TimeoutError, match=text):
        await first_of(answers("127.0.0.1", "127.0.0.2", port=port)[:count], 0.02)


@pytest.mark.parametrize(("last", "reached"), [(32, True), (33, False)])
async def test_no_more_than_32_addresses_are_tried(stack: ExitStack, last: int, reached: bool) -> None:
    hosts = [f"127.0.0.{number}" for number in range(1, last + 1)]  # all but the last refuse
    port = sockets.port_free_on(*hosts)
    stack.enter_context(socket.create_server((hosts[-1], port)))

    if not reached:
        with pytest.raises(ConnectionRefusedError, match=r"127\.0\.0\.32 "):
            await first_of(answers(*hosts, port=port))
        return
    with await first_of(answers(*hosts, port=port)) as sock:
        assert sock.getpeername() == (hosts[-1], port)


LO = socket.if_nametoindex("lo")


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("192.0.2.1", (socket.AF_INET, ("192.0.2.1", 9))),
        ("2001:db8::1", (socket.AF_INET6, ("2001:db8::1", 9))),
        ("fe80::1%lo", (socket.AF_INET6, ("fe80::1", 9, 0, LO))),
        (f"fe80::1%{LO}", (socket.AF_INET6, ("fe80::1", 9, 0, LO))),
    ],
)
def test_an_address_is_one_for_the_kernel(ip: str, expected: Answer) -> None:
    assert numeric_answer(ip, 9) == expected


@pytest.mark.parametrize("ip", ["fe80::1%nothing0", "fe80::1%", "192.0.2.1%lo", "fe80::1%a\0b", "fe80::1%" + "9" * 9])
def test_a_zone_that_is_not_there_is_an_os_error(ip: str) -> None:
    with pytest.raises(OSError):
        numeric_answer(ip, 9)


async def test_of_two_that_connect_at_once_one_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    both = asyncio.Event()

    async def connect(*_: object) -> socket.socket:
        sock = socket.socket()
        made.append(sock)
        if len(made) == 2:
            both.set()
        await both.wait()
        return sock

    monkeypatch.setattr(connecting, "connect", connect)
    with await first_of(answers("127.0.0.1", "127.0.0.2"), 0.2) as sock:
        assert sorted(each.fileno() == -1 for each in made) == [False, True]
        assert sock.fileno() != -1


@timeless
async def test_cancelling_closes_all_attempts(stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    port = sockets.port_free_on("127.0.0.1", "127.0.0.2")
    sockets.answer_nobody(stack, "127.0.0.1", port)
    sockets.answer_nobody(stack, "127.0.0.2", port)
    made: list[socket.socket] = []
    both = asyncio.Event()

    class Seen(socket.socket):
        def connect_ex(self, address: object, /) -> int:
            made.append(self)
            if len({id(sock) for sock in made}) == 2:
                both.set()
            return super().connect_ex(address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "socket", Seen)
    dialling = asyncio.create_task(first_of(answers("127.0.0.1", "127.0.0.2", port=port)))
    await both.wait()
    dialling.cancel()

    with pytest.raises(asyncio.CancelledError):
        await dialling
    assert {sock.fileno() for sock in made} == {-1}
