"""Texts in pieces: nothing is lost, and a list in pieces is the list."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from mtglib.ipblocklist import pure_prefixes
from mtglib.ipblocklist.pieces import Pieces, sha256
from mtglib.ipblocklist.prefixes import PrefixSet

bits = st.lists(
    st.sampled_from([b"192.0.2.1", b"\n", b"#", b"\n2001:db8::/32\n", b"x", b"\xef\xbb\xbf", b"", b"1\n2\n"]),
    max_size=30,
)


def cut(chunks: list[bytes]) -> list[bytes]:
    text = Pieces(8)
    for chunk in chunks:
        text.add(chunk)
    assert text.size_bytes == sum(map(len, chunks))
    return text.done()


@given(bits)
def test_all_is_there_in_pieces_of_whole_lines(chunks: list[bytes]) -> None:
    made = cut(chunks)
    assert b"".join(made) == b"".join(chunks)
    assert all(piece.endswith(b"\n") for piece in made[:-1])
    assert sha256(made) == hashlib.sha256(b"".join(chunks)).digest()


@given(bits)
def test_a_list_in_pieces_is_the_list(chunks: list[bytes]) -> None:
    for make in (PrefixSet, pure_prefixes.PrefixSet):
        whole, parts = make(b"".join(chunks)), make(*cut(chunks))
        assert (whole.count, whole.broken_lines) == (parts.count, parts.broken_lines)
        assert whole.contains_v4(0xC0000201) == parts.contains_v4(0xC0000201)


def test_a_piece_is_no_longer_than_it_has_to_be() -> None:
    assert [len(piece) for piece in cut([b"1234\n"] * 7)] == [10, 10, 10, 5]


def test_a_line_that_never_ends_is_one_piece() -> None:
    assert cut([b"x" * 5] * 9) == [b"x" * 45]
