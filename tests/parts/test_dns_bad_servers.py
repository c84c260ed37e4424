"""DNS servers that keep silent, lie, flood or break off: an error within the time, and nothing left open."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from mtglib import Dial
from mtglib.network import ClosableResolver, Direct
from mtglib.network.dns.by_url import resolver_from_url
from mtglib.network.dns.https import DNSOverHTTPS
from mtglib.network.dns.message import DNSError
from mtglib.network.dns.resolver import DNSResolver
from mtglib.network.dns.stream import DNSOverStream, Streams
from support.ports import free_port
from support.sockets import recv_exactly
from support.tcp_server import TCPServer
from unit.network.site import Site, response, self_signed

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
timeless = pytest.mark.asyncio(loop_factories=["timeless"])

Datagram = Callable[[bytes], list[bytes]]


@asynccontextmanager
async def udp_server(answers: Datagram) -> AsyncIterator[int]:
    """Answer each datagram with others; yields the port."""

    class Protocol(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            for answer in answers(data):
                self.transport.sendto(answer, addr)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Protocol, local_addr=("127.0.0.1", 0), family=socket.AF_INET
    )
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


class Scripted(TCPServer):
    """Does to each connection what it is told."""

    def __init__(self, script: Callable[[socket.socket], Awaitable[None]]) -> None:
        super().__init__()
        self._script = script

    async def serve_socket(self, sock: socket.socket) -> None:
        await self._script(sock)


def make(url: str, timeout_seconds: float = 0.15) -> DNSResolver:
    resolver = resolver_from_url(url, timeout_seconds=timeout_seconds)
    assert isinstance(resolver, DNSResolver)
    return resolver


def positive(query: bytes) -> bytes:
    """An answer of one address to an A query, made by hand; none to others."""
    question = query[12 : query.index(b"\0", 12) + 5]  # what pads it is behind that
    if question[-4:-2] != b"\0\1":
        return query[:2] + b"\x81\x80" + b"\0\1\0\0\0\0\0\0" + question
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("127.0.0.9")
    return query[:2] + b"\x81\x80" + b"\0\1\0\1\0\0\0\0" + question + record


@timeless
async def test_a_silent_server_is_a_time_out() -> None:
    seen: list[bytes] = []

    def keep(query: bytes) -> list[bytes]:
        seen.append(query)
        return []

    async with udp_server(keep) as port, aclosing(make(f"127.0.0.1:{port}")) as resolver:
        with pytest.raises(TimeoutError, match=rf"^DNS server udp://127\.0\.0\.1:{port}: no answer in time$"):
            await resolver.resolve("a.example", 1)

    assert len(seen) == 6, "three tries for each family"
    assert len({query[:2] for query in seen}) > 1, "with an id of its own each"


@timeless
async def test_a_lost_datagram_is_sent_again() -> None:
    seen: list[bytes] = []

    def lossy(query: bytes) -> list[bytes]:
        seen.append(query)
        return [] if len(seen) <= 2 else [positive(query)]

    async with udp_server(lossy) as port, aclosing(make(f"127.0.0.1:{port}")) as resolver:
        assert await resolver.resolve("a.example", 1) == [(socket.AF_INET, ("127.0.0.9", 1))]


async def test_forged_answers_are_passed_over() -> None:
    def forged(query: bytes) -> list[bytes]:
        other_id = bytes([query[0] ^ 1]) + positive(query)[1:]
        other_name = positive(query).replace(b"\1a\7example", b"\1b\7example")
        return [b"", b"\xff" * 40, other_id, other_name, query, positive(query)]

    async with udp_server(forged) as port, aclosing(make(f"127.0.0.1:{port}", 3)) as resolver:
        assert await resolver.resolve("a.example", 1) == [(socket.AF_INET, ("127.0.0.9", 1))]


async def test_a_flood_of_nonsense_is_an_error() -> None:
    async with udp_server(lambda _: [b"\xff" * 512] * 40) as port, aclosing(make(f"127.0.0.1:{port}", 30)) as resolver:
        with pytest.raises(OSError, match="something that is no answer"):
            await resolver.resolve("a.example", 1)


async def test_nobody_there_is_an_error() -> None:
    port = free_port()
    for scheme in ("udp", "tls", "https"):
        async with aclosing(make(f"{scheme}://127.0.0.1:{port}", 20)) as resolver:
            with pytest.raises(OSError, match=rf"^DNS server {scheme}://127\.0\.0\.1:{port}: .*refused"):
                await resolver.resolve("a.example", 1)


async def keep_silent(sock: socket.socket) -> None:
    while await asyncio.get_running_loop().sock_recv(sock, 65536):
        pass


async def hang_up(sock: socket.socket) -> None:
    await asyncio.get_running_loop().sock_recv(sock, 1)


async def talk_nonsense(sock: socket.socket) -> None:
    while True:
        await asyncio.get_running_loop().sock_sendall(sock, b"nonsense" * 1000)


@pytest.mark.parametrize("scheme", ["tls", "https"])
@pytest.mark.parametrize("script", [keep_silent, hang_up, talk_nonsense])
async def test_a_server_without_tls_is_an_error(
    scheme: str, script: Callable[[socket.socket], Awaitable[None]]
) -> None:
    async with Scripted(script) as server, aclosing(make(f"{scheme}://127.0.0.1:{server.port}")) as resolver:
        with pytest.raises(OSError, match=rf"^DNS server {scheme}://127\.0\.0\.1:{server.port}: .+"):
            await resolver.resolve("a.example", 1)


async def test_tls_that_never_comes_leaves_no_connection_open() -> None:
    ended = asyncio.Event()

    async def watch(sock: socket.socket) -> None:
        await keep_silent(sock)
        ended.set()

    async with Scripted(watch) as server, aclosing(make(f"tls://127.0.0.1:{server.port}")) as resolver:
        with pytest.raises(TimeoutError):
            await resolver.resolve("a.example", 1)
        async with asyncio.timeout(5):
            await ended.wait()


def over_tcp(server: TCPServer, timeout_seconds: float = 5) -> DNSOverStream:
    return DNSOverStream(lambda: asyncio.open_connection("127.0.0.1", server.port), timeout_seconds)


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


@asynccontextmanager
async def over_tls(folder: Path, dial: Dial | None = None) -> AsyncIterator[tuple[ClosableResolver, list[float]]]:
    """A resolver that asks a good server over TLS; and when the connections were over, as the server sees it."""
    ends_mono: list[float] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = int.from_bytes(await reader.readexactly(2))
                writer.write(framed(positive(await reader.readexactly(size))))
        ends_mono.append(asyncio.get_running_loop().time())
        writer.transport.abort()

    pem, context = self_signed(folder, "dns.example")
    trusted = ssl.create_default_context(cafile=str(pem))
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        url = f"tls://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with aclosing(resolver_from_url(url, dial=dial, ssl_context=trusted)) as resolver:
            yield resolver, ends_mono


async def next_query(sock: socket.socket) -> bytes:
    size = int.from_bytes(await recv_exactly(sock, 2), "big")
    return await recv_exactly(sock, size)


async def test_a_kept_connection_that_breaks_is_replaced() -> None:
    connections: list[int] = []

    async def answer_once(sock: socket.socket) -> None:
        connections.append(len(connections))
        await asyncio.get_running_loop().sock_sendall(sock, framed(positive(await next_query(sock))))
        await next_query(sock)

    async with Scripted(answer_once) as server, aclosing(over_tcp(server)) as transport:
        for _ in range(3):
            query, wire = await transport.ask("a.example", "A")
            assert query.read(wire).addresses == ("127.0.0.9",)

    assert connections == [0, 1, 2]


@timeless
async def test_an_idle_connection_is_closed_after_five_seconds_and_the_next_question_has_a_new_one(
    tmp_path: Path,
) -> None:
    loop = asyncio.get_running_loop()
    async with over_tls(tmp_path) as (resolver, ends_mono):
        for count in (1, 2):
            await resolver.resolve(f"{count}.example", 1)
            answered_mono = loop.time()
            await asyncio.sleep(6)
            assert len(ends_mono) == count
            assert ends_mono[-1] - answered_mono == pytest.approx(5)


async def test_closing_at_once_leaves_no_connection_open() -> None:
    ended = asyncio.Event()

    async def watch(sock: socket.socket) -> None:
        with contextlib.suppress(ConnectionResetError):
            await keep_silent(sock)
        ended.set()

    async with Scripted(watch) as server:

        async def open_and_close() -> Streams:
            streams = await asyncio.open_connection("127.0.0.1", server.port)
            closing.append(asyncio.create_task(transport.aclose()))  # before anything is read
            return streams

        closing: list[asyncio.Task[None]] = []
        transport = DNSOverStream(open_and_close, 5)
        asking = asyncio.create_task(transport.ask("a.example", "A"))
        async with asyncio.timeout(20):
            await ended.wait()
        asking.cancel()
        await asyncio.wait((asking, *closing))


@timeless
async def test_silence_is_a_time_out_however_long_one_may_wait() -> None:
    loop = asyncio.get_running_loop()
    begun_mono = loop.time()
    async with Scripted(keep_silent) as server, aclosing(over_tcp(server, 30)) as transport:
        with pytest.raises(TimeoutError):
            await transport.ask("a.example", "A")
    assert loop.time() - begun_mono == pytest.approx(30)


async def over_https(page: bytes, tmp_path: Path, times: int = 1, timeout_seconds: float = 30) -> list[list[str]]:
    """Ask a web server so many times; returns the heads of what it was asked."""
    pem, context = self_signed(tmp_path, "dns.example")
    async with Site({"/dns-query": page}, context) as site:
        trusted = ssl.create_default_context(cafile=str(pem))
        url = f"https://127.0.0.1:{site.port}/dns-query"
        async with aclosing(DNSOverHTTPS(url, Direct().dial, timeout_seconds, trusted)) as transport:
            for _ in range(times):
                await transport.ask("a.example", "A")
        return site.heads


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (response(b"x" * 65_536), "more than 65535 bytes"),
        (CHUNKED + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 16, "more than 65535 bytes"),
        (response(b"", "302 Found", "Location: https://127.0.0.1/"), "HTTP status 302"),
        (response(b"", "500 Internal Server Error"), "HTTP status 500"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000, "can't be asked"),
    ],
)
async def test_a_web_server_that_answers_too_much_or_nothing_of_use_is_an_error(
    page: bytes, text: str, tmp_path: Path
) -> None:
    with pytest.raises(DNSError, match=text):
        await over_https(page, tmp_path)


async def test_a_web_server_that_stalls_in_its_answer_is_a_time_out(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        await over_https(CHUNKED + b"1000\r\n" + b"x" * 4096 + b"\r\n", tmp_path, timeout_seconds=0.2)


async def test_the_longest_answer_is_read(tmp_path: Path) -> None:
    assert await over_https(response(b"x" * 65_535), tmp_path)


async def test_cookies_are_not_sent_back(tmp_path: Path) -> None:
    first, second = await over_https(response(b"x", "200 OK", "Set-Cookie: who=you; Path=/"), tmp_path, times=2)

    assert first == second
    assert not [line for line in second if line.lower().startswith("cookie:")]


@pytest.mark.parametrize("scheme", ["tls", "https"])
async def test_a_time_out_of_the_dial_function_is_one_of_the_server(scheme: str) -> None:
    async def dial(host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        raise TimeoutError("the tunnel is silent")

    async with aclosing(resolver_from_url(f"{scheme}://127.0.0.1:9", dial=dial)) as resolver:
        with pytest.raises(TimeoutError, match=rf"^DNS server {scheme}://127\.0\.0\.1:9: the tunnel is silent$"):
            await resolver.resolve("a.example", 1)


async def test_a_dial_function_of_a_users_may_return_a_blocking_socket(tmp_path: Path) -> None:
    async def dial(host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        sock = await Direct().dial(host, port, timeout_seconds=timeout_seconds)
        sock.setblocking(True)
        return sock

    async with over_tls(tmp_path, dial) as (resolver, _):
        assert await resolver.resolve("a.example", 1) == [(socket.AF_INET, ("127.0.0.9", 1))]


async def test_an_answer_to_something_else_breaks_the_connection() -> None:
    async def lie(sock: socket.socket) -> None:
        query = await next_query(sock)
        await asyncio.get_running_loop().sock_sendall(sock, framed(positive(query).replace(b"\1a\7ex", b"\1b\7ex")))
        await keep_silent(sock)

    async with Scripted(lie) as server, aclosing(over_tcp(server)) as transport:
        with pytest.raises(OSError, match="something that is no answer"):
            await transport.ask("a.example", "A")


async def test_a_flood_of_answers_that_nobody_asked_for_breaks_the_connection() -> None:
    async def flood(sock: socket.socket) -> None:
        query = await next_query(sock)
        while True:
            await asyncio.get_running_loop().sock_sendall(sock, framed(b"\xff\xff" + positive(query)[2:]) * 100)

    async with Scripted(flood) as server, aclosing(over_tcp(server)) as transport:
        with pytest.raises(OSError, match="nobody asked for"):
            await transport.ask("a.example", "A")


async def test_a_network_passes_the_resolvers_error_on_in_time() -> None:
    async with udp_server(lambda _: []) as port, aclosing(make(f"127.0.0.1:{port}", 30)) as resolver:
        with pytest.raises(TimeoutError):
            await Direct(resolver=resolver).dial("a.example", 443, timeout_seconds=0.02)
