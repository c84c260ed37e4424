"""Hellos and answers: the engine and Python read and write them alike, for every hello and for what isn't one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtglib.wire import pure_hello
from support.client_hello import Shape, build_client_hello, hello_records, sign_hello
from unit.wire.test_hello_shape import edits, record_of

engine = pytest.importorskip("mtglib._engine", reason="the native engine isn't built")

KEYS = [bytes(16), bytes(range(16))]
RECORDS = {
    shape: bytes(hello_records(sign_hello(build_client_hello("front.example", shape=shape), KEYS[1], 1_700_000_000)))
    for shape in ("old", "modern")
}

names = st.lists(st.tuples(st.sampled_from([0, 0, 1]), st.binary(max_size=3)), max_size=3).map(
    lambda listed: sized(b"".join(bytes((kind,)) + sized(name) for kind, name in listed))
)
shares = st.lists(st.tuples(st.sampled_from([0x1D, 0x11EC, 0x0A0A]), st.binary(max_size=3)), max_size=4).map(
    lambda listed: sized(b"".join(group.to_bytes(2) + sized(share) for group, share in listed))
)
bodies = names | shares | st.binary(max_size=6)
extensions = st.lists(st.tuples(st.sampled_from([0x00, 0x00, 0x33, 0x33, 0x17]), bodies), max_size=5)


def sized(body: bytes) -> bytes:
    return len(body).to_bytes(2) + body


def in_python(record: bytes) -> tuple[bytes, bytes, str, dict[int, bytes]] | None:
    try:
        return pure_hello.read_hello(record)
    except ValueError:
        return None


@given(
    shape=st.sampled_from(["old", "modern"]), changes=edits, cut=st.integers(0, 1900) | st.none(), first=st.booleans()
)
@example(shape="modern", changes=[], cut=None, first=False)
@example(shape="modern", changes=[(42, 1)], cut=None, first=False)
def test_a_hello_that_is_changed_or_cut_is_read_alike(
    shape: Shape, changes: list[tuple[int, int]], cut: int | None, first: bool
) -> None:
    changed = bytearray(RECORDS[shape])
    for place, flip in changes:
        changed[place % len(changed)] ^= flip
    record = bytes(changed[:cut])
    keys = KEYS[::-1] if first else KEYS

    assert engine.read_hello(record) == in_python(record)
    if len(record) >= 43:
        assert engine.find_key(record, keys) == pure_hello.find_key(record, keys)


@given(
    suites=st.lists(st.integers(0, 0xFFFF), max_size=3),
    listed=extensions,
    session_id=st.binary(max_size=34),
    changes=edits,
    cut=st.integers(0, 120) | st.none(),
)
def test_so_are_names_and_shares_of_all_kinds(
    suites: list[int],
    listed: list[tuple[int, bytes]],
    session_id: bytes,
    changes: list[tuple[int, int]],
    cut: int | None,
) -> None:
    record = record_of(tuple(suites), listed, session_id)
    changed = bytearray(record)
    for place, flip in changes:
        changed[place % len(changed)] ^= flip

    assert engine.read_hello(record) == in_python(record)
    assert engine.read_hello(bytes(changed[:cut])) == in_python(bytes(changed[:cut]))


@given(
    key=st.binary(min_size=16, max_size=16),
    random=st.binary(min_size=32, max_size=32),
    session_id=st.binary(max_size=32),
    suite=st.integers(0, 0xFFFF),
    kinds=st.sampled_from([(0x2B, 0x33), (0x33, 0x2B), (0x33,)]),
    group=st.integers(0, 0xFFFF),
    share=st.binary(max_size=1200),
    noise=st.binary(max_size=5000),
)
def test_the_same_answer_is_written(
    key: bytes,
    random: bytes,
    session_id: bytes,
    suite: int,
    kinds: tuple[int, ...],
    group: int,
    share: bytes,
    noise: bytes,
) -> None:
    parts = (key, random, session_id, suite, kinds, group, share, noise)

    assert engine.write_answer(*parts) == pure_hello.write_answer(*parts)
