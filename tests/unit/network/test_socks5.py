"""SOCKS5 byte by byte, URLs of proxies, and proxies that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from mtglib.network import Direct
from mtglib.network.errors import TargetUnreachableError
from mtglib.network.proxy_url import ProxyURL
from mtglib.network.socks5 import Socks5
from support import sockets
from support.ports import free_port
from support.socks_servers import ScriptedProxy, answers, answers_and_ends

GRANTED = b"\5\0\0\1\x7f\0\0\1\x1f\x90"
NO_PASSWORD, PASSWORD = b"\5\0", b"\5\2"


def test_a_url_is_taken_apart() -> None:
    url = (
        "socks5://us%3Aer:p%40ss@[2001:db8::1]:99?open_threshold=7&half_open_timeout=1m30s&reset_failures_timeout=300ms"
    )

    assert ProxyURL.parse(url) == ProxyURL("2001:db8::1", 99, b"us:er", b"p@ss", 7, 90.0, 0.3)
    assert ProxyURL.parse("socks5h://proxy.example") == ProxyURL("proxy.example", 1080, None, b"", 5, 60.0, 10.0)


@pytest.mark.parametrize(
    "url",
    [
        *("", "proxy.example:1080", "http://proxy.example", "socks5://", "socks5://:80", "socks5://a:0", "socks5://a:"),
        *(
            "socks5://a:x",
            "socks5://a:70000",
            "socks5://a b",
            " socks5://a",
            "socks5://a\n",
            "socks5://a\tb",
            "socks5://ü",
        ),
        *("socks5://a/hidden", "socks5://a/?hidden", "socks5://a#hidden", "socks5://a#", "socks5://u:hid#den@a"),
        *(
            "socks5://u:hidden/x@a",
            "socks5://u:hidden?x@a",
            "socks5://u:9?hidden@a",
            "socks5://@a",
            "socks5://:hidden@a",
        ),
        *(f"socks5://{'u' * 256}:hidden@a", f"socks5://u:{'hidden' * 50}@a", "socks5://u:hidden@" + "a" * 300),
        *("socks5://[::1", "socks5://::1", "socks5://2001:db8::1:1080", "socks5://[fe80::1%25lo]", "socks5://[a]"),
        *("socks5://1.2.3", "socks5://256.1.1.1", "socks5://[127.0.0.1]", "socks5://a..b", "socks5://a%2eb"),
        *("socks5://u:hidden@a?what=1", "socks5://a?=", "socks5://a?open_threshold", "socks5://a?open_threshold="),
        *("socks5://u:hidden@a?open_threshold=0", "socks5://u:hidden@a?open_threshold=-1"),
        *("socks5://a?open_threshold=1&open_threshold=2", "socks5://u:hidden@a?half_open_timeout=5"),
        *("socks5://a?reset_failures_timeout=0s", "socks5://a?half_open_timeout=9000h"),
        *(None, 1, b"socks5://a"),
    ],
)
def test_a_url_that_can_not_be_used_is_refused_and_not_quoted(url: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^url: expected ") as caught:
        Socks5(url, base=Direct())
    assert "hid" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("what=1", "only open_threshold, half_open_timeout, reset_failures_timeout after the question mark"),
        ("open_threshold=0", "open_threshold to be a number of 1 to 999999"),
        ("half_open_timeout=5", "half_open_timeout to be a duration such as 300ms or 1m30s"),
        ("open_threshold=5&open_threshold=5", "open_threshold only once"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(query: str, text: str) -> None:
    with pytest.raises(mtglib.OptionError, match=rf"^urls\[3\]: expected {text}$") as caught:
        ProxyURL.parse(f"socks5://a?{query}", "urls[3]")
    assert (caught.value.field, caught.value.expected) == ("urls[3]", text)


@pytest.mark.parametrize("base", [None, "direct", Direct, object()])
def test_a_base_that_is_no_network_is_refused(base: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^base: expected an object with dial, http_client[,;] "):
        Socks5("socks5://a", base=base)


@given(st.text())
def test_any_text_is_a_url_or_an_option_error(text: str) -> None:
    for url in (text, f"socks5://{text}", f"socks5://u:p@a:1?{text}"):
        with contextlib.suppress(mtglib.OptionError):
            assert ProxyURL.parse(url).host


def test_no_user_and_password_are_printed() -> None:
    url = "socks5://somebody:hidden@127.0.0.1:9"

    assert repr(Socks5(url, base=Direct())) == "Socks5(127.0.0.1:9)"
    assert not {"somebody", "hidden"} & set(repr(ProxyURL.parse(url)).split("'"))


def test_it_is_a_network() -> None:
    assert isinstance(Socks5("socks5://a", base=Direct()), mtglib.Network)


async def test_a_reply_in_single_bytes_leaves_what_the_target_says() -> None:
    async with ScriptedProxy(answers(NO_PASSWORD, GRANTED + b"hello", segment_bytes=1)) as proxy:
        with await Socks5(proxy.url, base=Direct()).dial("a", 1, timeout_seconds=30) as sock:
            assert sock.gettimeout() == 0
            assert await sockets.recv_exactly(sock, 5) == b"hello"


async def test_a_flood_is_read_no_further_than_its_first_bytes() -> None:
    async with ScriptedProxy(answers(b"x" * 50_000_000)) as proxy:
        with pytest.raises(
            OSError, match=rf"127\.0\.0\.1:{proxy.port}: doesn't speak SOCKS5 \(its answer begins with b'xx'"
        ):
            await Socks5(proxy.url, base=Direct()).dial("a", 1, timeout_seconds=30)


@pytest.mark.parametrize("parts", [(), (b"\5",), (NO_PASSWORD,), (NO_PASSWORD, GRANTED[:-1])])
async def test_an_early_end_is_an_os_error(parts: tuple[bytes, ...]) -> None:
    async with ScriptedProxy(answers_and_ends(*parts)) as proxy:
        with pytest.raises(OSError, match=rf"proxy 127\.0\.0\.1:{proxy.port}: .*(closed the connection|reset by peer)"):
            await Socks5(proxy.url, base=Direct()).dial("a", 1, timeout_seconds=30)


@pytest.mark.parametrize(
    ("parts", "failing"),
    [
        ((), "doesn't answer"),
        ((b"\5",), "doesn't answer"),
        ((PASSWORD,), "doesn't answer"),
        ((NO_PASSWORD,), "can't reach the target"),
        ((NO_PASSWORD, GRANTED[:-1]), "can't reach the target"),
    ],
)
async def test_silence_ends_in_time_closes_and_is_told_from_the_targets(parts: tuple[bytes, ...], failing: str) -> None:
    async with ScriptedProxy(answers(*parts)) as proxy:
        url = proxy.url.replace("//", "//me:hidden@")
        with pytest.raises(TimeoutError, match=rf"^SOCKS5 proxy 127\.0\.0\.1:\d+ {failing} within 0\.05 s$"):
            await Socks5(url, base=Direct()).dial("a", 1, timeout_seconds=0.05)
        await proxy.ended(1)


async def test_a_proxy_that_is_not_there_is_an_os_error_that_names_it() -> None:
    port = free_port()

    with pytest.raises(OSError, match=rf"^SOCKS5 proxy 127\.0\.0\.1:{port}: .*refused") as caught:
        await Socks5(f"socks5://me:hidden@127.0.0.1:{port}", base=Direct()).dial("a", 1, timeout_seconds=30)
    assert "hidden" not in str(caught.value)


async def check_that_cancelling_closes() -> None:
    async with ScriptedProxy(answers(NO_PASSWORD)) as proxy:
        dialling = asyncio.create_task(Socks5(proxy.url, base=Direct()).dial("a", 1, timeout_seconds=60))
        await proxy.answered(1)
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        await proxy.ended(1)


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_cancelling_closes_the_socket(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(check_that_cancelling_closes())


class Unreachable(Direct):
    """A base that can't reach the proxy, as a proxy before it says."""

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        raise TargetUnreachableError("replies host unreachable (4)")


class Blocking(Direct):
    """A base that forgets to make its sockets non-blocking."""

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        sock = await super().dial(host, port, timeout_seconds=timeout_seconds)
        sock.setblocking(True)
        return sock


async def test_a_base_may_return_a_blocking_socket() -> None:
    async with ScriptedProxy(answers(NO_PASSWORD, GRANTED + b"hello")) as proxy:
        with await Socks5(proxy.url, base=Blocking()).dial("a", 1, timeout_seconds=30) as sock:
            assert sock.gettimeout() == 0
            assert await sockets.recv_exactly(sock, 5) == b"hello"


class Late(Direct):
    """A base whose time is over before that of the dial."""

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        raise TimeoutError("DNS server udp://192.0.2.53:53: no answer in time")


async def test_what_the_base_says_of_a_time_out_is_heard() -> None:
    with pytest.raises(TimeoutError, match=r"^SOCKS5 proxy a:1080 can't be reached within 30 s \(DNS server udp://"):
        await Socks5("socks5://a", base=Late()).dial("b", 1, timeout_seconds=30)


class Silent:
    """A resolver that never answers."""

    async def resolve(self, host: str, port: int) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_proxy_whose_name_is_not_found_in_time_is_told_from_one_that_is_silent() -> None:
    text = (
        r"^SOCKS5 proxy proxy\.example:1080 can't be reached within 0\.02 s "
        r"\(proxy\.example wasn't resolved within 0\.02 s\)$"
    )
    with pytest.raises(TimeoutError, match=text):
        await Socks5("socks5://proxy.example", base=Direct(resolver=Silent())).dial("a", 1, timeout_seconds=0.02)


async def test_a_proxy_behind_a_proxy_that_can_not_be_reached_is_to_blame() -> None:
    with pytest.raises(OSError, match="host unreachable") as caught:
        await Socks5("socks5://a", base=Unreachable()).dial("b", 1, timeout_seconds=30)
    assert not isinstance(caught.value, TargetUnreachableError)


async def test_http_goes_through_the_proxy_or_where_it_is_told() -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    async with ScriptedProxy(answers(NO_PASSWORD, GRANTED, page)) as proxy, ScriptedProxy(answers(page)) as other:
        network = Socks5(proxy.url, base=Direct())

        async def dial(host: str, port: int, *, timeout_seconds: float) -> socket.socket:
            return await Direct().dial("127.0.0.1", other.port, timeout_seconds=timeout_seconds)

        for chosen in (None, dial):
            async with network.http_client(chosen) as client:
                assert (await client.get("http://site.example/")).content == b"hi"
        assert (proxy.accepted, other.accepted) == (1, 1)
