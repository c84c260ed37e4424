"""The hellos that sites are asked with look like those of the clients."""

from __future__ import annotations

import os

import pytest

from mtglib.keyshare import KeyShares
from mtglib.wire.client_hello import assemble, parse
from mtglib.wire.fresh_hello import fresh_hello
from mtglib.wire.handshake import GREASE, read_entries, read_vector
from mtglib.wire.hello_shape import parse_shape
from mtglib.wire.known_hellos import KNOWN_HELLOS, SAFARI, TDLIB, WITHOUT_POST_QUANTUM, KnownHello
from support.client_hello import build_client_hello, hello_records

HOST = "front.example"
every = pytest.mark.parametrize("known", KNOWN_HELLOS, ids=["tdlib", "safari", "without post-quantum"])


def extension_types(record: bytes) -> list[int]:
    """All of them, in their order."""
    _head, tail = record[: 5 + 4 + 2 + 32], record[5 + 4 + 2 + 32 :]
    at = 0
    for length_bytes in (1, 2, 1):
        _field, at = read_vector(tail, at, length_bytes)
    return [kind for kind, _ in read_entries(read_vector(tail, at, 2)[0])]


@every
def test_it_is_a_hello_of_the_same_shape_each_time_and_for_each_site(known: KnownHello) -> None:
    records = [known.record(host, os.urandom) for host in (HOST, "a" * 150 + ".example", HOST)]

    assert all(assemble(record) == (record, len(record)) for record in records)
    assert len({parse_shape(record).key for record in records}) == 1
    assert [parse(record).server_name for record in records] == [HOST, "a" * 150 + ".example", HOST]
    assert records[0] != records[2], "its GREASE at least"


@every
def test_it_can_be_asked_with(known: KnownHello) -> None:
    record = known.record(HOST, os.urandom)
    fresh = fresh_hello(record, KeyShares().another_clients, os.urandom)
    shape = parse_shape(fresh)

    assert shape.key == parse_shape(record).key
    assert len(fresh) == len(record)
    for group, share in shape.key_shares.items():
        assert KeyShares().answer_to(group, share), "a real share"


@every
def test_grease_is_first_and_last_and_never_twice(known: KnownHello) -> None:
    for _ in range(100):
        first, *_others, last = (kind for kind in extension_types(known.record(HOST, os.urandom)) if kind != 0x15)
        assert first in GREASE
        assert last in GREASE
        assert first != last


@pytest.mark.parametrize(("known", "is_shuffled"), [(TDLIB, True), (SAFARI, False), (WITHOUT_POST_QUANTUM, True)])
def test_the_order_is_the_clients(known: KnownHello, is_shuffled: bool) -> None:
    orders = {tuple(extension_types(known.record(HOST, os.urandom))[1:-2]) for _ in range(20)}

    assert len(orders) > 10 if is_shuffled else len(orders) == 1


def test_lengths_are_those_of_the_clients() -> None:
    tdlib, safari, old = ({len(known.record(HOST, os.urandom)) for _ in range(50)} for known in KNOWN_HELLOS)

    assert tdlib == {1729, 1761, 1793, 1825}, "1825 is that of a recorded one"
    assert safari == {1522}
    assert old == {517}


def test_the_clients_of_these_tests_differ_from_them_in_little() -> None:
    """TDLib's own hello is compared in `interop/test_tdlib.py`."""
    ours, theirs = (
        parse_shape(record) for record in (TDLIB.record(HOST, os.urandom), hello_records(build_client_hello(HOST)))
    )

    assert set(ours.extension_types) - set(theirs.extension_types) == {0x44CD}
    assert set(ours.signature_algorithms) - set(theirs.signature_algorithms) == {0x0904, 0x0905, 0x0906}
    assert (ours.cipher_suites, ours.groups, ours.alpn) == (theirs.cipher_suites, theirs.groups, theirs.alpn)
