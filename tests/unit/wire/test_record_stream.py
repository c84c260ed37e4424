"""The client's records, at any segmentation, and ours."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtglib.wire.record_stream import RecordDecoder, encode_records
from support.tls_records import Record, RecordReader, make_record

Outcome = tuple[bytes, bool]
"""Payload, and whether the stream was broken."""

versions = st.sampled_from([b"\x03\x03"] * 8 + [b"\x03\x01", b"\x03\x04", b"\x02\x03"])
kinds = st.sampled_from([0x17] * 12 + [0x14, 0x15, 0x16, 0x18, 0x00])
records = st.builds(make_record, kinds, st.binary(max_size=40), versions)
headers = st.builds(
    lambda kind, length: bytes((kind, 3, 3)) + length.to_bytes(2), kinds, st.sampled_from([16640, 16641])
)
streams = st.builds(
    lambda whole, rest: b"".join(whole) + rest,
    st.lists(records, max_size=8),
    st.one_of(headers, st.binary(max_size=40), records.map(lambda record: record[:-3])),
)
places = st.integers(0, 10_000)
cuts = st.lists(places, max_size=6)


def reference(stream: bytes) -> Outcome:
    """What a client's stream means, read in one go."""
    payload = b""
    while len(stream) >= 5:
        kind, version, length = stream[0], stream[1:3], int.from_bytes(stream[3:5])
        if kind != 0x17 or version != b"\x03\x03" or length > 16640:
            return payload, True
        payload += stream[5 : 5 + length]
        stream = stream[5 + length :]
    return payload, False


def feed(decoder: RecordDecoder, pieces: list[bytes]) -> Outcome:
    payload = b""
    for piece in pieces:
        decoded, error = decoder.feed(piece)
        payload += decoded
        if error is not None:
            assert error.reason == "frame"
            return payload, True
    return payload, False


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(stream) + 1) for place in at), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(bounds)]


@given(stream=streams, at=cuts)
@example(stream=b"", at=[])
@example(stream=make_record(0x17, b"") * 3, at=[5, 10])
def test_whole_in_pieces_and_byte_by_byte_are_the_same(stream: bytes, at: list[int]) -> None:
    wanted = reference(stream)

    assert feed(RecordDecoder(), [stream]) == wanted
    assert feed(RecordDecoder(), cut(stream, at)) == wanted
    assert feed(RecordDecoder(), [bytes((byte,)) for byte in stream]) == wanted


@given(stream=streams, at=places)
@example(stream=make_record(0x17, b"before") + make_record(0x17, b"data"), at=8)
def test_resume_brings_a_fresh_decoder_to_the_same_place(stream: bytes, at: int) -> None:
    decoder, (front, back) = RecordDecoder(), cut(stream, [at])
    if feed(decoder, [front])[1]:
        return
    fresh = RecordDecoder()

    assert feed(fresh, [decoder.resume()]) == (b"", False)
    assert fresh.resume() == decoder.resume()
    assert feed(fresh, [back]) == feed(decoder, [back])


@pytest.mark.parametrize(("at", "length"), [(0, 0), (1, 1), (4, 4), (5, 5), (6, 5), (997, 5), (16644, 5), (16645, 0)])
def test_resume_needs_no_more_than_a_header(at: int, length: int) -> None:
    decoder = RecordDecoder()
    decoder.feed(make_record(0x17, bytes(16640))[:at])

    assert len(decoder.resume()) == length


def test_the_largest_record_is_taken_and_one_byte_more_is_not() -> None:
    assert feed(RecordDecoder(), [make_record(0x17, b"x" * 16640)]) == (b"x" * 16640, False)
    assert feed(RecordDecoder(), [b"\x17\x03\x03\x41\x01"]) == (b"", True)


@pytest.mark.parametrize("kind", [0x14, 0x15, 0x16])
def test_the_error_comes_with_the_header_and_after_the_payload_before(kind: int) -> None:
    decoder = RecordDecoder()

    payload, error = decoder.feed(make_record(0x17, b"before") + bytes((kind, 3, 3, 0, 1)))

    assert payload == b"before"
    assert error is not None
    assert decoder.feed(b"")[0] == b""


@given(st.binary(max_size=200) | st.integers(16_300, 70_000).map(bytes))
def test_what_we_send_is_read_back_and_no_record_is_too_long(payload: bytes) -> None:
    reader = RecordReader()
    read: list[Record] = reader.feed(encode_records(payload))

    assert b"".join(record.payload for record in read) == payload
    assert {record.kind for record in read} == {0x17}
    assert all(len(record.payload) <= 16401 for record in read)
    assert len(read) == max(1, -(-len(payload) // 16401))
    assert reader.pending_bytes == 0


@given(payload=st.binary(max_size=300), at=cuts)
def test_our_own_records_are_decoded_like_a_clients(payload: bytes, at: list[int]) -> None:
    assert feed(RecordDecoder(), cut(encode_records(payload), at)) == (payload, False)


@given(stream=streams, most=st.integers(1, 5))
def test_parts_of_a_few_records_come_to_the_same(stream: bytes, most: int) -> None:
    decoder, payload, rest, broken = RecordDecoder(), b"", stream, False
    while rest and not broken:
        part, taken_bytes, error = decoder.feed_part(rest, most)
        assert taken_bytes > 0
        payload, rest, broken = payload + part, rest[taken_bytes:], error is not None

    assert (payload, broken) == reference(stream)


def test_a_part_begins_no_more_records_than_it_may() -> None:
    decoder, stream = RecordDecoder(), make_record(0x17, b"a") + make_record(0x17, b"") * 10 + make_record(0x17, b"b")

    assert decoder.feed_part(stream, 11) == (b"a", len(stream) - 6, None)
    assert decoder.feed_part(stream[-6:], 11) == (b"b", 6, None)
