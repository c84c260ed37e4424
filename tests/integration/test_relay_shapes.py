"""What a client gets of a shape over each relay; the clocks of both are in their unit tests."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mtglib
from integration.relayed import relayed
from mtglib.relay.job import DRS, PageRecords, Shape, TelegramCiphers, TimedRecord
from mtglib.wire.aes_ctr import CipherState, crypt
from support import sockets
from support.pattern import Pattern
from support.tls_records import Record, RecordReader

RELAYS = ("native", "pure") if mtglib.engine_description() == "native" else ("pure",)
STATES = [CipherState(bytes((n,)) * 32, bytes((n,)) * 16) for n in range(4)]
CIPHERS = {
    "fast": TelegramCiphers(STATES[0], STATES[1], None, None),
    "re-encrypted": TelegramCiphers(*STATES),
}
SIZES = st.sampled_from((1, 17, 600, 5000, 16_401)) | st.integers(1, 16_401)
PAUSES = st.sampled_from((0.0, 0.0, 1e-6, 0.0005, 60.0))
RECORDS = st.lists(st.builds(TimedRecord, SIZES, PAUSES), min_size=1, max_size=3).map(tuple)
PAGES = st.lists(st.builds(PageRecords, RECORDS, st.just(0)), max_size=3).map(tuple)


def records(*sizes: int, pause_seconds: float = 0.0) -> tuple[TimedRecord, ...]:
    """Records with the same pause before each."""
    return tuple(TimedRecord(size, pause_seconds) for size in sizes)


async def download(relay: str, mode: str, shape: Shape, payload: bytes, ending: str = "eof") -> list[Record]:
    """Relay what a DC sends; return the client's records, whose payload is what it has to be."""
    async with relayed(relay, ciphers=CIPHERS[mode], shape=shape) as around:
        receiving = asyncio.create_task(sockets.recv_until_end(around.client.sock))
        await around.upstream.send(payload)
        around.upstream.send_eof()
        received = await receiving
    assert received.ending == ending
    reader = RecordReader()
    records = reader.feed(received.data)
    assert reader.pending_bytes == 0
    for state in STATES[2:] if mode == "re-encrypted" else ():
        payload = crypt(state.key, state.iv, payload)
    assert b"".join(record.payload for record in records) == payload
    assert {record.kind for record in records} <= {0x17}
    return records


@pytest.mark.parametrize("mode", CIPHERS)
async def test_dynamic_records_grow(relay: str, mode: str) -> None:
    sizes = [len(record.payload) for record in await download(relay, mode, DRS, Pattern(1).take(1_000_000))]

    assert max(sizes[:40]) == 1386
    assert 1386 < max(sizes[40:80]) <= 4246
    assert 4246 < max(sizes[80:]) <= 16_401


@pytest.mark.parametrize("mode", CIPHERS)
@settings(max_examples=settings().max_examples // 4)
@given(
    relay=st.sampled_from(RELAYS),
    drs=st.booleans(),
    pages=PAGES,
    count=st.sampled_from((1, 1386, 1387, 20_000, 200_000)),
)
def test_no_record_is_longer_than_the_shape_says(
    mode: str, relay: str, drs: bool, pages: tuple[PageRecords, ...], count: int
) -> None:
    learnt = [record.size_bytes for page in pages for record in page.records]
    count = min(count, 2000 * min(learnt, default=count))  # a record of one byte costs as much as any
    records = asyncio.run(download(relay, mode, Shape(drs, pages), Pattern(count).take(count)))

    for index, record in enumerate(records):
        most = (1386, 4246, 16_401)[min(index // 40, 2)] if drs else 16_401
        assert 1 <= len(record.payload) <= max(learnt, default=most)


async def test_what_was_learnt_is_replayed_from_the_beginning_of_a_connection(relay: str) -> None:
    opening, page = (250, 250), (300, 16_401, 77)
    shape = Shape(pages=(PageRecords(records(*opening, *page), len(opening)),))
    sizes = [len(record.payload) for record in await download(relay, "fast", shape, bytes(500 + 2 * sum(page)))]

    assert sizes == [*opening, *page, *page]


async def test_what_was_sent_before_a_reset_is_delivered_in_spite_of_pauses(relay: str) -> None:
    shape = Shape(pages=(PageRecords(records(1000, pause_seconds=60.0), 0),))
    async with relayed(relay, ciphers=CIPHERS["fast"], shape=shape) as around:
        await around.upstream.send(bytes(50_000))
        around.upstream.reset()
        received = await sockets.recv_until_end(around.client.sock)
        assert (await around.running).reason == "upstream_reset"

    assert received.ending == "reset"
    assert sum(len(record.payload) for record in RecordReader().feed(received.data)) == 50_000


async def test_what_is_fronted_has_no_shape(relay: str) -> None:
    async with relayed(relay, shape=DRS) as around:
        await around.upstream.send(bytes(5000))
        around.upstream.send_eof()
        assert await sockets.recv_until_end(around.client.sock) == sockets.Received(bytes(5000), "eof")
