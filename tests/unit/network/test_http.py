"""The HTTP client goes wherever its dial function takes it, and nowhere else."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import pytest

from mtglib.network import Direct
from mtglib.network.http import _Backend
from mtglib.network.trust import default_context
from support.eventually import eventually
from unit.network.site import Site, response, self_signed

Dial = Callable[..., Awaitable[socket.socket]]


class Dialled:
    """A dial function that leads to one port of this machine, whatever the name."""

    def __init__(self, port: int) -> None:
        self.asked_for: list[tuple[str, int]] = []
        self._port = port

    async def __call__(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.asked_for.append((host, port))
        return await Direct().dial("127.0.0.1", self._port, timeout_seconds=timeout_seconds)


async def test_by_default_the_network_itself_dials() -> None:
    async with Site({"/": response(b"hello")}) as site, Direct().http_client() as client:
        answer = await client.get(f"http://127.0.0.1:{site.port}/")

        assert (answer.status_code, answer.content) == (200, b"hello")


async def test_names_go_to_the_dial_function_and_the_connection_is_kept() -> None:
    async with Site({"/a": response(b"A"), "/b": response(b"B")}) as site:
        dial = Dialled(site.port)
        async with Direct().http_client(dial) as client:
            bodies = [(await client.get(f"http://site.example:8080{path}")).content for path in ("/a", "/b")]

        assert bodies == [b"A", b"B"]
        assert dial.asked_for == [("site.example", 8080)]
        assert site.requests == [("GET /a HTTP/1.1", "site.example:8080"), ("GET /b HTTP/1.1", "site.example:8080")]


async def test_redirects_are_followed_through_the_same_dial() -> None:
    moved = response(b"", "302 Found", "Location: http://other.example/new?x=1")
    async with Site({"/old": moved, "/new?x=1": response(b"here")}) as site:
        dial = Dialled(site.port)
        async with Direct().http_client(dial) as client:
            answer = await client.get("http://site.example/old")

        assert (answer.content, str(answer.url)) == (b"here", "http://other.example/new?x=1")
        assert dial.asked_for == [("site.example", 80), ("other.example", 80)]


async def test_the_environments_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    async with Site({"/": response(b"direct")}) as site:
        dial = Dialled(site.port)
        async with Direct().http_client(dial) as client:
            assert (await client.get("http://site.example/")).content == b"direct"
        assert dial.asked_for == [("site.example", 80)]


async def test_tls_is_checked_against_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem, context = self_signed(tmp_path, "site.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    async with Site({"/": response(b"secret")}, context) as site:
        dial = Dialled(site.port)
        async with Direct().http_client(dial) as client:
            assert (await client.get("https://site.example/")).content == b"secret"
            with pytest.raises(httpx2.ConnectError, match="certificate"):
                await client.get("https://other.example/")
        assert dial.asked_for == [("site.example", 443), ("other.example", 443)]
        assert len(site.requests) == 1


async def test_an_unknown_certificate_is_refused(tmp_path: Path) -> None:
    _, context = self_signed(tmp_path, "site.example")
    async with Site({"/": response(b"secret")}, context) as site, Direct().http_client(Dialled(site.port)) as client:
        with pytest.raises(httpx2.ConnectError, match="certificate"):
            await client.get("https://site.example/")
        assert site.requests == []


async def test_http_2_is_spoken_with_who_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem, context = self_signed(tmp_path, "site.example")
    context.set_alpn_protocols(["h2", "http/1.1"])
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    async with Site({}, context) as site, Direct().http_client(Dialled(site.port)) as client:
        answer = await client.get("https://site.example/q")

        assert (answer.http_version, answer.content) == ("HTTP/2", b"over HTTP/2")
        assert site.requests == [("GET /q HTTP/2", "site.example")]


async def test_large_bodies_come_whole() -> None:
    body = bytes(range(256)) * 20_000
    async with Site({"/": response(body)}) as site, Direct().http_client(Dialled(site.port)) as client:
        assert (await client.get("http://site.example/")).content == body


async def test_a_dial_that_fails_is_the_requests_error() -> None:
    async def refuse(host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        raise ConnectionRefusedError(f"{host} {port} within {timeout_seconds}")

    async with Direct().http_client(refuse) as client:
        with pytest.raises(httpx2.ConnectError, match=r"^site\.example 80 within 10") as caught:
            await client.get("http://site.example/")
        assert isinstance(caught.value.__cause__, ConnectionRefusedError)


async def test_silence_ends_in_time() -> None:
    async with Site({}) as site, Direct().http_client(Dialled(site.port)) as client:
        with pytest.raises(httpx2.ReadTimeout):
            await client.get("http://site.example/silent", timeout=0.05)


async def test_leaving_the_client_closes_its_connections() -> None:
    async with Site({"/": response(b"x")}) as site:
        async with Direct().http_client(Dialled(site.port)) as client:
            await asyncio.gather(*(client.get("http://site.example/") for _ in range(5)))
            assert site.open
        await eventually(lambda: not site.open)


async def test_the_dial_functions_own_time_out_is_heard() -> None:
    async def dial(host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        try:
            async with asyncio.timeout(timeout_seconds):
                await asyncio.Event().wait()
        except TimeoutError:
            raise TimeoutError("the tunnel is silent") from None
        raise AssertionError

    async with Direct().http_client(dial, timeout_seconds=0.01) as client:
        with pytest.raises(httpx2.ConnectTimeout, match=r"^the tunnel is silent$"):
            await client.get("http://site.example/")


@pytest.mark.parametrize(("timeout_seconds", "told_seconds"), [(0, 0), (None, 10)])
async def test_a_requests_own_time_out_is_passed_on(timeout_seconds: float | None, told_seconds: float) -> None:
    told: list[float] = []

    async def dial(host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        told.append(timeout_seconds)
        raise ConnectionRefusedError

    async with Direct().http_client(dial) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get("http://site.example/", timeout=timeout_seconds)
    assert told == [told_seconds]


async def test_a_dial_function_may_return_a_blocking_socket() -> None:
    async def dial(host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        sock = await Direct().dial("127.0.0.1", site.port, timeout_seconds=timeout_seconds)
        sock.setblocking(True)
        return sock

    async with Site({"/": response(b"hello")}) as site, Direct().http_client(dial) as client:
        assert (await client.get("http://site.example/")).content == b"hello"


async def test_a_socket_that_can_not_be_used_is_closed() -> None:
    datagrams = socket.socket(type=socket.SOCK_DGRAM)

    async def dial(host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        return datagrams

    async with Direct().http_client(dial) as client:
        with pytest.raises(ValueError):
            await client.get("http://site.example/")
    assert datagrams.fileno() == -1


async def test_the_systems_authorities_are_read_once_and_not_in_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_in: list[threading.Thread] = []
    make = ssl.create_default_context

    def seen() -> ssl.SSLContext:
        read_in.append(threading.current_thread())
        return make()

    pem, context = self_signed(tmp_path, "site.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    monkeypatch.setattr(ssl, "create_default_context", seen)
    async with Site({"/": response(b"secret")}, context) as site:
        for _ in range(3):
            async with Direct().http_client(Dialled(site.port)) as client:
                await asyncio.gather(*(client.get("https://site.example/") for _ in range(2)))
        assert len(read_in) == 1
        assert read_in[0] is not threading.main_thread()

        os.utime(pem, ns=(1, 1))
        async with Direct().http_client(Dialled(site.port)) as client:
            await client.get("https://site.example/")
    assert len(read_in) == 2, "the file has changed"


async def test_dns_and_http_have_a_context_each() -> None:
    assert await default_context("http") is await default_context("http")
    assert await default_context("http") is not await default_context("dns")


@pytest.mark.parametrize("farewell", [b"", b"HTTP/1.1 408 Request Timeout"])
async def test_an_idle_connection_tells_that_its_server_has_ended_it(farewell: bytes) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def dial(host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        return ours

    stream = await _Backend(dial).connect_tcp("site.example", 80)
    theirs.sendall(b"answer")
    assert await stream.read(100) == b"answer"
    assert not stream.get_extra_info("is_readable")
    theirs.sendall(farewell)
    theirs.close()

    await eventually(lambda: stream.get_extra_info("is_readable"))
    await stream.aclose()
