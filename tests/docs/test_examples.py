"""The examples do what they say: a client gets through each of them, and each starts and stops as a program."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from examples import (
    admin,
    block_lists,
    embed,
    metrics,
    own_anti_replay,
    own_event_stream,
    own_log,
    own_network,
    own_resolver,
    shared_anti_replay,
    through_socks5,
    tuned,
    users_from_a_database,
)

import mtglib
from support import sockets
from support.client_hello import hello_records
from support.eventually import eventually
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient
from support.front import RecordingFront, answer
from support.redis_server import SERVER, RedisServer
from support.running_proxy import EventRecorder
from support.server_answer import AnswerError
from support.server_process import is_missing
from support.socks_servers import MicroSocks
from support.tcp_server import TCPServer

EXAMPLES = sorted(Path(embed.__file__).parent.glob("*.py"))
SITE = b"HTTP/1.1 400 Bad Request\r\n\r\n"

Serve = Callable[..., Coroutine[Any, Any, None]]


class ConnectProxy(TCPServer):
    """An HTTP proxy that knows CONNECT; ``targets`` are what it was asked for."""

    def __init__(self, status: bytes = b"200 OK") -> None:
        super().__init__()
        self.targets: list[str] = []
        self._status = status

    async def serve_socket(self, sock: socket.socket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += await sockets.recv_exactly(sock, 1)
        self.targets.append(request.split()[1].decode())
        await sockets.send_all(sock, b"HTTP/1.1 " + self._status + b"\r\nVia: a test\r\n\r\n")
        if not self._status.startswith(b"200"):
            return
        host, port = self.targets[-1].split(":")
        there = await sockets.connect(host, int(port))
        try:
            await asyncio.gather(_copy(sock, there), _copy(there, sock))
        finally:
            sockets.close(there)


async def _copy(source: socket.socket, sink: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(source, sockets.RECV_BYTES):
        await loop.sock_sendall(sink, data)
    sockets.send_eof(sink)


@asynccontextmanager
async def serving(
    serve: Serve, dc: FakeDC, *parts: object, secret: mtglib.Secret | None = None, **changes: Any
) -> AsyncIterator[tuple[mtglib.Secret, int]]:
    """An example's proxy for the length of the context: its secret and its port."""
    secret = secret or mtglib.Secret.generate("front.example")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        site: dict[str, Any] = {"domain_fronting_ip": "127.0.0.1", "front_learning": None}
        changes = {"dc_overrides": {2: [dc.address]}, **site, **changes}
        task = asyncio.create_task(serve(secret, listener, *parts, **changes))
        try:
            yield secret, listener.getsockname()[1]
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def get_an_echo(secret: mtglib.Secret, port: int) -> bytes:
    """A client's whole visit; returns its hello."""
    async with await FakeTLSClient.connect("127.0.0.1", port, secret) as client:
        await client.send(b"hello through an example" * 1000)
        assert await client.recv_exactly(24_000) == b"hello through an example" * 1000
        client.send_eof()
        assert await client.recv_until_end() == sockets.Received(b"", "eof")
        return client.hello


async def test_embed_lets_a_client_through() -> None:
    async with FakeDC() as dc, serving(embed.serve, dc) as (secret, port):
        await get_an_echo(secret, port)


async def test_own_anti_replay_remembers_over_a_restart(tmp_path: Path) -> None:
    database, events = tmp_path / "replay.sqlite", EventRecorder()
    async with FakeDC() as dc, RecordingFront(answer(SITE)) as site:
        async with serving(own_anti_replay.serve, dc, database) as (secret, port):
            hello = await get_an_echo(secret, port)

        changes: dict[str, Any] = {"secret": secret, "domain_fronting_port": site.port, "event_stream": events}
        async with serving(own_anti_replay.serve, dc, database, **changes) as (_, port):
            sock = await sockets.connect("127.0.0.1", port)
            await sockets.send_all(sock, hello_records(hello))
            assert await sockets.recv_exactly(sock, len(SITE)) == SITE
            sockets.close(sock)
    assert len(events.of(mtglib.EventReplayAttack)) == 1


async def test_own_anti_replay_forgets_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("examples.own_anti_replay.MOST_HELLOS", 2)
    cache = own_anti_replay.SQLiteCache(tmp_path / "replay.sqlite")
    assert [await cache.seen_before(data) for data in (b"a", b"b", b"b", b"c")] == [False, False, True, False]
    assert [await cache.seen_before(data) for data in (b"b", b"c", b"a")] == [True, True, False]
    cache.close()


@pytest.mark.skipif(SERVER is None, reason="redis-server is not installed")
async def test_shared_anti_replay_tells_one_proxy_what_another_has_seen() -> None:
    events = EventRecorder()
    async with (
        FakeDC() as dc,
        RecordingFront(answer(SITE)) as site,
        RedisServer() as redis,
        serving(shared_anti_replay.serve, dc, redis.url) as (secret, port),
    ):
        hello = await get_an_echo(secret, port)
        changes: dict[str, Any] = {"secret": secret, "domain_fronting_port": site.port, "event_stream": events}
        async with serving(shared_anti_replay.serve, dc, redis.url, **changes) as (_, other_port):
            # One of its own first: from then on it knows that the server is there.
            await get_an_echo(secret, other_port)
            sock = await sockets.connect("127.0.0.1", other_port)
            await sockets.send_all(sock, hello_records(hello))
            assert await sockets.recv_exactly(sock, len(SITE)) == SITE
            sockets.close(sock)
    assert len(events.of(mtglib.EventReplayAttack)) == 1


async def test_own_network_reaches_the_dc_through_the_proxy() -> None:
    async with FakeDC() as dc, ConnectProxy() as tunnel:
        async with serving(own_network.serve, dc, f"http://{tunnel.address}") as (secret, port):
            await get_an_echo(secret, port)
        assert tunnel.targets == [dc.address]


@pytest.mark.parametrize("status", [b"403 Forbidden", b"", b"x" * 20_000])
async def test_own_network_without_a_tunnel_is_an_os_error(status: bytes) -> None:
    async with ConnectProxy(status) as tunnel:
        network = own_network.HTTPProxyNetwork(f"http://{tunnel.address}")
        with pytest.raises(OSError, match=r"refuses|doesn't speak"):
            await network.dial("127.0.0.1", 9, timeout_seconds=30)


async def test_own_event_stream_counts() -> None:
    counts = own_event_stream.Counts()
    async with FakeDC() as dc, serving(own_event_stream.serve, dc, counts) as (secret, port):
        await get_an_echo(secret, port)
        await get_an_echo(secret, port)
    assert counts.now["connections"] == 0
    assert [line.split(maxsplit=1) for line in counts.lines()] == [
        ["48000", "bytes from clients"],
        ["48000", "bytes to clients"],
        ["2", "connections"],
        ["2", "connections to DC 2"],
    ]


async def test_tuned_parts_let_a_client_through_whose_address_is_masked(capfd: pytest.CaptureFixture[str]) -> None:
    async with FakeDC() as dc, serving(tuned.serve, dc, "udp://127.0.0.1:9") as (secret, port):
        await get_an_echo(secret, port)
        log = ""

        def is_told() -> bool:
            nonlocal log
            log += capfd.readouterr().err
            return "127.0.0.0/24" in log

        await eventually(is_told)
    assert '"client_ip":"127.0.0.1"' not in log


async def test_block_lists_turn_away_who_is_listed(tmp_path: Path) -> None:
    (netset := tmp_path / "my.netset").write_text("# mine\n127.0.0.0/8\n")
    events = EventRecorder()
    async with (
        FakeDC() as dc,
        serving(block_lists.serve, dc, [str(netset)], event_stream=events) as (_, port),
    ):
        sockets.close(await sockets.connect("127.0.0.1", port))
        (event,) = await events.seen(mtglib.EventIPBlocklisted)
    assert (str(event.remote_ip), event.is_block_list) == ("127.0.0.1", True)


async def test_block_lists_let_others_in(tmp_path: Path) -> None:
    (netset := tmp_path / "my.netset").write_text("192.0.2.0/24\n")
    async with FakeDC() as dc, serving(block_lists.serve, dc, [str(netset)]) as (secret, port):
        await get_an_echo(secret, port)


async def visit(address: tuple[str, int]) -> bytes:
    visitor = await sockets.connect(*address)
    await sockets.send_all(visitor, b"GET /metrics HTTP/1.1\r\n\r\n")
    page = (await sockets.recv_until_end(visitor)).data
    sockets.close(visitor)
    return page


async def test_metrics_are_served_and_sent() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as page,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd,
    ):
        statsd.bind(("127.0.0.1", 0))
        async with FakeDC() as dc, serving(metrics.serve, dc, page, statsd.getsockname()) as (secret, port):
            await get_an_echo(secret, port)
            async with asyncio.timeout(20):
                while b"mtg_handshake_seconds_count 1\n" not in await visit(page.getsockname()):
                    pass
        assert b"|g|#ip_family:ipv4\n" in statsd.recv(65_536)


async def test_own_log_gets_a_line_for_a_connection(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with FakeDC() as dc, serving(own_log.serve, dc, logging.getLogger("app")) as (secret, port):
            await get_an_echo(secret, port)
            await eventually(lambda: caplog.records)
    assert caplog.records[0].name == "app.proxy"
    assert caplog.records[0].getMessage().startswith("finished stream_id=")


async def test_own_resolver_finds_the_site() -> None:
    changes: dict[str, Any] = {"domain_fronting_ip": None}
    async with FakeDC() as dc, RecordingFront(answer(SITE)) as site:
        changes["domain_fronting_port"] = site.port
        async with serving(own_resolver.serve, dc, {"front.example": "127.0.0.1"}, **changes) as (_, port):
            sock = await sockets.connect("127.0.0.1", port)
            await sockets.send_all(sock, b"GET / HTTP/1.1\r\n\r\n")
            assert await sockets.recv_exactly(sock, len(SITE)) == SITE
            sockets.close(sock)


async def test_admin_lists_connections_and_ends_one(capsys: pytest.CaptureFixture[str]) -> None:
    typed, printed = asyncio.Queue[str](), ""

    async def lines() -> AsyncIterator[str]:
        while True:
            yield await typed.get()

    async def said(line: str, expected: str) -> str:
        nonlocal printed
        printed = ""
        typed.put_nowait(line)

        def is_said() -> bool:
            nonlocal printed
            printed += capsys.readouterr().out
            return expected in printed

        await eventually(is_said)
        return printed

    async with FakeDC() as dc, serving(admin.serve, dc, lines()) as (secret, port):
        await said("list\n", "there are no connections")
        async with await FakeTLSClient.connect("127.0.0.1", port, secret) as client:
            await client.send(b"in")
            assert await client.recv_exactly(2) == b"in"
            stream_id = (await said("list\n", "default from 127.0.0.1  DC 2")).split()[0]
            await said("end nobody\n", "there is no such connection")
            await said(f"end {stream_id}\n", "ended")
            assert (await client.recv_until_end()).data == b""
        await said("help\n", "type `list`")


async def test_users_come_from_the_database_and_their_usage_goes_there(tmp_path: Path) -> None:
    path = tmp_path / "users.sqlite3"
    users_from_a_database.add_users(path, ["joe", "jane"], "front.example")
    joe, jane = users_from_a_database.read_users(path)

    def used_bytes(name: str) -> int:
        with closing(sqlite3.connect(path)) as database:
            (row,) = database.execute("SELECT used_bytes FROM users WHERE name = ?", (name,))
            return int(row[0])

    async def serve(_: mtglib.Secret, listener: socket.socket, **changes: Any) -> None:
        await users_from_a_database.serve(path, "front.example", listener, 0.05, **changes)

    async with FakeDC() as dc, serving(serve, dc) as (_, port):
        await get_an_echo(joe.secret, port)
        await eventually(lambda: used_bytes("joe") == 48_000)
        assert used_bytes("jane") == 0
        users_from_a_database.add_users(path, ["jim"], "front.example")
        (jim,) = [user for user in users_from_a_database.read_users(path) if user.name == "jim"]

        async def jim_is_in() -> bool:
            with suppress(AnswerError, TimeoutError, OSError, EOFError):
                async with await FakeTLSClient.connect("127.0.0.1", port, jim.secret, handshake_timeout=0.3):
                    return True
            return False

        async with asyncio.timeout(20):
            while not await jim_is_in():
                pass
        await get_an_echo(jane.secret, port)


@pytest.mark.skipif(is_missing("microsocks") is not None, reason="microsocks is not installed")
async def test_socks5_proxies_are_used_and_one_may_be_away() -> None:
    async with FakeDC() as dc, MicroSocks("joe", "hush") as proxy, MicroSocks() as away:
        await away.kill()
        async with serving(through_socks5.serve, dc, [proxy.url, away.url]) as (secret, port):
            for _ in range(4):
                await get_an_echo(secret, port)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_shows_a_link_and_ends_with_ctrl_c(example: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, example, "--port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        link = parse_qs(urlsplit(process.stdout.readline()).query)
        with socket.create_connection(("127.0.0.1", int(link["port"][0]))) as visitor:
            visitor.shutdown(socket.SHUT_WR)
            assert visitor.recv(1) == b""  # who says nothing is closed: it serves by now
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert mtglib.Secret.parse(link["secret"][0]).host == "www.example.com"
    assert process.returncode == 0
    assert not [line for line in errors.splitlines() if not line.startswith('{"level":"info",')]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_in_the_documentation(example: Path) -> None:
    pages = [Path(example.parent.parent, "README.md"), *Path(example.parent.parent, "docs").glob("*.md")]
    assert any(f"examples/{example.name}" in page.read_text() for page in pages)
