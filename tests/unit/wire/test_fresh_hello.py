"""Another hello of the same shape: everything that is offered stays, everything that is only one client's is new."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib import ClientError
from mtglib.keyshare import KeyShares
from mtglib.wire import client_hello
from mtglib.wire.fresh_hello import fresh_hello
from mtglib.wire.hello_shape import parse_shape
from support.client_hello import Shape, build_client_hello, hello_records
from support.tls_records import make_record

SHARES = KeyShares()
GREASE = [0x0A0A + 0x1010 * n for n in range(16)]


def fresh(record: bytes) -> bytes:
    return fresh_hello(record, SHARES.another_clients, os.urandom)


def extensions_of(record: bytes) -> dict[int, bytes]:
    """Read them, GREASE's as well."""
    at = 5 + 4 + 2 + 32
    at += 1 + record[at]
    at += 2 + int.from_bytes(record[at : at + 2])
    at += 1 + record[at] + 2
    found = {}
    while at < len(record):
        end = at + 4 + int.from_bytes(record[at + 2 : at + 4])
        found[int.from_bytes(record[at : at + 2])] = record[at + 4 : end]
        at = end
    return found


def with_extension(record: bytes, kind: int, body: bytes) -> bytes:
    """Add one behind all others."""
    added = kind.to_bytes(2) + len(body).to_bytes(2) + body
    at = 5 + 4 + 2 + 32
    at += 1 + record[at]
    at += 2 + int.from_bytes(record[at : at + 2])
    at += 1 + record[at]
    length = int.from_bytes(record[at : at + 2]) + len(added)
    message = record[9:at] + length.to_bytes(2) + record[at + 2 :] + added
    return make_record(0x16, b"\x01" + len(message).to_bytes(3) + message, record[1:3])


@pytest.mark.parametrize("shape", ["old", "modern"])
def test_it_offers_the_same_and_has_nothing_of_the_other(shape: Shape) -> None:
    record = hello_records(build_client_hello("front.example", shape=shape))
    other = fresh(record)
    before, after = parse_shape(record), parse_shape(other)

    assert len(other) == len(record)
    assert after.key == before.key
    assert list(after.key_shares) == list(before.key_shares)
    assert all(after.key_shares[group] != share for group, share in before.key_shares.items())
    assert client_hello.parse(other).server_name == "front.example"
    assert client_hello.parse(other).session_id != client_hello.parse(record).session_id
    assert client_hello.parse(other).random != client_hello.parse(record).random
    for kind, body in extensions_of(record).items():
        if kind not in GREASE:
            has_changed = extensions_of(other)[kind] != body
            assert has_changed == (kind in (0x0A, 0x2B, 0x33, 0xFE0D)), hex(kind)


def test_grease_is_other_grease_and_equal_where_it_was() -> None:
    record = hello_records(build_client_hello("front.example"))
    other = fresh(record)
    (group_before,) = {int.from_bytes(extensions_of(record)[kind][2:4]) for kind in (0x0A, 0x33)}
    (group_after,) = {int.from_bytes(extensions_of(other)[kind][2:4]) for kind in (0x0A, 0x33)}

    assert group_before in GREASE
    assert group_after in GREASE
    assert group_after != group_before
    kinds = [[kind for kind in extensions_of(each) if kind in GREASE] for each in (record, other)]
    assert len(kinds[0]) == len(kinds[1]) == 2
    assert not set(kinds[0]) & set(kinds[1]) or kinds[0] != kinds[1]


def test_what_belongs_to_an_earlier_session_is_left_out() -> None:
    record = hello_records(build_client_hello("front.example"))
    for kind in (0x29, 0x2A):
        record = with_extension(record, kind, b"of a session")

    assert 0x29 in extensions_of(record)
    assert not {0x29, 0x2A} & extensions_of(fresh(record)).keys()


@given(cut=st.integers(0), place=st.integers(0), value=st.integers(0, 255))
def test_a_malformed_hello_is_an_error_of_the_client(cut: int, place: int, value: int) -> None:
    record = bytearray(hello_records(build_client_hello("front.example")))
    record[place % len(record)] = value

    for malformed in (bytes(record), bytes(record[: 9 + cut % len(record)])):
        with suppress(ClientError):
            fresh(malformed)
