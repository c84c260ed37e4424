"""What a client sends in its record stream, and that isn't data: it ends as at a TLS server."""

from __future__ import annotations

import asyncio

import pytest

from integration.pair import Mode, drip_until_end, pair, recv_exactly, recv_until_end
from integration.pour import Pour
from integration.relayed import relayed
from mtglib.relay.job import TelegramCiphers
from mtglib.wire.aes_ctr import CipherState
from support import sockets
from support.pattern import Pattern
from support.tls_records import APPLICATION_DATA, looks_like_alert, make_record

REQUEST, ANSWER = b"a request", b"an answer"

STATE = CipherState(bytes(32), bytes(16))

BAD_HEADERS = {
    "handshake": b"\x16\x03\x03\x00\x01",
    "heartbeat": b"\x18\x03\x03\x00\x01",
    "no TLS": b"GET /",
    "TLS 1.0": b"\x17\x03\x01\x00\x01",
    "TLS 1.3's real number": b"\x17\x03\x04\x00\x01",
    "another protocol's version": b"\x17\x02\x03\x00\x01",
    "too long": b"\x17\x03\x03\x41\x01",
    "alert": b"\x15\x03\x03\x00\x02",
    "ChangeCipherSpec": b"\x14\x03\x03\x00\x01",
}


@pytest.fixture(params=["fast", "re-encrypted"])
def telegram(request: pytest.FixtureRequest) -> Mode:
    """The modes that have records."""
    return "fast" if request.param == "fast" else "re-encrypted"


def assert_alert(received: sockets.Received, ending: str) -> None:
    """The client's last bytes are a record that looks like an encrypted alert; a reset may overtake it."""
    assert received.ending == ending
    if received.data or ending == "eof":
        assert looks_like_alert(received.data)


@pytest.mark.parametrize("header", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
async def test_bad_record_ends_both_sides_after_what_came_before(relay: str, telegram: Mode, header: bytes) -> None:
    async with pair(relay, telegram) as ends:
        client = ends.telegram
        await client.send_raw(client.wrap(REQUEST) + header + b"x" + make_record(APPLICATION_DATA, b"behind it"))

        assert await recv_until_end(ends.upstream) == sockets.Received(REQUEST, "eof")
        assert_alert(await sockets.recv_until_end(ends.client.sock), "eof")
        assert await ends.around.reason() == "bad_record"


async def test_alert_comes_after_the_dcs_records(relay: str, telegram: Mode) -> None:
    async with pair(relay, telegram) as ends:
        await ends.upstream.send(ANSWER)
        assert await recv_exactly(ends.client, len(ANSWER)) == ANSWER
        await ends.telegram.send_raw(b"\x14\x03\x03\x00\x01\x01")

        assert_alert(await sockets.recv_until_end(ends.client.sock), "eof")


async def test_what_a_client_has_not_taken_by_then_is_cut_off_without_alert_or_reset(relay: str) -> None:
    async with pair(relay, "fast") as ends:
        pour = Pour(ends.upstream)
        await pour.until_blocked()
        await ends.telegram.send_raw(BAD_HEADERS["ChangeCipherSpec"])
        assert await ends.around.reason() == "bad_record"

        received = await sockets.recv_until_end(ends.client.sock)
        await pour.was_reset()
    assert received.ending == "eof"
    assert not looks_like_alert(received.data[-24:])


@pytest.mark.parametrize(("junk_bytes", "ending"), [(16_384, "eof"), (16_385, "reset")])
async def test_bytes_behind_it_that_nginx_would_not_read_reset_it(relay: str, junk_bytes: int, ending: str) -> None:
    ciphers = TelegramCiphers(STATE, STATE, None, None)
    async with relayed(relay, ciphers=ciphers, client_unread=b"\x14\x03\x03\x00\x01" + bytes(junk_bytes)) as job:
        assert_alert(await sockets.recv_until_end(job.client.sock), ending)


@pytest.mark.parametrize("header", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
async def test_bad_header_may_come_byte_by_byte(relay: str, header: bytes) -> None:
    async with pair(relay, "fast") as ends:
        await sockets.send_all(ends.client.sock, header, segment_bytes=1)

        assert_alert(await sockets.recv_until_end(ends.client.sock), "eof")
        assert await recv_until_end(ends.upstream) == sockets.Received(b"", "eof")
        assert await ends.around.reason() == "bad_record"


@pytest.mark.parametrize("record_bytes", [16_384, 16_385, 16_640])
async def test_longest_records_are_no_bad_ones(relay: str, telegram: Mode, record_bytes: int) -> None:
    async with pair(relay, telegram) as ends:
        await ends.telegram.send(Pattern(1).take(3 * record_bytes), record_bytes=[record_bytes])
        ends.client.send_eof()

        assert await recv_until_end(ends.upstream) == sockets.Received(Pattern(1).take(3 * record_bytes), "eof")


async def test_bad_record_behind_a_slow_reader_waits_for_its_turn(relay: str, telegram: Mode) -> None:
    async with pair(relay, telegram) as ends:
        wire = ends.telegram.wrap(Pattern(1).take(12_000_000)) + b"\x14\x03\x03\x00\x01"
        sending = asyncio.create_task(ends.telegram.send_raw(wire))

        assert await drip_until_end(ends.upstream) == sockets.Received(Pattern(1).take(12_000_000), "eof")
        await sending


async def test_end_inside_a_record_is_an_end_like_any_other(relay: str, telegram: Mode) -> None:
    async with pair(relay, telegram) as ends:
        client = ends.telegram
        await client.send_raw(client.wrap(REQUEST)[:-2])
        ends.client.send_eof()
        assert await recv_until_end(ends.upstream) == sockets.Received(REQUEST[:-2], "eof")

        ends.upstream.send_eof()
        assert await ends.around.reason() == "client_eof"
