"""Files of records: whatever is cut off or changed, the rest is read."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.antireplay.journal_format import (
    HEADER_BYTES,
    MOST_RECORDS,
    Blocks,
    Header,
    pack_block,
    pack_header,
    parse_header,
)

HEADER = Header(8, 7, bytes(range(16)))
BLOCKS = [(1000 + number, bytes([number]) * 8 * number) for number in range(1, 6)]


def read(body: bytes) -> tuple[list[tuple[int, bytes]], Blocks]:
    file = io.BytesIO(bytes(HEADER_BYTES) + body)
    file.seek(HEADER_BYTES)
    blocks = Blocks(file, 8)
    return list(blocks), blocks


def packed() -> list[bytes]:
    return [pack_block(records, 8, unix) for unix, records in BLOCKS]


def test_a_header_is_forty_bytes_and_comes_back() -> None:
    assert (len(pack_header(HEADER)), HEADER_BYTES) == (40, 40)
    assert parse_header(pack_header(HEADER) + b"more") == HEADER


@given(data=st.binary(max_size=60))
def test_anything_else_is_no_header(data: bytes) -> None:
    assert parse_header(data) is None


@given(at=st.integers(0, HEADER_BYTES - 1), flip=st.integers(1, 255))
def test_a_damaged_header_is_none(at: int, flip: int) -> None:
    damaged = bytearray(pack_header(HEADER))
    damaged[at] ^= flip
    assert parse_header(bytes(damaged)) is None


def test_a_header_that_ends_too_early_is_none() -> None:
    assert all(parse_header(pack_header(HEADER)[:length]) is None for length in range(HEADER_BYTES))


@pytest.mark.parametrize("length", range(sum(map(len, packed())) + 1))
def test_what_is_cut_off_costs_the_last_block(length: int) -> None:
    ends = [sum(map(len, packed()[:count])) for count in range(len(BLOCKS) + 1)]
    whole = sum(end <= length for end in ends[1:])

    found, blocks = read(b"".join(packed())[:length])

    assert found == BLOCKS[:whole]
    assert (blocks.end, blocks.is_damaged) == (HEADER_BYTES + ends[whole], length not in ends)


@given(which=st.integers(0, 4), flip=st.integers(1, 255), data=st.data())
def test_a_changed_byte_behind_its_count_costs_one_block(which: int, flip: int, data: st.DataObject) -> None:
    pieces = packed()
    at = data.draw(st.integers(4, len(pieces[which]) - 1))
    pieces[which] = pieces[which][:at] + bytes([pieces[which][at] ^ flip]) + pieces[which][at + 1 :]

    found, blocks = read(b"".join(pieces))

    assert found == [*BLOCKS[:which], *BLOCKS[which + 1 :]]
    assert blocks.is_damaged


@given(which=st.integers(0, 4), count=st.integers(0, 2**32 - 1))
def test_a_changed_count_costs_no_block_before_it(which: int, count: int) -> None:
    pieces = packed()
    pieces[which] = struct.pack("<I", count) + pieces[which][4:]

    found, _ = read(b"".join(pieces))

    assert found[:which] == BLOCKS[:which]
    assert all(block in BLOCKS for block in found)


@given(body=st.binary(max_size=300))
def test_any_bytes_are_read_to_an_end(body: bytes) -> None:
    found, blocks = read(body)
    assert (found, blocks.is_damaged) == ([], bool(body))


def test_a_block_has_a_bound() -> None:
    most = bytes(8 * MOST_RECORDS)
    assert read(pack_block(most, 8, -5))[0] == [(-5, most)]
    assert read(pack_block(bytes(8 * (MOST_RECORDS + 1)), 8, 0))[0] == []
