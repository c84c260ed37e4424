"""Which records a client gets, and when, by a clock of the test's own."""

from __future__ import annotations

import asyncio
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.relay.job import DRS, PageRecords, Shape, TimedRecord
from mtglib.relay.shaper import Shaper
from support import sockets
from support.obfuscated2 import Keystream
from support.timeless import TimelessLoop, timeless
from support.tls_records import RecordReader
from unit.relay.one_job import now, running
from unit.relay.test_session import ciphers, keys

SIZES = st.sampled_from((1, 2, 17, 600, 5000, 16_401)) | st.integers(1, 16_401)
PAUSES = st.sampled_from((0.0, 0.0, 1e-6, 0.0005, 0.01, 60.0))
RECORDS = st.lists(st.builds(TimedRecord, SIZES, PAUSES), min_size=1, max_size=4).map(tuple)
PAGES = st.builds(PageRecords, RECORDS, st.just(0)) | st.builds(
    lambda one, two: PageRecords(one + two, len(one)), RECORDS, RECORDS
)
SHAPES = st.builds(Shape, st.booleans(), st.lists(PAGES, max_size=3).map(tuple))
ENOUGH_BYTES = 1 << 20


Records = tuple[TimedRecord, ...]


def records(*sizes: int, pause_seconds: float = 0.0) -> Records:
    """Records with the same pause before each."""
    return tuple(TimedRecord(size, pause_seconds) for size in sizes)


def learnt(page: Records, opening: Records = ()) -> Shape:
    return Shape(drs=True, pages=(PageRecords(opening + page, len(opening)),))


def drs_size(record: int) -> int:
    return 1386 if record < 40 else 4246 if record < 80 else 16_401


def record_sizes(wire: bytes) -> list[int]:
    return [len(record.payload) for record in RecordReader().feed(wire)]


def next_sizes(shaper: Shaper, now_mono: float, unread_bytes: int = ENOUGH_BYTES) -> list[int]:
    assert shaper.plan(now_mono, unread_bytes) == 0
    return record_sizes(shaper.encode(bytes(shaper.planned_bytes)))


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
            made = RecordReader().feed(received)
            assert {record.kind for record in made} <= {0x17}
            got = b"".join(record.payload for record in made)
            down = payload if fast else Keystream(*keys(3)).apply(payload)
            assert got == (down if fast else Keystream(*keys(4)).apply(down))
            for index, record in enumerate(made):
                learnt = [record.size_bytes for page in shape.pages for record in page.records]
                most = max(learnt) if learnt else drs_size(index) if shape.drs else 16_401
                assert 1 <= len(record.payload) <= most

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


def test_a_connection_follows_a_page_with_its_opening_and_then_pages_without() -> None:
    shaper = Shaper(learnt(records(300, 16_401, 77), opening=records(250, 251)), 0.0)
    sizes = [next_sizes(shaper, 0.0) for _ in range(3)]

    assert sizes == [[250, 251, 300, 16_401, 77], [300, 16_401, 77], [300, 16_401, 77]]


def test_a_page_begins_after_a_second_without_a_byte_sent() -> None:
    shaper = Shaper(learnt(records(300, 1000, pause_seconds=0.01), opening=records(250)), 0.0)

    assert next_sizes(shaper, 5.0) == [250], "however late the first byte is"
    shaper.note_sent(5.0)
    assert next_sizes(shaper, 5.9) == [300]
    shaper.note_sent(5.9)
    assert next_sizes(shaper, 6.9) == [300]
    shaper.note_sent(6.9)
    assert next_sizes(shaper, 6.9) == [1000]


def test_any_page_comes() -> None:
    shaper = Shaper(Shape(pages=tuple(PageRecords(records(size), 0) for size in (1, 2, 3))), 0.0)

    assert {size for _ in range(100) for size in next_sizes(shaper, 0.0)} == {1, 2, 3}


def test_pauses_part_records() -> None:
    page = (TimedRecord(300, 1.0), TimedRecord(400, 1.0), TimedRecord(500, 0.0), TimedRecord(600, 1e-6))
    shaper = Shaper(learnt(page), 0.0)

    assert [next_sizes(shaper, 0.0) for _ in range(4)] == [[300], [400, 500], [600], [300]]


def test_a_record_waits_for_its_bytes_as_long_as_the_one_before_takes_at_20_mbit() -> None:
    shaper = Shaper(learnt(records(16_401, 2000)), 0.0)

    assert shaper.plan(0.0, 299) == 0, "the first one never does"
    assert shaper.planned_bytes == 16_401
    assert shaper.plan(0.0, 18_400) == 0
    assert next_sizes(shaper, 0.0, 18_400) == [16_401]
    assert shaper.begin_pause(0.0, 16_401) == 0
    assert shaper.plan(0.0, 1999) == shaper.plan(0.0055, 1999) == 0.001
    assert next_sizes(shaper, 0.0056, 1999) == [2000]
    assert shaper.plan(0.0, 0) == 0, "nothing but an end is there to be read"


def test_a_short_record_takes_no_time_from_the_long_one_before_it() -> None:
    shaper = Shaper(learnt(records(16_401, 26, 16_401)), 0.0)
    for size in (16_401, 26):
        assert next_sizes(shaper, 0.0, size) == [size]
        shaper.begin_pause(0.0, size)

    assert shaper.plan(0.005, 1) == 0.001


@timeless
async def test_what_lacks_bytes_is_sent_in_time() -> None:
    async with running(ciphers=ciphers(fast=True), shape=learnt(records(16_401))) as job:
        for count, most_seconds in ((100, 0.0), (16_401, 0.0), (9000, 0.0066), (1, 0.0036), (1, 0.0)):
            began_mono = now()
            await sockets.send_all(job.upstream, bytes(count))
            await sockets.recv_exactly(job.client, count + 5)
            assert now() - began_mono == pytest.approx(most_seconds, abs=0.001)


def test_what_is_read_at_once_is_bounded() -> None:
    shaper = Shaper(Shape(), 0.0)
    shaper.plan(0.0, ENOUGH_BYTES)
    assert shaper.planned_bytes == 4 * 16_401
    shaper = Shaper(learnt(records(*[1] * 100)), 0.0)
    assert [len(next_sizes(shaper, 0.0)) for _ in range(2)] == [64, 36]
    assert len(next_sizes(Shaper(learnt(records(*[9000] * 100)), 0.0), 0.0)) == 7


BYTES = st.lists(st.integers(1, 16_401), min_size=1)


@given(pauses=st.lists(st.floats(0, 100), min_size=1), sizes=BYTES, arrived=BYTES)
def test_a_connection_with_pauses_never_falls_below_20_mbit(
    pauses: list[float], sizes: list[int], arrived: list[int]
) -> None:
    shaper, now_mono, sent_bytes = Shaper(learnt(tuple(map(TimedRecord, sizes, itertools.cycle(pauses)))), 0.0), 0.0, 0
    for unread_bytes in arrived * 3:
        while wait_seconds := shaper.plan(now_mono, unread_bytes):
            now_mono = math.ceil((now_mono + wait_seconds) * 1000) / 1000  # as event loops do
        payload = bytes(min(unread_bytes, shaper.planned_bytes))
        sent_bytes += len(payload)
        shaper.encode(payload)
        pause_seconds = shaper.begin_pause(now_mono, len(payload))
        assert pause_seconds == 0 or pause_seconds >= 0.001, "an event loop can't wait for less"
        if pause_seconds:
            now_mono = math.ceil((now_mono + pause_seconds) * 1000) / 1000

    assert now_mono <= sent_bytes * 8 / 20e6 + 0.002, "but for what a pause and a wait are rounded up by"


@timeless
async def test_pauses_pass_between_records_and_an_abort_does_not_wait_for_one() -> None:
    async with running(ciphers=ciphers(fast=True), shape=learnt(records(16_401, pause_seconds=60.0))) as job:
        began_mono = now()
        for _ in range(10):
            await sockets.send_all(job.upstream, bytes(49_203))
            await sockets.recv_exactly(job.client, 49_203 + 5 * 3)
        assert now() - began_mono == pytest.approx(9 * 49_203 * 8 / 20e6 + 2 * 16_401 * 8 / 20e6, abs=0.008)

        aborted_mono = now()
        job.task.cancel()
        await asyncio.wait([job.task])
        assert now() == aborted_mono


def test_short_pauses_add_up() -> None:
    shaper, now_mono = Shaper(learnt(records(16_401, pause_seconds=0.0004)), 0.0), 0.0
    for _ in range(1000):
        next_sizes(shaper, now_mono)
        now_mono += shaper.begin_pause(now_mono, 16_401)

    assert now_mono == pytest.approx(0.4, abs=0.002)


def test_without_learnt_ones_there_are_no_pauses() -> None:
    assert Shaper(DRS, 0.0).begin_pause(0.0, 16_401) == 0


@pytest.mark.parametrize("size", [0, -1, 16_402])
def test_a_size_that_no_record_has_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="pages: expected records of 1 to 16401 bytes"):
        learnt(records(1, size))


@pytest.mark.parametrize("pause_seconds", [-0.1, math.inf, math.nan])
def test_a_pause_that_is_none_is_refused(pause_seconds: float) -> None:
    with pytest.raises(ValueError, match="pages: expected pauses in seconds"):
        learnt(records(1, pause_seconds=pause_seconds))


@pytest.mark.parametrize("opening", [(), records(1)])
def test_a_page_of_nothing_is_refused(opening: Records) -> None:
    with pytest.raises(ValueError, match="pages: expected pages of at least one record"):
        learnt((), opening)
