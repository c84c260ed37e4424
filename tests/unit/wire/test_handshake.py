"""Vectors and lists of them, as they are written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.wire.handshake import GREASE, entry, read_entries, read_vector, vector

entries = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=300)), max_size=5)


@given(before=st.binary(max_size=5), body=st.binary(max_size=255), length_bytes=st.integers(1, 3), after=st.binary())
def test_a_vector_is_read_as_it_was_written(before: bytes, body: bytes, length_bytes: int, after: bytes) -> None:
    written = before + vector(body, length_bytes)

    assert read_vector(written + after, len(before), length_bytes) == (body, len(written))


@given(entries)
def test_a_list_is_read_as_it_was_written(known: list[tuple[int, bytes]]) -> None:
    assert list(read_entries(b"".join(entry(*each) for each in known))) == known


@given(entries.filter(bool), st.data())
def test_what_ends_too_early_is_an_error(known: list[tuple[int, bytes]], data: st.DataObject) -> None:
    *whole, last = [entry(*each) for each in known]
    cut = data.draw(st.integers(1, len(last) - 1))

    with pytest.raises(ValueError, match="ends too early"):
        list(read_entries(b"".join((*whole, last[:cut]))))
    with pytest.raises(ValueError, match="ends too early"):
        read_vector(vector(last, 2)[: 1 + cut], 0, 2)


def test_grease_is_that_of_rfc_8701() -> None:
    assert GREASE[:2] == (0x0A0A, 0x1A1A)
    assert GREASE[-1] == 0xFAFA
    assert len(set(GREASE)) == 16
