"""The hellos that sites are asked with look like those of the clients."""

from __future__ import annotations

import os

import pytest

from mtglib.keyshare import KeyShares
from mtglib.wire.client_hello import assemble, parse
from mtglib.wire.fresh_hello import fresh_hello
from mtglib.wire.handshake import GREASE, read_entries, read_vector
from mtglib.wire.hello_shape import parse_shape
from mtglib.wire.known_hellos import DESKTOP, IOS, KNOWN_HELLOS, MACOS, TDLIB, TELETHON, KnownHello
from support.recorded_hellos import RECORDED_HELLOS, RECORDED_HOST

HOST = "front.example"
OF_CLIENTS = {"tdlib": TDLIB, "mtcute": DESKTOP, "macos": MACOS, "ios": IOS, "telethon": TELETHON}
every = pytest.mark.parametrize("known", OF_CLIENTS.values(), ids=OF_CLIENTS)


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


@pytest.mark.parametrize(("known", "is_shuffled"), [(TDLIB, True), (MACOS, False), (TELETHON, False)])
def test_the_order_is_the_clients(known: KnownHello, is_shuffled: bool) -> None:
    orders = {tuple(extension_types(known.record(HOST, os.urandom))[1:-2]) for _ in range(20)}

    assert len(orders) > 10 if is_shuffled else len(orders) == 1


@pytest.mark.parametrize("client", OF_CLIENTS)
def test_it_is_what_the_client_sends(client: str) -> None:
    recorded, known = RECORDED_HELLOS[client], OF_CLIENTS[client]
    made = [known.record(RECORDED_HOST, os.urandom) for _ in range(50)]

    assert {parse_shape(record).key for record in made} == {parse_shape(recorded).key}
    assert len(recorded) in {len(record) for record in made}
    if not known.is_shuffled:
        assert extension_types(made[0])[1:-2] == extension_types(recorded)[1:-2]
    assert len({len(record) for record in made}) == (4 if 0xFE0D in known.extensions else 1), (
        "one of ECH's four lengths"
    )


def test_all_clients_whose_hellos_are_recorded_are_known() -> None:
    assert OF_CLIENTS.keys() == RECORDED_HELLOS.keys()
    assert len(OF_CLIENTS) == len(KNOWN_HELLOS)
    assert all(known in KNOWN_HELLOS for known in OF_CLIENTS.values())
