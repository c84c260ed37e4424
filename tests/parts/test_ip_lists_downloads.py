"""A server that stalls, truncates, redirects, floods and lies about its length can't harm a list that was good."""

from __future__ import annotations

import asyncio
import gzip
import os
import ssl
import tracemalloc
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from integration.recording_logger import RecordingLogger
from mtglib.interfaces import Dial
from mtglib.ipblocklist import FireHOL
from mtglib.network import Direct
from parts.ip_lists import GOOD, MAX_BYTES, OTHER, has, make_list
from support import sockets
from support.eventually import eventually
from support.list_server import ListServer, Script, compressed, drips, floods, head, moved, page, sends, stalls
from support.nginx_site import make_certificate
from support.running_proxy import EventRecorder

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

BAD: dict[str, tuple[Script, str]] = {
    "no answer": (sends(), ""),
    "a reset in the text": (sends(head(len(OTHER)), OTHER[:-4], then=sockets.reset), ""),
    "fewer bytes than promised": (sends(head(len(OTHER) + 100), OTHER), ""),
    "an end that can't be seen": (sends(head(None), OTHER), "doesn't say how long"),
    "a last piece that is missing": (sends(head(None, "Transfer-Encoding: chunked"), b"5\r\n1.1.1\r\n"), ""),
    "pieces that are none": (sends(head(None, "Transfer-Encoding: chunked"), b"-5\r\n" + OTHER), ""),
    "an impossible length": (sends(head(None, "Content-Length: -1"), OTHER), ""),
    "two lengths": (sends(head(5, "Content-Length: 6"), OTHER), ""),
    "no HTTP": (sends(b"220 ready\r\n" + OTHER), ""),
    "an endless header": (floods(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 10_000), ""),
    "more than is allowed": (page(b"#" * (MAX_BYTES + 1)), "larger than"),
    "more than it ever ends": (floods(head(10**15), OTHER * 100), "larger than"),
    "pieces without an end": (floods(head(None, "Transfer-Encoding: chunked"), b"7\r\n1.1.1.1\r\n"), "larger than"),
    "a thousand times its size": (compressed(b"\n" * 50_000_000), "larger than"),
    "compressed data that is cut off": (compressed(OTHER, cut_bytes=9), "is incomplete"),
    "compressed data and more": (compressed(OTHER, more=gzip.compress(b"10.0.0.0/8\n")), "after the end"),
    "compressed data that is none": (sends(head(len(OTHER), "Content-Encoding: gzip"), OTHER), ""),
    "another compression": (page(OTHER, "Content-Encoding: br"), "compressed with a method"),
    "not found": (sends(head(len(OTHER), status="404 Not Found"), OTHER), "404"),
    "a failure": (sends(head(len(OTHER), status="500 Oops"), OTHER), "500"),
    "a part": (sends(head(len(OTHER), status="206 Partial Content"), OTHER), "206"),
    "an unchanged list that nobody had": (sends(head(None, status="304 Not Modified")), "304"),
    "a circle": (moved("/list"), ""),
    "a way to nowhere": (moved("http://["), ""),
    "a way into a file": (moved("file:///etc/passwd"), ""),
    "a way without an address": (sends(head(0, status="302 Found")), "302"),
    "a page for people": (page(b"<!doctype html>\n<p>1.1.1.1\n<p>Sign in, please.\n1.1.1.1\n"), "not an IP list"),
    "nothing at all": (page(b""), "not an IP list"),
    "only comments": (page(b"# under maintenance\n"), "not an IP list"),
    "random bytes": (page(os.urandom(5000)), "not an IP list"),
}


@pytest.mark.parametrize(("script", "problem"), BAD.values(), ids=list(BAD))
async def test_what_was_good_stays_when_the_server_sends(script: Script, problem: str, tmp_path: Path) -> None:
    events, logger = EventRecorder(), RecordingLogger()
    async with ListServer({"/list": page(GOOD), "/other": page(b"10.0.0.0/8")}) as server:
        urls = [server.url(f"{path}?token=sesame#swordfish", "somebody:hunter2@") for path in ("/list", "/other")]
        found = make_list(urls, cache_directory=tmp_path, event_stream=events, logger=logger)
        await found.update()
        copies, told = {path: path.read_bytes() for path in tmp_path.iterdir()}, len(events.events)
        server.pages["/list"] = script
        statuses = await found.update()

    assert problem in statuses[0].problem != ""
    assert statuses[1].problem == ""
    assert has(found, "192.0.2.1", "10.0.0.1", "198.51.100.1", "1.1.1.1") == [True, True, False, False]
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == copies
    assert logger.warnings == ["list can't be updated"]
    assert len(events.events) == told
    assert not any(word in logger.everything() + repr(statuses) for word in ("hunter2", "sesame", "swordfish"))


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-", head(len(OTHER)) + OTHER[:-4]])
async def test_what_was_good_stays_when_the_server_stalls(sent: bytes, tmp_path: Path) -> None:
    async with ListServer({"/list": page(GOOD)}) as server:
        url = server.url("/list")
        await make_list([url], cache_directory=tmp_path).update()
        server.pages["/list"] = stalls(sent)
        found = make_list([url], cache_directory=tmp_path, timeout_seconds=0.05)
        await found.load()
        (status,) = await found.update()

    assert status.problem == "not downloaded within 0.05 s"
    assert has(found, "192.0.2.1", "198.51.100.1") == [True, False]


class Impatient(Direct):
    """A network whose HTTP clients give up at once, unless they are told how long to wait."""

    def http_client(self, dial: Dial | None = None, **_named: Any) -> AbstractAsyncContextManager[Any]:
        return super().http_client(dial, timeout_seconds=1e-9)


async def test_a_slow_server_has_the_lists_time_and_not_the_clients() -> None:
    async with ListServer({"/list": page(GOOD)}) as server:
        found = FireHOL([server.url("/list")], network=Impatient(), timeout_seconds=20)
        (status,) = await found.update()

    assert (status.problem, has(found, "192.0.2.1")) == ("", [True])


async def test_a_server_that_drips_has_no_more_time_than_others() -> None:
    async with ListServer({"/list": drips(head(MAX_BYTES), b"#")}) as server:
        (status,) = await make_list([server.url("/list")], timeout_seconds=0.05).update()

    assert "within 0.05 s" in status.problem


async def test_a_bomb_is_unpacked_no_further_than_a_list_may_be_long() -> None:
    async with ListServer({"/list": page(GOOD), "/bomb": compressed(b"#" * 50_000_000)}) as server:
        await make_list([server.url("/list")]).update()  # brings the HTTP client into memory
        tracemalloc.start()
        try:
            (status,) = await make_list([server.url("/bomb")]).update()
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert status.problem == f"larger than {MAX_BYTES} bytes"
    assert peak_bytes < 10 * MAX_BYTES


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_million_prefixes_are_no_more_than_is_taken_by_default(tmp_path: Path) -> None:
    text = b"".join(b"%d.%d.%d.0/24\n" % (n >> 16, n >> 8 & 255, n & 255) for n in range(1_000_000))
    async with ListServer({"/list": page(text)}) as server:
        found = FireHOL([server.url("/list")], network=Direct(), cache_directory=tmp_path)
        (status,) = await found.update()
    again = FireHOL([server.url("/list")], network=Direct(), cache_directory=tmp_path)
    await again.load()

    assert (status.problem, found.size, again.size) == ("", 1_000_000, 1_000_000)


async def test_a_way_from_https_to_http_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_certificate("localhost", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    async with ListServer({"/list": page(GOOD)}) as plain:

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head(0, f"Location: {plain.url('/list')}", status="302 Found"))
            writer.close()

        async with await asyncio.start_server(redirect, "127.0.0.1", 0, ssl=context) as server:
            found = make_list([f"HTTPS://localhost:{server.sockets[0].getsockname()[1]}/"])
            (status,) = await found.update()

    assert (status.problem, found.size) == ("redirected from https to http", 0)


async def test_what_is_compressed_is_unpacked() -> None:
    async with ListServer({"/list": compressed(OTHER)}) as server:
        found = make_list([server.url("/list")])
        await found.update()

    assert has(found, "198.51.100.1", "203.0.113.1") == [True, True]


async def test_what_is_beyond_the_length_is_not_read() -> None:
    async with ListServer({"/list": sends(head(len(GOOD)), GOOD, OTHER)}) as server:
        found = make_list([server.url("/list")])
        await found.update()

    assert has(found, "192.0.2.1", "198.51.100.1") == [True, False]


async def test_more_lines_than_memory_is_meant_for_are_refused() -> None:
    async with ListServer({"/list": page(GOOD + b"\n" * 2_000_000)}) as server:
        found = make_list([server.url("/list")], max_download_bytes=3_000_000)
        (status,) = await found.update()

    assert (status.problem, found.size) == ("more than 2000000 lines", 0)


async def test_redirects_are_followed() -> None:
    async with ListServer({"/old": moved("/new", "301 Moved Permanently"), "/new": page(OTHER)}) as server:
        found = make_list([server.url("/old")])
        await found.update()

    assert has(found, "198.51.100.1") == [True]


async def test_shutdown_ends_a_download_that_stalls() -> None:
    async with ListServer({"/list": stalls()}) as server:
        found = make_list([server.url("/list")], timeout_seconds=3600)
        running = asyncio.create_task(found.run(3600))
        await eventually(lambda: server.at_once or running.done() or found.sources[0].problem)
        assert server.at_once
        await found.shutdown()
        await running


async def test_versions_that_cannot_be_sent_back_are_not() -> None:
    bad = ('ETag: "\xc3\xa9"', f"Last-Modified: {'x' * 5000}")
    async with ListServer({"/list": page(GOOD, *bad)}) as server:
        found = make_list([server.url("/list")])
        await found.update()
        (status,) = await found.update()

    assert status.problem == ""
    assert "If-" not in server.requests[1].title()
