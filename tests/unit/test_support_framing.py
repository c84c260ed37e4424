"""The peers' records, frames and messages are each other's inverse, however a stream is cut."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.mtproto import MTProtoError, frame, frame_length, parse_plain, plain_message, res_pq, tl_bytes
from support.obfuscated2 import FRAME_BYTES, looks_like_another_protocol, make_frame, read_frame
from support.pattern import Pattern
from support.tls_records import RecordReader, cut_records


@given(
    data=st.binary(max_size=5000),
    sizes=st.lists(st.integers(0, 900), min_size=1, max_size=5).filter(any),
    piece=st.integers(1, 700),
)
def test_records_roundtrip_at_any_segmentation(data: bytes, sizes: list[int], piece: int) -> None:
    wire = cut_records(data, sizes)
    reader = RecordReader()

    records = [record for start in range(0, len(wire), piece) for record in reader.feed(wire[start : start + piece])]

    assert b"".join(record.payload for record in records) == data
    assert all(record.kind == 0x17 for record in records)
    assert reader.pending_bytes == 0


@given(secret=st.sampled_from([b"", os.urandom(16)]), dc=st.integers(-32768, 32767), data=st.binary())
def test_frame_is_read_by_its_receiver_and_both_directions_match(secret: bytes, dc: int, data: bytes) -> None:
    sent = make_frame(secret, dc)
    received = read_frame(sent.wire, secret)

    assert (received.dc, received.tag, len(sent.wire)) == (dc, b"\xdd" * 4, FRAME_BYTES)
    assert received.up.apply(sent.up.apply(data)) == data
    assert sent.down.apply(received.down.apply(data)) == data
    assert not looks_like_another_protocol(sent.wire)


@given(data=st.binary(min_size=8, max_size=400), padding=st.binary(max_size=15))
def test_plain_message_survives_framing(data: bytes, padding: bytes) -> None:
    framed = frame(plain_message(data, 1), padding)

    message = parse_plain(framed[4:])

    assert frame_length(framed[:4]) == len(framed) - 4
    assert message.constructor + message.body == data


def test_quick_ack_bit_is_no_length() -> None:
    assert frame_length(b"\x40\x00\x00\x80") == 64


def test_res_pq_has_its_known_layout() -> None:
    answer = res_pq(b"n" * 16, b"s" * 16, (0xD09D1D85DE64FD85,))

    wanted = (
        "63241605" + (b"n" * 16).hex() + (b"s" * 16).hex() + "0817ed48941a08f98100000015c4b51c0100000085fd64de851d9dd0"
    )
    assert answer.hex() == wanted


@pytest.mark.parametrize("data", [b"", b"a", b"abc", b"abcd", bytes(8)])
def test_tl_strings_are_multiples_of_four(data: bytes) -> None:
    assert len(tl_bytes(data)) % 4 == 0
    assert tl_bytes(data).startswith(bytes([len(data)]) + data)


@pytest.mark.parametrize("message", [b"\x01" + bytes(23), bytes(16) + b"\xff\xff\x00\x00" + bytes(4)])
def test_what_is_no_plain_message_is_refused(message: bytes) -> None:
    with pytest.raises(MTProtoError):
        parse_plain(message)


def test_pattern_is_the_same_however_it_is_taken() -> None:
    whole, pieces = Pattern(7).take(1000), Pattern(7)

    assert pieces.take(1) + pieces.take(998) + pieces.take(1) == whole
    with pytest.raises(AssertionError, match="byte 500"):
        Pattern(7).check(whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])
