"""Connections as the operating system makes them."""

from __future__ import annotations

import asyncio
import errno
import math
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.network import Answer, Direct, KeepAlive, SocketOptions, TargetUnreachableError
from support import sockets
from support.ports import free_port
from support.timeless import timeless

asyncio_only = pytest.mark.asyncio(loop_factories=["asyncio"])

Listen = Callable[[str], int]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Listen on an address; returns the port."""
    with ExitStack() as stack:

        def on(host: str) -> int:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return int(stack.enter_context(socket.create_server((host, 0), family=family)).getsockname()[1])

        yield on


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What the system's resolver knows during the test: name -> addresses. asyncio's loop asks it, uvloop its own."""
    known: dict[str, list[str]] = {}

    def getaddrinfo(host: str, port: int, *_rest: Any, **_named: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))
            for ip in known[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def test_it_is_a_network() -> None:
    assert isinstance(Direct(), mtglib.Network)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_address_is_dialled_without_nagles_delay(host: str, listen: Listen) -> None:
    port = listen(host)

    with await Direct().dial(host, port, timeout_seconds=5) as sock:
        assert sock.getpeername()[:2] == (host, port)
        assert sock.gettimeout() == 0
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


async def test_a_refusal_is_an_os_error() -> None:
    for host in ("127.0.0.1", "::1"):
        with pytest.raises(ConnectionRefusedError):
            await Direct().dial(host, free_port(), timeout_seconds=5)


async def test_silence_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as stack:
        address = listener.getsockname()
        codes = set[int]()
        while errno.EALREADY not in codes:  # until the kernel drops what comes
            waiting = stack.enter_context(socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
            codes = {waiting.connect_ex(address), waiting.connect_ex(address)}

        with pytest.raises(TimeoutError):
            await Direct().dial(*address, timeout_seconds=0.01)


async def test_localhost_is_known_to_every_system(listen: Listen) -> None:
    port = listen("127.0.0.1")

    with await Direct().dial("localhost", port, timeout_seconds=5) as sock:
        assert sock.getpeername() == ("127.0.0.1", port)


@asyncio_only
async def test_the_addresses_of_a_name_are_tried_in_order(listen: Listen, names: dict[str, list[str]]) -> None:
    port = listen("127.0.0.3")
    names["three.example"] = ["127.0.0.1", "::1", "127.0.0.3", "127.0.0.4"]

    with await Direct().dial("three.example", port, timeout_seconds=5) as sock:
        assert sock.getpeername() == ("127.0.0.3", port)


@asyncio_only
async def test_if_no_address_answers_the_last_ones_error_is_raised(names: dict[str, list[str]]) -> None:
    names |= {"one.example": ["127.0.0.1", "127.0.0.2"], "empty.example": []}

    with pytest.raises(ConnectionRefusedError, match=r"127\.0\.0\.2"):
        await Direct().dial("one.example", free_port(), timeout_seconds=5)
    with pytest.raises(OSError, match=r"empty\.example has no address"):
        await Direct().dial("empty.example", 443, timeout_seconds=5)
    with pytest.raises(socket.gaierror):
        await Direct().dial("unknown.example", 443, timeout_seconds=5)


async def test_a_resolver_that_hangs_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    let = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: let.wait(30) and [])

    with pytest.raises(TimeoutError):
        await Direct().dial("slow.example", 443, timeout_seconds=0.01)
    let.set()


async def test_cancelling_closes_what_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    begun = asyncio.Event()

    class Endless(socket.socket):
        def connect_ex(self, _address: Any) -> int:
            made.append(self)
            begun.set()
            return errno.EALREADY

        def connect(self, _address: Any) -> None:
            raise BlockingIOError

    monkeypatch.setattr(socket, "socket", Endless)
    dialling = asyncio.create_task(Direct().dial("127.0.0.1", 1, timeout_seconds=60))
    await begun.wait()
    dialling.cancel()

    with pytest.raises(asyncio.CancelledError):
        await dialling
    assert made[0].fileno() == -1


class Known:
    """A resolver of one's own."""

    def __init__(self, *hosts: str) -> None:
        self._hosts = hosts

    async def resolve(self, host: str, port: int) -> list[Answer]:
        return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, (ip, port)) for ip in self._hosts]


@pytest.mark.parametrize(
    ("prefer_ip", "reached"),
    [("prefer-ipv4", "127.0.0.1"), ("only-ipv4", "127.0.0.1"), ("prefer-ipv6", "::1"), ("only-ipv6", "::1")],
)
async def test_a_name_is_dialled_by_preference(prefer_ip: mtglib.PreferIP, reached: str) -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        network = Direct(resolver=Known("127.0.0.1", "::1"), prefer_ip=prefer_ip)

        with await network.dial("a.example", listener.getsockname()[1], timeout_seconds=5) as sock:
            assert sock.getpeername()[0] == reached


async def test_a_name_without_an_address_of_the_only_kind_is_an_error() -> None:
    with pytest.raises(OSError, match=r"^\[Errno \d+\] a\.example has no address of ipv6"):
        await Direct(resolver=Known("127.0.0.1"), prefer_ip="only-ipv6").dial("a.example", 443, timeout_seconds=5)


@timeless
async def test_what_a_look_up_took_is_not_left_for_connecting() -> None:
    class Slow(Known):
        async def resolve(self, host: str, port: int) -> list[Answer]:
            await asyncio.sleep(2)
            return await super().resolve(host, port)

    loop, port = asyncio.get_running_loop(), free_port()
    begun_mono = loop.time()
    with ExitStack() as stack:
        sockets.answer_nobody(stack, "127.0.0.1", port)
        with pytest.raises(TimeoutError):
            await Direct(resolver=Slow("127.0.0.1")).dial("a.example", port, timeout_seconds=3)

    assert loop.time() - begun_mono == pytest.approx(3)


@pytest.mark.parametrize(("host", "addresses"), [("127.0.0.1", 1), ("a.example", 1), ("a.example", 2)])
async def test_its_logger_is_told_what_the_kernel_lacks_however_it_dials(
    host: str, addresses: int, listen: Listen, logger: RecordingLogger
) -> None:
    options = SocketOptions(congestion_control="no-such-thing")
    network = Direct(resolver=Known(*["127.0.0.1"] * addresses), socket_options=options, logger=logger)
    (await network.dial(host, listen("127.0.0.1"), timeout_seconds=5)).close()

    assert [message.level for message in logger.messages] == ["debug"]


@timeless
async def test_it_remembers_silent_addresses_from_one_dial_to_the_next() -> None:
    network, port = Direct(resolver=Known("127.0.0.1", "127.0.0.2")), sockets.port_free_on("127.0.0.1", "127.0.0.2")
    loop, took_seconds = asyncio.get_running_loop(), []
    with ExitStack() as stack:
        sockets.answer_nobody(stack, "127.0.0.1", port)
        stack.enter_context(socket.create_server(("127.0.0.2", port)))
        for _ in range(2):
            begun_mono = loop.time()
            (await network.dial("a.example", port, timeout_seconds=20)).close()
            took_seconds.append(loop.time() - begun_mono)

    assert took_seconds == pytest.approx([0.25, 0])


async def test_every_connection_gets_the_options(listen: Listen) -> None:
    port = listen("127.0.0.1")
    network = Direct(resolver=Known("127.0.0.1"), socket_options=SocketOptions(keep_alive=KeepAlive(idle_seconds=77)))
    for host in ("127.0.0.1", "a.example"):
        with await network.dial(host, port, timeout_seconds=5) as sock:
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 77


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "a.example"])
@pytest.mark.parametrize("port", [0, -1, 65536, 2**70])
async def test_what_is_no_port_can_not_be_reached(host: str, port: int) -> None:
    with pytest.raises(TargetUnreachableError, match=rf"^{host} can't have a port {port}$"):
        await Direct(resolver=Known("127.0.0.1")).dial(host, port, timeout_seconds=5)


async def test_a_zone_that_is_not_there_is_an_error_without_a_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", None)

    with pytest.raises(OSError, match="no interface for fe80::1%nothing0"):
        await Direct().dial("fe80::1%nothing0", 443, timeout_seconds=5)


async def test_a_silent_resolver_is_an_error_that_says_so() -> None:
    class Silent(Known):
        async def resolve(self, host: str, port: int) -> list[Answer]:
            await asyncio.Event().wait()
            return []

    with pytest.raises(TimeoutError, match=r"^a\.example wasn't resolved within 0\.01 s$"):
        await Direct(resolver=Silent()).dial("a.example", 443, timeout_seconds=0.01)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("resolver", value) for value in ("1.1.1.1", Known, object())),
        *(("socket_options", value) for value in (None, SocketOptions, {"keep_alive": None})),
        *(("logger", value) for value in ("log", RecordingLogger)),
    ],
)
def test_arguments_of_the_wrong_type_are_refused(field: str, value: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=rf"^{field}: expected an? ") as caught:
        Direct(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("timeout_seconds", value) for value in (0, -1, math.nan, math.inf, "5", None, True)),
        *(("dial", value) for value in ("direct", Direct())),
        *(("ssl_context", value) for value in ("ca.pem", True)),
    ],
)
def test_an_http_client_that_can_not_work_is_refused(field: str, value: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=rf"^{field}: expected"):
        Direct().http_client(**{field: value})


def test_an_unknown_preference_is_refused() -> None:
    with pytest.raises(mtglib.OptionError, match=r"^prefer_ip: expected one of prefer-ipv4"):
        Direct(prefer_ip="ipv5")  # type: ignore[arg-type]
