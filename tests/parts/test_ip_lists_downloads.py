"""A server that stalls, truncates, redirects, floods and lies about its length can't harm a list that was good."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
import ssl
import stat
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from integration.recording_logger import RecordingLogger
from mtglib import EventIPListSize
from mtglib.ipblocklist import FireHOL
from mtglib.network import Direct
from support import sockets
from support.list_server import ListServer, Script, compressed, floods, head, moved, page, sends, stalls
from support.nginx_site import make_certificate
from support.running_proxy import EventRecorder

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
GOOD = b"192.0.2.0/24\n"
OTHER = b"198.51.100.0/24\n203.0.113.0/24\n"
MAX_BYTES = 100_000


def make_list(urls: list[str], *, timeout_seconds: float = 20.0, **changes: Any) -> FireHOL:
    """Make a list of which nothing takes long."""
    return FireHOL(urls, network=Direct(), timeout_seconds=timeout_seconds, max_download_bytes=MAX_BYTES, **changes)


def has(found: FireHOL, *ips: str) -> list[bool]:
    return [found.contains(ip_address(ip)) for ip in ips]


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
    "compressed data that is cut off": (compressed(OTHER, cut_bytes=9), "cut off"),
    "compressed data and more": (compressed(OTHER, more=gzip.compress(b"10.0.0.0/8\n")), "compressed end"),
    "compressed data that is none": (sends(head(len(OTHER), "Content-Encoding: gzip"), OTHER), ""),
    "another compression": (page(OTHER, "Content-Encoding: br"), "compressed in a way"),
    "not found": (sends(head(len(OTHER), status="404 Not Found"), OTHER), "404"),
    "a failure": (sends(head(len(OTHER), status="500 Oops"), OTHER), "500"),
    "a part": (sends(head(len(OTHER), status="206 Partial Content"), OTHER), "206"),
    "an unchanged list that nobody had": (sends(head(None, status="304 Not Modified")), "304"),
    "a circle": (moved("/list"), ""),
    "a way to nowhere": (moved("http://["), ""),
    "a way into a file": (moved("file:///etc/passwd"), ""),
    "a way without an address": (sends(head(0, status="302 Found")), "302"),
    "a page for people": (page(b"<!doctype html>\n<p>1.1.1.1\n<p>Sign in, please.\n1.1.1.1\n"), "not a list"),
    "nothing at all": (page(b""), "not a list"),
    "only comments": (page(b"# under maintenance\n"), "not a list"),
    "random bytes": (page(os.urandom(5000)), "not a list"),
}


@pytest.mark.parametrize(("script", "problem"), BAD.values(), ids=list(BAD))
async def test_what_was_good_stays_when_the_server_sends(script: Script, problem: str, tmp_path: Path) -> None:
    events, logger = EventRecorder(), RecordingLogger()
    async with ListServer({"/list": page(GOOD), "/other": page(b"10.0.0.0/8")}) as server:
        urls = [server.url(path, "somebody:hunter2@") for path in ("/list", "/other")]
        found = make_list(urls, cache_directory=tmp_path, event_stream=events, logger=logger)
        await found.update()
        copies = {path: path.read_bytes() for path in tmp_path.iterdir()}
        server.pages["/list"] = script
        statuses = await found.update()

    assert problem in statuses[0].problem != ""
    assert statuses[1].problem == ""
    assert has(found, "192.0.2.1", "10.0.0.1", "198.51.100.1", "1.1.1.1") == [True, True, False, False]
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == copies
    assert logger.warnings == ["list can't be updated"]
    assert len(events.of(EventIPListSize)) == 1
    assert "hunter2" not in logger.everything() + repr(statuses)


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-", head(len(OTHER)) + OTHER[:-4]])
async def test_what_was_good_stays_when_the_server_stalls(sent: bytes, tmp_path: Path) -> None:
    async with ListServer({"/list": page(GOOD)}) as server:
        url = server.url("/list")
        await make_list([url], cache_directory=tmp_path).update()
        server.pages["/list"] = stalls(sent)
        found = make_list([url], cache_directory=tmp_path, timeout_seconds=0.05)
        await found.load()
        (status,) = await found.update()

    assert status.problem
    assert has(found, "192.0.2.1", "198.51.100.1") == [True, False]


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
            found = make_list([f"https://localhost:{server.sockets[0].getsockname()[1]}/"])
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


async def test_more_lines_than_memory_is_meant_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtglib.ipblocklist.source._MAX_LINES", 2)
    async with ListServer({"/list": page(b"::1\n::2\n::3\n")}) as server:
        found = make_list([server.url("/list")])
        (status,) = await found.update()

    assert (status.problem, found.size) == ("more than 2 lines", 0)


async def test_redirects_are_followed() -> None:
    async with ListServer({"/old": moved("/new", "301 Moved Permanently"), "/new": page(OTHER)}) as server:
        found = make_list([server.url("/old")])
        await found.update()

    assert has(found, "198.51.100.1") == [True]


async def test_only_so_many_are_downloaded_at_once() -> None:
    async with ListServer() as server:
        at_least_two = asyncio.Barrier(2)

        async def script(sock: Any) -> None:
            await at_least_two.wait()
            await page(GOOD)(sock)

        server.pages = {f"/{number}": script for number in range(6)}
        found = make_list([server.url(path) for path in server.pages], download_concurrency=2, timeout_seconds=10)
        await found.update()

    assert (server.most_at_once, found.size) == (2, 6)


async def test_a_failure_is_told_once_and_so_is_its_end() -> None:
    logger = RecordingLogger()
    async with ListServer({"/list": page(GOOD)}) as server:
        found = make_list([server.url("/list")], logger=logger)
        for script in (page(GOOD), sends(), sends(), page(GOOD), page(GOOD), sends(), page(OTHER)):
            server.pages["/list"] = script
            await found.update()

    told = [message.text for message in logger.messages]
    failed, loaded, again = "list can't be updated", "list loaded", "list is available again"
    assert told == [loaded, failed, again, failed, loaded]
    assert {message.name for message in logger.messages} == {"ip-blocklist"}
    assert [message.fields["prefixes"] for message in logger.messages if message.text == loaded] == [1, 2]


async def test_what_failed_is_tried_again_soon() -> None:
    events = EventRecorder()
    async with ListServer({"/bad": sends(), "/good": page(GOOD)}) as server:
        found = make_list([server.url("/bad"), server.url("/good")], event_stream=events, retry_seconds=0.001)
        running = asyncio.create_task(found.run(3600))
        await events.seen(EventIPListSize, 1)
        server.pages["/bad"] = page(OTHER)
        await events.seen(EventIPListSize, 2)
        await found.shutdown()
        await running

    assert found.size == 3
    assert sum("/good" in request for request in server.requests) == 1


async def test_shutdown_ends_a_download_that_stalls() -> None:
    async with ListServer({"/list": stalls()}) as server:
        found = make_list([server.url("/list")], timeout_seconds=3600)
        running = asyncio.create_task(found.run(3600))
        while not (server.at_once or running.done() or found.sources[0].problem):
            await asyncio.sleep(0)
        assert server.at_once
        await found.shutdown()
        await running


async def test_run_has_the_copy_before_the_download_is_there(tmp_path: Path) -> None:
    events = EventRecorder()
    async with ListServer({"/list": page(GOOD)}) as server:
        await make_list([server.url("/list")], cache_directory=tmp_path).update()
        server.pages["/list"] = stalls()
        found = make_list([server.url("/list")], cache_directory=tmp_path, event_stream=events, timeout_seconds=3600)
        running = asyncio.create_task(found.run(3600))
        await events.seen(EventIPListSize)
        await found.shutdown()
        await running

    assert has(found, "192.0.2.1") == [True]


async def test_versions_that_cannot_be_sent_back_are_not() -> None:
    bad = ('ETag: "\xc3\xa9"', f"Last-Modified: {'x' * 5000}")
    async with ListServer({"/list": page(GOOD, *bad)}) as server:
        found = make_list([server.url("/list")])
        await found.update()
        (status,) = await found.update()

    assert status.problem == ""
    assert "If-" not in server.requests[1].title()


@pytest.mark.parametrize("spoil", [b"", b"#{}\n10.0.0.0/8\n", b"\x00\xff", b"#[[[[\n", None])
async def test_a_damaged_copy_is_none(spoil: bytes | None, tmp_path: Path) -> None:
    async with ListServer({"/list": page(GOOD, 'ETag: "1"')}) as server:
        url = server.url("/list")
        await make_list([url], cache_directory=tmp_path).update()
        (copy,) = tmp_path.iterdir()
        copy.write_bytes(copy.read_bytes()[:-2] if spoil is None else spoil)
        found = make_list([url], cache_directory=tmp_path)
        await found.load()
        assert (found.size, has(found, "10.0.0.1")) == (0, [False])

        await found.update()

    assert has(found, "192.0.2.1") == [True]
    assert "if-none-match" not in server.requests[1].lower()


async def test_a_copy_is_a_netset_that_only_its_owner_reads(tmp_path: Path) -> None:
    async with ListServer({"/list": page(GOOD, 'ETag: "1"')}) as server:
        await make_list([server.url("/list", "somebody:hunter2@")], cache_directory=tmp_path).update()
    (copy,) = tmp_path.iterdir()
    header, _, text = copy.read_bytes().partition(b"\n")

    assert (header[:1], text, stat.S_IMODE(copy.stat().st_mode)) == (b"#", GOOD, 0o600)
    assert b"hunter2" not in header
    assert "hunter2" not in copy.name


async def test_a_folder_that_cannot_be_written_is_one_warning_and_the_list_goes_on(tmp_path: Path) -> None:
    folder, logger = tmp_path / "lists", RecordingLogger()
    folder.write_text("a file, where a folder should be")
    async with ListServer({"/list": page(GOOD, 'ETag: "1"')}) as server:
        found = make_list([server.url("/list")], cache_directory=folder, logger=logger)
        await found.load()
        await found.update()
        await found.update()

    assert logger.warnings == ["copies of lists can't be written"]
    assert has(found, "192.0.2.1") == [True]


async def test_a_copy_that_could_not_be_written_is_made_later(tmp_path: Path) -> None:
    folder, logger = tmp_path / "lists", RecordingLogger()
    async with ListServer({"/list": page(GOOD, 'ETag: "1"')}) as server:
        found = make_list([server.url("/list")], cache_directory=folder, logger=logger)
        folder.touch()
        await found.update()
        folder.unlink()
        await found.update()
        assert len(list(folder.iterdir())) == 1

        shutil.rmtree(folder)
        folder.touch()
        server.pages["/list"] = page(OTHER)
        await found.update()

    asked = ["if-none-match" in request.lower() for request in server.requests]
    assert asked == [False, False, True], "for the whole text, while there is no copy"
    assert logger.warnings == ["copies of lists can't be written"] * 2


async def test_a_copy_is_not_written_again_without_need(tmp_path: Path) -> None:
    async with ListServer({"/list": page(GOOD)}) as server:
        found = make_list([server.url("/list")], cache_directory=tmp_path)
        await found.update()
        (copy,) = tmp_path.iterdir()
        written = copy.stat()
        await found.update()
        restarted = make_list([server.url("/list")], cache_directory=tmp_path)
        await restarted.load()
        await restarted.update()

    assert (copy.stat().st_ino, copy.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
