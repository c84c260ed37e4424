"""Records, and how long nothing came before each, at any cut of the stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mtglib.wire.timed_records import ArrivedRecord, TimedRecordReader
from support.tls_records import make_record

FIRST, SECOND, THIRD = (make_record(0x17, bytes(size)) for size in (3, 0, 300))


def test_a_pause_is_the_first_records_of_what_comes_after_it() -> None:
    reader = TimedRecordReader(begun_mono=10.0)

    assert reader.feed(FIRST + SECOND, 12.0) == [ArrivedRecord(FIRST, 2.0), ArrivedRecord(SECOND, 0.0)]
    assert reader.feed(THIRD, 12.5) == [ArrivedRecord(THIRD, 0.5)]


def test_a_pause_in_the_middle_of_a_record_is_the_networks() -> None:
    reader = TimedRecordReader(begun_mono=10.0)

    assert reader.feed(FIRST[:6], 11.0) == []
    assert reader.feed(FIRST[6:] + SECOND, 15.0) == [ArrivedRecord(FIRST, 1.0), ArrivedRecord(SECOND, 0.0)]
    assert reader.feed(THIRD, 15.25) == [ArrivedRecord(THIRD, 0.25)]


@given(st.lists(st.binary(max_size=20), max_size=5), st.data())
def test_records_are_the_same_at_any_cut(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(make_record(0x17, payload) for payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    reader, records = TimedRecordReader(0.0), list[ArrivedRecord]()
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(stream)], strict=True)):
        records += reader.feed(stream[start:end], float(number))

    assert b"".join(record.data for record in records) == stream
    assert len(records) == len(payloads)
    assert sum(record.pause_seconds for record in records) <= len(cuts)


def test_what_nobody_waited_for_has_no_pause() -> None:
    reader = TimedRecordReader(begun_mono=10.0)

    assert reader.feed(FIRST, 12.0, was_waited_for=False) == [ArrivedRecord(FIRST, 0.0)]
    assert reader.feed(SECOND, 12.5) == [ArrivedRecord(SECOND, 0.5)]
