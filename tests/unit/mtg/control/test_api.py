"""What a client gets for what it asks, over both listeners of a running program; and for what it should not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import mtg
import mtglib
from mtg.control.handlers.events import MOST_READERS
from support.control import Address, ask, connect, parse, read_event, request, say
from unit.mtg.control.running import SECRET, running

TOKEN = "0123456789abcdef"

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


async def test_status(tmp_path: Path) -> None:
    async with running(tmp_path) as program:
        answer = await ask(program.socket, "GET", "/v1/status")
    assert answer.status == 200
    found = answer.body
    assert (found["version"], found["phase"], found["config"]) == (
        mtg.__version__,
        "running",
        str(Path("test").absolute()),
    )
    assert found["listeners"] == list(program.app.status().listens)
    assert found["engine"] == mtglib.engine_description()
    assert found["limits"]["connections"] == {"now": 0, "most": 8192}
    assert found["limits"]["visitors"] == {"now": 0, "most": 4096}
    assert 0 < found["limits"]["open_files"]["now"] < found["limits"]["open_files"]["most"]
    assert found["front"]["address"] == "front.example:443"
    assert found["uptime_seconds"] >= 0
    assert SECRET.hex() not in str(found)


async def test_lists_and_their_problems_are_in_the_status_and_reloads(tmp_path: Path) -> None:
    (good := tmp_path / "good").write_text("192.0.2.0/24\n198.51.100.0/24\nnonsense\n")
    settings = {"enabled": True, "urls": [str(good), str(tmp_path / "missing")]}
    async with running(tmp_path, defense={"blocklist": settings}) as program:
        reload = (await ask(program.socket, "POST", "/v1/reload")).body
        found = (await ask(program.socket, "GET", "/v1/status")).body
    ((blocked),) = found["lists"]
    assert (blocked["name"], blocked["prefixes"]) == ("blocklist", 2)
    assert [source["broken_lines"] for source in blocked["sources"]] == [1, 0]
    assert [bool(source["problem"]) for source in blocked["sources"]] == [False, True]
    assert reload["is_applied"]
    assert [problem.startswith(f"{tmp_path}/missing: ") for problem in reload["problems"]] == [True]
    assert found["last_reload"] == reload
    assert reload["at_unix"] >= found["started_unix"]


async def test_the_document_of_mtg_multi(tmp_path: Path) -> None:
    async with running(tmp_path) as program:
        answer = await ask(program.api, "GET", "/stats")
    assert answer.status == 200
    assert answer.body["users"] == {"default": {"connections": 0, "bytes_in": 0, "bytes_out": 0, "last_seen": None}}
    assert (answer.body["total_connections"], answer.body["uptime_seconds"]) == (0, 0)
    assert answer.body["started_at"].endswith("Z")


@pytest.mark.parametrize("path", ["/v1/status", "/v1/openapi.json", "/nothing", "/v1/reload", "/metrics"])
async def test_over_tcp_without_a_token_only_stats_are_told(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as program:
        assert (await ask(program.api, "GET", path)).status == 403
        assert (await ask(program.api, "POST", "/v1/reload", Authorization=f"Bearer {TOKEN}")).status == 403
        assert (await ask(program.socket, "GET", "/v1/openapi.json")).status == 200


async def test_over_tcp_with_a_token_everything_needs_it(tmp_path: Path) -> None:
    async with running(tmp_path, token=TOKEN) as program:
        for path in ("/stats", "/v1/status", "/nothing"):
            refused = await ask(program.api, "GET", path)
            assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
        for path, status in (("/stats", 200), ("/v1/status", 200), ("/nothing", 404)):
            assert (await ask(program.api, "GET", path, Authorization=f"Bearer {TOKEN}")).status == status
        assert (await ask(program.socket, "GET", "/stats")).status == 200


async def test_answers_are_for_no_browser(tmp_path: Path) -> None:
    async with running(tmp_path) as program:
        answer = await ask(program.api, "GET", "/stats", Origin="https://a.example", Cookie="a=b")
        assert (await ask(program.api, "OPTIONS", "/stats", Origin="https://a.example")).status == 403
    names = set(answer.headers)
    assert not {name for name in names if name.startswith("access-control") or "cookie" in name}
    assert answer.headers["server"] == "http"


async def test_a_wrong_token_ten_thousand_times_is_one_line(tmp_path: Path) -> None:
    async with running(tmp_path, token=TOKEN) as program:
        for _ in range(200):  # test_access has ten thousand
            assert (await ask(program.api, "GET", "/v1/status", Authorization="Bearer wrong")).status == 401
    assert len([line for line in program.warnings if "wrong token" in line]) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/connections?user=a&user=b", 200),
        ("GET", "/v1/connections?usr=a", 400),
        ("GET", "/v1/status?%ff=1", 400),
        ("DELETE", "/v1/connections/nobody", 404),
        ("DELETE", "/v1/connections/%2e%2e%2fa", 404),
        ("PUT", "/v1/status", 405),
        ("BREW", "/v1/status", 400),
        ("PATCH", "/v1/status", 405),
        ("HEAD", "/v1/events", 405),
        ("GET", "/%00", 404),
        ("GET", "http://x/v1/status", 200),
    ],
)
async def test_other_requests(tmp_path: Path, method: str, path: str, status: int) -> None:
    async with running(tmp_path) as program:
        answer = parse(await say(program.socket, request(method, path)))
        assert answer.status == status
        assert (await ask(program.socket, "GET", "/v1/status")).status == 200
    assert program.warnings == []


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 10_000 + b"\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost: x\r\n" + b"X: x\r\n" * 200 + b"\r\n",
        b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /v1/status\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_a_bad_one(tmp_path: Path, said: bytes) -> None:
    async with running(tmp_path) as program:
        answer = parse(await say(program.socket, said))
        assert (answer.status, answer.body) == (400, {"error": "bad request"})
        assert (await ask(program.socket, "GET", "/v1/status")).status == 200
    assert program.warnings == []


@pytest.mark.parametrize("length", [65_537, 2**20, 2**60])
async def test_a_body_that_is_too_large_is_not_read(tmp_path: Path, length: int) -> None:
    async with running(tmp_path) as program:
        answer = parse(await say(program.socket, request("POST", "/v1/reload", Content_Length=str(length))))
    assert answer.status == 413
    assert answer.body["error"] == "the body is too large: expected at most 65536 bytes"


async def test_a_bug_is_told_in_a_line_and_the_next_request_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: mtglib.Proxy, __: str) -> bool:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(mtglib.Proxy, "end", fail)
    async with running(tmp_path) as program:
        answer = await ask(program.socket, "DELETE", "/v1/connections/a")
        assert (await ask(program.socket, "GET", "/v1/status")).status == 200
    assert answer.status == 500
    assert answer.body["error"] == "internal error: ZeroDivisionError (the log says more)"
    assert program.warnings == ["DELETE /v1/connections/a failed"]


async def test_events_are_followed_until_the_client_leaves(tmp_path: Path) -> None:
    async with running(tmp_path) as program:
        observed = program.app.parts.observed
        assert observed is not None
        reader, writer = await connect(program.socket)
        writer.write(request("GET", "/v1/events"))
        assert parse(await reader.readuntil(b"\r\n\r\n")).status == 200
        await reader.readuntil(b": events follow\n")
        for size in range(3):
            program.app.parts.fanout.send(mtglib.EventIPListSize(size=size, is_block_list=True))
        for size in range(3):
            name, data = await read_event(reader)
            assert (name, data["size"], data["is_block_list"]) == ("ip_list_size", size, True)
        assert len(observed.feed) == 1
        writer.close()
        async with asyncio.timeout(10):  # before the next sign of life would find out
            while len(observed.feed):
                await asyncio.sleep(0)
    assert program.warnings == []


async def connect_paused(address: Address) -> tuple[asyncio.Transport, asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, and take nothing."""
    reader, writer = await connect(address)
    transport: Any = writer.transport
    transport.pause_reading()
    return transport, reader, writer


async def test_a_client_that_never_reads_events_loses_them(tmp_path: Path) -> None:
    async with running(tmp_path) as program:
        observed = program.app.parts.observed
        assert observed is not None
        transport, reader, writer = await connect_paused(program.socket)
        writer.write(request("GET", "/v1/events"))
        while not len(observed.feed):
            await asyncio.sleep(0)
        event = mtglib.EventIPListSize(size=1, is_block_list=True)
        for _ in range(40):
            await observed.observe([event] * 1000)
            await asyncio.sleep(0)
        assert (await ask(program.socket, "GET", "/v1/status")).status == 200
        transport.resume_reading()
        name, data = await read_event(reader)
        while name != "lost":
            name, data = await read_event(reader)
        assert data["events"] > 1000
        writer.close()


async def test_only_so_many_may_follow_events(tmp_path: Path) -> None:
    async with running(tmp_path) as program:
        followers = [await connect(program.socket) for _ in range(MOST_READERS)]
        for reader, writer in followers:
            writer.write(request("GET", "/v1/events"))
            await reader.readuntil(b": events follow\n")
        assert parse(await say(program.socket, request("GET", "/v1/events"))).status == 503
        for _, writer in followers:
            writer.close()


async def test_clients_that_say_nothing_keep_nobody_out(tmp_path: Path) -> None:
    async with running(tmp_path) as program:
        addresses: tuple[Address, ...] = (program.socket, program.api)
        silent = [await connect(address) for address in addresses for _ in range(20)]
        for _, writer in silent:
            writer.write(b"GET /stats")
        for address in addresses:
            assert (await ask(address, "GET", "/stats")).status == 200
        for _, writer in silent:
            writer.close()


async def test_it_ends_at_once_whoever_is_connected(tmp_path: Path) -> None:
    async with running(tmp_path) as program:
        (reader, writer), (silent, other) = await connect(program.socket), await connect(program.socket)
        writer.write(request("GET", "/v1/events"))
        await reader.readuntil(b": events follow\n")
        await program.app.stop(0)
        assert await silent.read() == b""
        await reader.read()
        writer.close()
        other.close()
        assert not Path(program.socket).exists()
    assert program.warnings == []
