"""How a page is loaded, and which records are noted."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import Iterator

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from mtglib import UpstreamError
from mtglib.front import page
from mtglib.front.page import load_page
from mtglib.page_urls import Page
from mtglib.relay.job import PageRecords, TimedRecord
from support import sockets
from support.timeless import timeless
from support.tls_records import HEADER_BYTES
from unit.front.tls_site import HEAD, HOST, PROTECTION_BYTES, TLSSite

PAGE = Page(HOST, "/file?x=1")


@pytest.fixture
def site() -> Iterator[TLSSite]:
    site = TLSSite()
    yield site
    site.close()


def loading(site: TLSSite, preamble: bytes = b"") -> asyncio.Task[PageRecords]:
    return asyncio.create_task(load_page(site.ours, preamble, PAGE, asyncio.get_running_loop().time))


def parts(page: PageRecords) -> tuple[tuple[TimedRecord, ...], tuple[TimedRecord, ...]]:
    """What came before the page, and the page."""
    return page.records[: page.opening], page.records[page.opening :]


def sizes(page: PageRecords) -> tuple[list[int], list[int]]:
    """The plaintext of each record."""
    before, own = ([record.size_bytes - PROTECTION_BYTES for record in part] for part in parts(page))
    return before, own


@timeless
async def test_tickets_are_an_opening_and_the_page_a_response(site: TLSSite) -> None:
    task = loading(site, b"PROXY ")
    request = (await site.asked(b"PROXY ")).decode()
    await site.send(HEAD, bytes(16_384), bytes(100))
    await asyncio.sleep(0.75)
    await site.send(bytes(7), bytes(8))
    records = await task

    assert request.startswith(f"GET {PAGE.target} HTTP/1.1\r\nhost: {HOST}\r\n")
    assert request.endswith("\r\n\r\n")
    assert records.opening == 2
    assert len({record.size_bytes for record in parts(records)[0]}) == 1
    assert sizes(records)[1] == [len(HEAD), 16_384, 100, 7, 8]
    assert [record.pause_seconds for record in parts(records)[1]] == [0.0, 0.0, 0.0, pytest.approx(0.75), 0.0]
    site.ours.close()
    assert await site.left()


@timeless
async def test_a_site_that_prefers_http_2_is_asked_in_it_and_left_at_the_pages_end() -> None:
    site = TLSSite(protocols=("h2",))
    task = loading(site)
    server = H2Connection(H2Configuration(client_side=False))
    events = server.receive_data(await site.asked())
    server.initiate_connection()
    await site.send(settings := server.data_to_send())
    server.send_headers(1, [(":status", "200")])
    await site.send(headers := server.data_to_send())
    server.send_data(1, bytes(5000), end_stream=True)
    await site.send(data := server.data_to_send())
    began_mono = asyncio.get_running_loop().time()
    records = await task

    assert asyncio.get_running_loop().time() - began_mono < 0.1
    (request,) = (event for event in events if isinstance(event, RequestReceived))
    assert {(b":path", PAGE.target.encode()), (b":authority", HOST.encode())} <= set(request.headers or ())
    assert sizes(records)[0][2:] == [len(settings)], "it comes once a connection, as tickets do"
    assert sizes(records)[1] == [len(headers), len(data)]
    site.close()


@timeless
async def test_a_page_is_over_when_nothing_comes_for_a_second_or_at_its_end(site: TLSSite) -> None:
    task = loading(site)
    await site.asked()
    await site.send(HEAD)
    await asyncio.sleep(0.9)
    await site.send(bytes(5))
    began_mono = asyncio.get_running_loop().time()
    await site.end()

    assert sizes(await task)[1] == [len(HEAD), 5], "the alert at the end isn't one of the page's"
    assert asyncio.get_running_loop().time() == began_mono


@timeless
async def test_a_site_may_think_before_it_answers(site: TLSSite) -> None:
    task = loading(site)
    await site.asked()
    await asyncio.sleep(20)
    await site.send(HEAD)

    (record,) = parts(await task)[1]
    assert record.pause_seconds == pytest.approx(20)


@timeless
async def test_pauses_that_any_network_makes_are_none(site: TLSSite) -> None:
    task = loading(site)
    await site.asked()
    for payload in (HEAD, b"a", b"b"):
        await site.send(payload)
        await asyncio.sleep(0.0004)

    assert [record.pause_seconds for record in parts(await task)[1]] == [0.0] * 3


@timeless
async def test_without_tickets_there_is_no_opening() -> None:
    site = TLSSite(tickets=0)
    task = loading(site)
    await site.asked()
    await site.send(HEAD)

    assert sizes(await task) == ([], [len(HEAD)])
    site.close()


@timeless
@pytest.mark.parametrize(("payload", "most"), [(bytes(16_384), 257), (b"x", 510)])
async def test_a_page_that_is_too_long_is_left(site: TLSSite, payload: bytes, most: int) -> None:
    task = loading(site)
    await site.asked()
    await site.send(HEAD)
    sending = asyncio.create_task(site.send(*[payload] * 10_000))

    assert len(parts(await task)[1]) == most
    sending.cancel()


@timeless
async def test_a_site_without_an_end_is_left_in_time(site: TLSSite) -> None:
    task = loading(site)
    await site.asked()
    await site.send(HEAD)
    while not task.done():
        await site.send(b"x")
        await asyncio.sleep(0.9)

    with pytest.raises(TimeoutError):
        await task


@timeless
async def test_a_page_that_isnt_there_is_told_of(site: TLSSite) -> None:
    task = loading(site)
    await site.asked()
    await site.send(b"HTTP/1.1 404 Not Found\r\n\r\n")

    with pytest.raises(UpstreamError, match="expected HTTP with status 200, got '404'"):
        await task


@timeless
async def test_a_site_that_leaves_without_a_response_is_told_of(site: TLSSite) -> None:
    task = loading(site)
    await site.asked()
    await site.end()

    with pytest.raises(UpstreamError, match="no response"):
        await task


@timeless
async def test_a_site_without_tls_1_3_is_told_of() -> None:
    site = TLSSite(version=ssl.TLSVersion.TLSv1_2)
    task = loading(site)
    with pytest.raises(ssl.SSLError):
        await site.asked()
    await site.send()

    with pytest.raises(UpstreamError, match=r"no handshake of TLS 1\.3"):
        await task
    site.close()


@timeless
@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\x00\x04junk", bytes(99_999)]
)
async def test_a_site_that_says_something_else_is_told_of(site: TLSSite, answer: bytes) -> None:
    task = loading(site)
    await sockets.send_all(site.sock, answer)
    sockets.send_eof(site.sock)

    with pytest.raises(UpstreamError, match=r"no handshake of TLS 1\.3"):
        await task


@timeless
async def test_a_broken_session_is_told_of(site: TLSSite) -> None:
    task = loading(site)
    await site.asked()
    await sockets.send_all(site.sock, b"\x17\x03\x03\x00\x20" + bytes(32))

    with pytest.raises(UpstreamError, match="the session is broken"):
        await task


async def test_time_that_passes_while_records_wait_to_be_read_is_no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """By this clock, each look at it takes a second. Each read ends where a record does, as no tickets come first."""
    monkeypatch.setattr(page, "_RECV_BYTES", 4 * 1024)
    site = TLSSite(tickets=0)
    task = asyncio.create_task(load_page(site.ours, b"", PAGE, itertools.count().__next__))
    await site.asked()
    await site.send(*[HEAD.ljust(1024 - HEADER_BYTES - PROTECTION_BYTES)] * 150)
    await site.end()

    pauses = [record.pause_seconds for record in (await task).records]
    assert len(pauses) == 150
    assert pauses[1:] == [0.0] * 149
    site.close()
