"""Which records a client gets, and when, by a clock of the test's own."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.relay.job import DRS, Shape
from mtglib.relay.shaper import Shaper
from support import sockets
from support.obfuscated2 import Keystream
from support.timeless import TimelessLoop, timeless
from support.tls_records import RecordReader
from unit.relay.one_job import now, running
from unit.relay.test_session import ciphers, keys

SIZES = st.lists(st.sampled_from((1, 2, 17, 600, 5000, 16_401)) | st.integers(1, 16_401), max_size=4).map(tuple)
PAUSES = st.lists(st.sampled_from((0.0, 1e-6, 0.0005, 0.01, 60.0)), max_size=3).map(tuple)
SHAPES = st.builds(Shape, st.booleans(), SIZES, PAUSES)


def drs_size(record: int) -> int:
    return 1386 if record < 40 else 4246 if record < 80 else 16_401


def record_sizes(wire: bytes) -> list[int]:
    return [len(record.payload) for record in RecordReader().feed(wire)]


def next_sizes(shaper: Shaper, now_mono: float) -> list[int]:
    return record_sizes(shaper.encode(bytes(shaper.plan(now_mono))))


@given(shape=SHAPES, payload=st.binary(max_size=100) | st.integers(0, 400_000).map(bytes), fast=st.booleans())
def test_every_records_size_is_one_of_the_shapes_and_the_payload_is_the_same(
    shape: Shape, payload: bytes, fast: bool
) -> None:
    async def relay() -> None:
        async with running(ciphers=ciphers(fast), shape=shape) as job:
            sending = asyncio.create_task(sockets.send_all(job.upstream, payload))
            sending.add_done_callback(lambda _: sockets.send_eof(job.upstream))
            received = (await sockets.recv_until_end(job.client)).data
            await sending
            records = RecordReader().feed(received)
            assert {record.kind for record in records} <= {0x17}
            got = b"".join(record.payload for record in records)
            down = payload if fast else Keystream(*keys(3)).apply(payload)
            assert got == (down if fast else Keystream(*keys(4)).apply(down))
            for index, record in enumerate(records):
                size = drs_size(index) if shape.drs else 16_401
                assert 1 <= len(record.payload) <= max(shape.record_sizes_bytes, default=size)

    with asyncio.Runner(loop_factory=TimelessLoop) as runner:
        runner.run(relay())


def test_dynamic_sizes_grow_in_two_steps() -> None:
    shaper, sizes = Shaper(DRS, 0.0), list[int]()
    while len(sizes) < 100:
        sizes += next_sizes(shaper, 0.0)

    assert sizes[:100] == [drs_size(record) for record in range(100)]


def test_they_start_again_after_a_second_without_a_byte_sent() -> None:
    shaper = Shaper(DRS, 0.0)
    while next_sizes(shaper, 0.0)[-1] < 16_401:
        pass
    shaper.note_sent(0.5)

    assert next_sizes(shaper, 1.4)[0] == 16_401
    assert next_sizes(shaper, 1.5)[0] == 1386
    shaper.note_sent(1.5)
    assert next_sizes(shaper, 1.5)[-1] == 4246


@timeless
async def test_a_pause_of_the_dc_starts_them_again_and_a_slow_client_does_not() -> None:
    async with running(ciphers=ciphers(fast=True), shape=DRS) as job:
        reader = RecordReader()

        async def sizes(payload: bytes, pause_seconds: float) -> list[int]:
            sending = asyncio.create_task(sockets.send_all(job.upstream, payload))
            got: list[int] = []
            while sum(got) < len(payload):
                await asyncio.sleep(pause_seconds)
                received = await asyncio.get_running_loop().sock_recv(job.client, 40_000)
                got += [len(record.payload) for record in reader.feed(received)]
            await sending
            return got

        assert (await sizes(bytes(400_000), 0.0))[:40] == [1386] * 40
        assert 1386 not in await sizes(bytes(2_000_000), 0.2)
        await asyncio.sleep(1.0)
        assert (await sizes(bytes(400_000), 0.0))[:40] == [1386] * 40


def test_learnt_sizes_are_drawn_each_for_itself_and_win_over_dynamic_ones() -> None:
    shaper = Shaper(Shape(drs=True, record_sizes_bytes=(5, 700, 16_401)), 0.0)
    sizes = [size for _ in range(20) for size in next_sizes(shaper, 0.0)]

    assert set(sizes) == {5, 700, 16_401}


def test_what_is_read_at_once_is_bounded() -> None:
    assert Shaper(Shape(), 0.0).plan(0.0) == 4 * 16_401
    assert len(next_sizes(Shaper(Shape(record_sizes_bytes=(1,)), 0.0), 0.0)) == 64
    assert next_sizes(Shaper(Shape(pauses_seconds=(1.0,)), 0.0), 0.0) == [16_401]


@given(learnt=st.lists(st.floats(0, 100), min_size=1), sizes=st.lists(st.integers(1, 16_401), min_size=1))
def test_a_connection_with_pauses_never_falls_below_20_mbit(learnt: list[float], sizes: list[int]) -> None:
    shaper, now_mono = Shaper(Shape(pauses_seconds=tuple(learnt)), 0.0), 0.0
    for size in sizes:
        pause_seconds = shaper.pause_seconds(now_mono, size)
        assert pause_seconds == 0 or pause_seconds >= 0.001, "an event loop can't wait for less"
        now_mono += pause_seconds
        if pause_seconds:
            now_mono = math.ceil(now_mono * 1000) / 1000  # as it does

    assert now_mono <= sum(sizes) * 8 / 20e6 + 0.001


@timeless
async def test_pauses_pass_between_records_and_an_abort_does_not_wait_for_one() -> None:
    async with running(ciphers=ciphers(fast=True), shape=Shape(pauses_seconds=(60.0,))) as job:
        began_mono = now()
        for _ in range(10):
            await sockets.send_all(job.upstream, bytes(50_000))
            await sockets.recv_exactly(job.client, 50_000 + 5 * 4)
        assert now() - began_mono == pytest.approx(500_000 * 8 / 20e6, abs=0.008)

        aborted_mono = now()
        job.task.cancel()
        await asyncio.wait([job.task])
        assert now() == aborted_mono


def test_short_pauses_add_up() -> None:
    shaper, now_mono = Shaper(Shape(pauses_seconds=(0.0004,)), 0.0), 0.0
    for _ in range(1000):
        now_mono += shaper.pause_seconds(now_mono, 16_401)

    assert now_mono == pytest.approx(0.4, abs=0.002)


def test_without_learnt_ones_there_are_no_pauses() -> None:
    assert Shaper(DRS, 0.0).pause_seconds(0.0, 16_401) == 0


@pytest.mark.parametrize("size", [0, -1, 16_402])
def test_a_size_that_no_record_has_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="record_sizes_bytes: expected sizes from 1 to 16401"):
        Shape(record_sizes_bytes=(1, size))


@pytest.mark.parametrize("pause_seconds", [-0.1, math.inf, math.nan])
def test_a_pause_that_is_none_is_refused(pause_seconds: float) -> None:
    with pytest.raises(ValueError, match="pauses_seconds: expected seconds"):
        Shape(pauses_seconds=(0.0, pause_seconds))
