"""The page of metrics as visitors get it: good ones, and those who stall, flood and leave."""

from __future__ import annotations

import asyncio
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from integration.stage import check_fds, open_fds
from mtglib.stats import Prometheus
from support import sockets
from support.event_samples import stream_of
from support.metrics_page import value

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
timeless = pytest.mark.asyncio(loop_factories=["timeless"])
GET = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


@asynccontextmanager
async def serving(prometheus: Prometheus, http_path: str = "/metrics") -> AsyncIterator[int]:
    """Serve for the length of the context; the port. Afterwards no descriptor may be left."""
    before = open_fds()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(prometheus.serve(listener, http_path))
        try:
            yield listener.getsockname()[1]
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert listener.fileno() >= 0, "it stays the caller's"
    await check_fds(before)


async def visit(port: int, request: bytes = GET) -> sockets.Received:
    sock = await sockets.connect("127.0.0.1", port)
    try:
        await sockets.send_all(sock, request)
        return await sockets.recv_until_end(sock)
    finally:
        sockets.close(sock)


def fetch(port: int, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    """What Python's own HTTP client makes of it: status, content type, body."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.headers["Content-Type"], response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, "", error.read()


async def test_page_is_served_with_its_content_type() -> None:
    prometheus = Prometheus()
    await prometheus.observe(stream_of("a", "dc")[:-1])
    async with serving(prometheus) as port:
        status, content_type, page = await asyncio.to_thread(fetch, port, "/metrics?x=y")

    assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert page == prometheus.render()
    assert value(page, "mtg_client_connections", ip_family="ipv4") == 1


async def test_other_paths_and_methods_are_refused() -> None:
    async with serving(Prometheus()) as port:
        assert (await asyncio.to_thread(fetch, port, "/"))[0] == 404
        assert (await asyncio.to_thread(fetch, port, "/metrics", "DELETE"))[0] == 405
        assert await asyncio.to_thread(fetch, port, "/metrics", "HEAD") == (
            200,
            "text/plain; version=0.0.4; charset=utf-8",
            b"",
        )


async def test_request_may_come_in_pieces_and_be_half_closed() -> None:
    async with serving(Prometheus()) as port:
        sock = await sockets.connect("127.0.0.1", port)
        await sockets.send_all(sock, GET, segment_bytes=1)
        sockets.send_eof(sock)
        received = await sockets.recv_until_end(sock)
        sockets.close(sock)

    assert received.data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.ending == "eof"


def status(received: sockets.Received) -> int:
    return int(received.data.split(b" ")[1])


@pytest.mark.parametrize("request_", [b"\x16\x03\x01\r\n\r\n", b"GET /metrics\r\n\r\n", b"GET /a b HTTP/1.1\r\n\r\n"])
async def test_what_is_no_request_is_a_bad_one(request_: bytes) -> None:
    async with serving(Prometheus()) as port:
        assert status(await visit(port, request_)) == 400


@pytest.mark.parametrize("target", ["http://192.0.2.1:3129/metrics?x=y", "HTTP://[::1]:3129/metrics", "/metrics"])
async def test_request_may_name_a_whole_url(target: str) -> None:
    async with serving(Prometheus()) as port:
        received = await visit(port, f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    assert status(received) == 200
    assert b"\r\nServer: http\r\n" in received.data


@pytest.mark.parametrize(
    ("served", "asked", "expected"),
    [("/", "/", 200), ("/", "/metrics", 200), ("/a/", "/a/b", 200), ("/a/", "/a", 404), ("/a", "/a/", 404)],
)
async def test_path_with_a_slash_at_its_end_serves_all_below(served: str, asked: str, expected: int) -> None:
    async with serving(Prometheus(), served) as port:
        assert (await asyncio.to_thread(fetch, port, asked))[0] == expected


async def test_visitor_who_sends_too_much_is_closed() -> None:
    async with serving(Prometheus()) as port:
        sock = await sockets.connect("127.0.0.1", port)
        with suppress(OSError):
            while True:
                await sockets.send_all(sock, b"x" * 65_536)
        sockets.close(sock)

        assert (await visit(port)).data.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
async def test_request_of_more_than_8_kib_is_a_bad_one(end: bytes) -> None:
    async with serving(Prometheus()) as port:
        assert status(await visit(port, GET[:-2] + b"X: " + b"x" * 9 * 1024 + end)) == 400


async def test_request_of_less_than_8_kib_is_answered() -> None:
    async with serving(Prometheus()) as port:
        request = GET[:-2] + b"X: " + b"x" * 8000 + b"\r\n\r\n"
        assert (await visit(port, request)).data.startswith(b"HTTP/1.1 200 ")


async def test_page_that_cannot_be_made_is_told_and_the_next_is_served() -> None:
    dropped: list[int] = []
    prometheus = Prometheus()
    prometheus.sample("events_dropped", dropped.pop)
    async with serving(prometheus) as port:
        broken = await visit(port)
        dropped.append(7)
        page = (await visit(port)).data.partition(b"\r\n\r\n")[2]

    assert broken.data.startswith(b"HTTP/1.1 500 ")
    assert value(page, "mtg_events_dropped") == 7


async def drip(sock: socket.socket) -> None:
    while True:
        await sockets.send_all(sock, b"x")
        await asyncio.sleep(0.01)  # or the request would be too long before it is too late


@timeless
async def test_visitor_who_sends_byte_by_byte_for_ever_is_closed() -> None:
    async with serving(Prometheus()) as port:
        sock = await sockets.connect("127.0.0.1", port)
        with pytest.raises(OSError):
            await drip(sock)
        sockets.close(sock)


@timeless
@pytest.mark.parametrize("said", [b"", b"\r\n\r\n", GET[:20]])
async def test_visitor_who_says_too_little_is_closed_after_five_seconds(said: bytes) -> None:
    loop = asyncio.get_running_loop()
    async with serving(Prometheus()) as port:
        begun_mono = loop.time()
        assert (await visit(port, said)).data == b""
        assert loop.time() - begun_mono == pytest.approx(5)


@timeless
async def test_visitor_who_does_not_read_is_closed_after_five_seconds() -> None:
    prometheus = Prometheus()
    prometheus.sample("build_info", lambda: {("x" * 20_000_000, ""): 1})
    async with serving(prometheus) as port:
        assert (await visit(port, b"-\r\n\r\n")).data  # it is there by now, with all that it opens
        alone = len(open_fds())
        sock = await sockets.connect("127.0.0.1", port, receive_buffer_bytes=4096)
        await sockets.send_all(sock, GET)
        assert await sockets.recv_exactly(sock, 4) == b"HTTP"
        await asyncio.sleep(4.9)
        assert len(open_fds()) == alone + 2
        await asyncio.sleep(0.2)
        assert len(open_fds()) == alone + 1
        sockets.close(sock)


async def test_visitor_beyond_the_limit_replaces_the_one_who_has_been_there_for_longest() -> None:
    async with serving(Prometheus()) as port:
        silent = [await sockets.connect("127.0.0.1", port) for _ in range(17)]
        for sock in silent:
            with suppress(OSError):
                await sockets.send_all(sock, GET[:10])
        assert await sockets.recv_until_end(silent[0])
        assert (await visit(port)).data.startswith(b"HTTP/1.1 200 ")
        assert await sockets.recv_until_end(silent[1])

        for sock in silent[2:]:
            await sockets.send_all(sock, GET[10:])
            assert (await sockets.recv_until_end(sock)).data.startswith(b"HTTP/1.1 200 ")
        for sock in silent:
            sockets.close(sock)


async def test_slow_readers_keep_nobody_out() -> None:
    prometheus = Prometheus()
    prometheus.sample("build_info", lambda: {("x" * 5_000_000, ""): 1})
    async with serving(prometheus) as port:
        slow = [await sockets.connect("127.0.0.1", port, receive_buffer_bytes=4096) for _ in range(16)]
        for sock in slow:
            await sockets.send_all(sock, GET)
            assert await sockets.recv_exactly(sock, 4) == b"HTTP"
        prometheus.sample("build_info", dict)
        for _ in range(16):
            page = await visit(port)
            assert page.data.startswith(b"HTTP/1.1 200 ")
            assert page.data.endswith(prometheus.render())
        for sock in slow:
            sockets.close(sock)


@pytest.mark.parametrize("leave", [sockets.close, sockets.reset])
async def test_visitor_who_leaves_early_harms_nobody(leave: object) -> None:
    assert callable(leave)
    unhandled: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unhandled.append(context))
    async with serving(Prometheus()) as port:
        for sent in (b"", GET[:5], GET):
            sock = await sockets.connect("127.0.0.1", port)
            await sockets.send_all(sock, sent)
            leave(sock)
        assert (await visit(port)).data.startswith(b"HTTP/1.1 200 ")
    assert unhandled == []


@timeless
async def test_ending_closes_who_is_there_at_once() -> None:
    loop = asyncio.get_running_loop()
    begun_mono = loop.time()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(Prometheus().serve(listener))
        sock = await sockets.connect("127.0.0.1", listener.getsockname()[1])
        await sockets.send_all(sock, GET[:5])
        assert (await visit(listener.getsockname()[1])).data  # by now the other one is known, too
        task.cancel()
        assert (await sockets.recv_until_end(sock)).data == b""
        assert loop.time() == begun_mono
        sockets.close(sock)
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_what_is_counted_meanwhile_is_on_the_next_page() -> None:
    prometheus = Prometheus()
    async with serving(prometheus, "/") as port:
        for number in range(3):
            await prometheus.observe(stream_of(str(number), "dc")[:-1])
            page = (await visit(port)).data.partition(b"\r\n\r\n")[2]
            assert value(page, "mtg_client_connections", ip_family="ipv4") == number + 1
