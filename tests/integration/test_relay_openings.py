"""What a client sends first, at any segmentation: its frame, alone or with data, in records of any shape."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Sequence

import pytest

from integration.stage import Stage, stage
from support.fake_dc import sink
from support.faketls_client import FakeTLSClient
from support.pattern import Pattern
from support.tls_records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, make_record

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

EMPTY_RECORD = make_record(APPLICATION_DATA, b"")
PAYLOAD = Pattern(7).take(150)


def opening(client: FakeTLSClient) -> bytes:
    """Two ChangeCipherSpecs, the frame, a record that it shares with payload, and empty records in between."""
    made = client.make_frame()
    stream = made.wire + made.up.apply(PAYLOAD)
    frame, shared, short, last = (
        make_record(APPLICATION_DATA, piece) for piece in (stream[:30], stream[30:70], stream[70:71], stream[71:])
    )
    start = 2 * CHANGE_CIPHER_SPEC + EMPTY_RECORD + frame + EMPTY_RECORD + shared
    return start + 2 * EMPTY_RECORD + short + EMPTY_RECORD + last


async def check_opening(around: Stage, cuts: Iterable[int]) -> None:
    """Send an opening in pieces that end at these places; the DC's echo must be the payload."""
    client = await around.client_before_hello()
    await client.send_hello()
    await client.receive_answer()
    wire = opening(client)
    for start, end in itertools.pairwise([0, *cuts, len(wire)]):
        await client.send_raw(wire[start:end])
        for _ in range(4):  # turns of the loop, in which the proxy reads what is there
            await asyncio.sleep(0)
    assert await client.recv_exactly(len(PAYLOAD)) == PAYLOAD
    client.close()


async def test_opening_may_be_cut_anywhere(relay: str) -> None:
    async with stage(relay) as around:
        for cut in range(1, 300):
            await check_opening(around, [cut])


async def test_opening_may_come_byte_by_byte(relay: str) -> None:
    async with stage(relay) as around:
        await check_opening(around, range(1, 300))


@pytest.mark.parametrize(
    "record_bytes",
    [(16_384,), (64, 16_384), (63, 1, 16_384), (65, 16_384), (10, 0, 54, 100), (1,), (0, 64, 0, 0, 7000)],
    ids=str,
)
@pytest.mark.parametrize("change_cipher_spec", [True, False], ids=["CCS", "no CCS"])
async def test_frame_may_share_its_record_and_be_split(
    relay: str, record_bytes: Sequence[int], change_cipher_spec: bool
) -> None:
    payload = Pattern(8).take(40_000)
    async with stage(relay) as around:
        client = await around.client(
            first_payload=payload, frame_record_bytes=record_bytes, change_cipher_spec=change_cipher_spec
        )

        assert await client.recv_exactly(len(payload)) == payload


@pytest.mark.parametrize("segment_bytes", [1, 7, 1000])
async def test_whole_handshake_may_come_in_small_segments(relay: str, segment_bytes: int) -> None:
    payload = Pattern(9).take(3000)
    async with stage(relay) as around:
        client = await around.client(first_payload=payload, segment_bytes=segment_bytes)

        assert await client.recv_exactly(len(payload)) == payload


@pytest.mark.parametrize("hello_cuts", [(1,), (3, 5), (100, 600, 1500), tuple(range(1, 10))], ids=str)
@pytest.mark.parametrize("segment_bytes", [None, 5])
async def test_hello_may_be_split_over_records(
    relay: str, hello_cuts: Sequence[int], segment_bytes: int | None
) -> None:
    async with stage(relay) as around:
        client = await around.client(hello_cuts=hello_cuts, segment_bytes=segment_bytes, first_payload=PAYLOAD)

        assert await client.recv_exactly(len(PAYLOAD)) == PAYLOAD


@pytest.mark.parametrize("payload_bytes", [0, 1, 16_384 - 64, 16_385, 300_000, 2_000_000])
async def test_everything_may_follow_the_hello_at_once(relay: str, payload_bytes: int) -> None:
    """A client that doesn't wait for the answer: official ones do, the protocol doesn't ask for it."""
    payload = Pattern(10).take(payload_bytes)
    async with stage(relay) as around:
        client = await around.client_before_hello(first_payload=payload)
        await client.send_hello()
        sending = asyncio.create_task(client.send_frame())
        await client.receive_answer()

        assert await client.recv_exactly(len(payload)) == payload
        await sending


@pytest.mark.parametrize("last", [CHANGE_CIPHER_SPEC, b"\x16\x03\x03\x00\x01x"], ids=["ChangeCipherSpec", "handshake"])
async def test_end_in_the_segment_of_the_frame_loses_nothing_before_it(relay: str, last: bytes) -> None:
    async with stage(relay, handler=sink) as around:
        client = await around.client_before_hello()
        await client.send_hello()
        await client.receive_answer()
        await client.send_raw(opening(client) + last)

        await around.finished()

        connection = await around.dc.connection()
        await connection.ended.wait()
        assert connection.received_bytes == len(PAYLOAD)
