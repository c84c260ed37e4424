"""The shape of a hello: what a client build offers, found again in each of its hellos, and safe to read."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtglib import ClientError
from mtglib.reasons import Reason
from mtglib.wire.client_hello import assemble
from mtglib.wire.hello_shape import HelloShape, parse_shape
from support.client_hello import Shape, build_client_hello, hello_records, sign_hello
from support.tls_records import make_record

T = TypeVar("T")

KEY = bytes(range(16))
GREASE = [0x0A0A, 0x1A1A, 0x2A2A, 0x3A3A, 0x4A4A, 0x5A5A, 0x6A6A, 0x7A7A, 0x8A8A, 0x9A9A]
GREASE += [0xAAAA, 0xBABA, 0xCACA, 0xDADA, 0xEAEA, 0xFAFA]
GREASE_PSK_MODES = [0x0B, 0x2A, 0x49, 0x68, 0x87, 0xA6, 0xC5, 0xE4]
"""RFC 8701, sections 2 and 3.1."""
OF_A_LIST = {0x002B, 0x000A, 0x0033, 0x000D, 0x0010, 0x002D}


@dataclass(frozen=True)
class Offer:
    """What a hello is made from; `opaque` are extensions that aren't lists."""

    versions: tuple[int, ...] = (0x0304, 0x0303)
    suites: tuple[int, ...] = (0x1301, 0x1302)
    groups: tuple[int, ...] = (0x11EC, 0x001D)
    shares: tuple[int, ...] = (0x11EC,)
    signatures: tuple[int, ...] = (0x0403,)
    alpn: tuple[bytes, ...] = (b"h2", b"http/1.1")
    modes: tuple[int, ...] = (1,)
    opaque: tuple[int, ...] = (0x0000, 0x0017)


def sized(data: bytes, length_bytes: int = 2) -> bytes:
    return len(data).to_bytes(length_bytes) + data


def joined(numbers: tuple[int, ...], size: int = 2) -> bytes:
    return b"".join(number.to_bytes(size) for number in numbers)


def extensions_of(offer: Offer, share: bytes = b"") -> list[tuple[int, bytes]]:
    return [
        (0x002B, sized(joined(offer.versions), 1)),
        (0x000A, sized(joined(offer.groups))),
        (0x0033, sized(b"".join(group.to_bytes(2) + sized(share) for group in offer.shares))),
        (0x000D, sized(joined(offer.signatures))),
        (0x0010, sized(b"".join(sized(name, 1) for name in offer.alpn))),
        (0x002D, sized(joined(offer.modes, 1), 1)),
        *((number, b"anything") for number in offer.opaque),
    ]


def record_of(suites: tuple[int, ...], extensions: list[tuple[int, bytes]], session_id: bytes = bytes(32)) -> bytes:
    head = b"\x03\x03" + bytes(32) + sized(session_id, 1) + sized(joined(suites)) + b"\x01\x00"
    body = sized(b"".join(number.to_bytes(2) + sized(data) for number, data in extensions))
    return make_record(0x16, b"\x01" + sized(head + body, 3), b"\x03\x01")


def shape_of(offer: Offer) -> HelloShape:
    return parse_shape(record_of(offer.suites, extensions_of(offer)))


NUMBERS = [1, 2, 3, 0x0017, 0x0304, 0x1301, 0xFF01, 0x0A1A, 0x1A0A, 0x0A0B, 0x0B0B]
"""Few, so that lists are often nearly the same; some look like GREASE."""
lists = st.lists(st.sampled_from(NUMBERS), max_size=4).map(tuple)
sets = st.lists(st.sampled_from(NUMBERS), max_size=4, unique=True).map(tuple)
offers = st.builds(
    Offer,
    versions=lists,
    suites=lists,
    groups=lists,
    shares=sets,
    signatures=lists,
    alpn=st.lists(st.sampled_from([b"", b"h2", b"http/1.1", b"\x02h2", b"\x0a\x1a"]), max_size=3).map(tuple),
    modes=st.lists(st.sampled_from([0, 1, 0x0A, 0x0C]), max_size=3).map(tuple),
    opaque=sets.map(sorted).map(tuple),
)


@given(offer=offers, share=st.binary(max_size=40))
def test_everything_that_was_offered_is_read(offer: Offer, share: bytes) -> None:
    shape = parse_shape(record_of(offer.suites, extensions_of(offer, share)))

    assert shape.legacy_version == 0x0303
    assert shape.supported_versions == offer.versions
    assert shape.cipher_suites == offer.suites
    assert shape.groups == offer.groups
    assert list(shape.key_shares.items()) == [(group, share) for group in offer.shares]
    assert shape.signature_algorithms == offer.signatures
    assert shape.alpn == offer.alpn
    assert shape.psk_modes == offer.modes
    assert shape.extension_types == tuple(sorted(OF_A_LIST | set(offer.opaque)))


@given(offer=offers, chance=st.randoms(use_true_random=False), is_padded=st.booleans())
def test_grease_order_shares_and_padding_are_not_in_the_shape(offer: Offer, chance: Random, is_padded: bool) -> None:
    def greased(values: tuple[T, ...], grease: list[T]) -> tuple[T, ...]:
        """With up to two values among them."""
        mixed = list(values)
        for value in chance.sample(grease, chance.randrange(3)):
            mixed.insert(chance.randint(0, len(mixed)), value)
        return tuple(mixed)

    other = Offer(
        versions=greased(offer.versions, GREASE),
        suites=greased(offer.suites, GREASE),
        groups=greased(offer.groups, GREASE),
        shares=greased(offer.shares, GREASE),
        signatures=greased(offer.signatures, GREASE),
        alpn=greased(offer.alpn, [value.to_bytes(2) for value in GREASE]),
        modes=greased(offer.modes, GREASE_PSK_MODES),
        opaque=greased(offer.opaque, GREASE) + (0x0015,) * is_padded,
    )
    extensions = extensions_of(other, chance.randbytes(9))
    chance.shuffle(extensions)

    shape = parse_shape(record_of(other.suites, extensions, chance.randbytes(chance.randint(0, 32))))

    assert shape.key_shares.keys() == set(offer.shares)
    assert replace(shape, key_shares={}) == replace(shape_of(offer), key_shares={})


@given(one=offers, data=st.data())
def test_hellos_that_offer_something_else_have_another_key(one: Offer, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(Offer.__dataclass_fields__)))
    other = replace(one, **{field: getattr(data.draw(offers), field)})

    assert (shape_of(one).key == shape_of(other).key) == (one == other)


@pytest.mark.parametrize(
    "other",
    [
        Offer(versions=(0x0304,), suites=(0x0303, 0x1301, 0x1302)),
        Offer(groups=(0x11EC,), shares=(0x001D, 0x11EC)),
        Offer(groups=(0x001D, 0x11EC)),
        Offer(alpn=(b"h2\x08http/1.1",)),
        Offer(alpn=(b"h2", b"http/1.1", b"")),
        Offer(opaque=(0x0000,)),
    ],
)
def test_a_list_that_ends_elsewhere_makes_another_key(other: Offer) -> None:
    assert shape_of(other).key != shape_of(Offer()).key


def test_the_legacy_version_is_in_the_key() -> None:
    record = bytearray(record_of((), []))
    record[10] = 2

    assert parse_shape(bytes(record)).legacy_version == 0x0302
    assert parse_shape(bytes(record)).key != parse_shape(record_of((), [])).key


def test_a_missing_list_is_empty_and_not_the_same_as_an_empty_one() -> None:
    nothing = parse_shape(record_of((0x1301,), []))
    empty = shape_of(Offer((), (0x1301,), (), (), (), (), (), ()))

    assert replace(nothing, key=b"", extension_types=()) == replace(empty, key=b"", extension_types=())
    assert nothing.extension_types == ()
    assert nothing.key != empty.key


def test_a_hello_may_have_no_extensions_at_all() -> None:
    shape = parse_shape(record_of((0x0035,), [])[:-2])

    assert (shape.cipher_suites, shape.groups, shape.extension_types) == ((0x0035,), (), ())


def test_keys_stay_the_same_over_releases() -> None:
    """They are kept on disk."""
    lists: list[tuple[int, ...]] = [(0x0303,), (0x0304, 0x0303), (0x1301, 0x1302), (0x11EC, 0x001D), (0x11EC,)]
    lists += [(0x0403,), (1,), (0x0000, 0x000A, 0x000D, 0x0010, 0x0017, 0x002B, 0x002D, 0x0033)]
    hashed = b"".join(len(values).to_bytes(2) + joined(values) for values in lists) + b"\x02h2\x08http/1.1"

    assert shape_of(Offer()).key == hashlib.sha256(hashed).digest()[:16]


# -- clients ---------------------------------------------------------------------------------------------------------


def signed_record(shape: Shape, name: str) -> bytes:
    return hello_records(sign_hello(build_client_hello(name, shape=shape), KEY, 1_700_000_000))


@pytest.mark.parametrize("shape", ["old", "modern"])
@given(names=st.lists(st.integers(4, 250).map(lambda size: "a" * (size - 4) + ".org"), min_size=2, max_size=2))
@example(names=["a.org", "a" * 240 + ".org"])
def test_all_hellos_of_a_client_have_one_key(shape: Shape, names: list[str]) -> None:
    first, second = (parse_shape(signed_record(shape, name)) for name in names)

    assert first.key == second.key
    assert first.key_shares != second.key_shares


def test_a_modern_clients_hello() -> None:
    shape = parse_shape(signed_record("modern", "front.example"))

    assert shape.supported_versions == (0x0304, 0x0303)
    assert shape.cipher_suites[:4] == (0x1301, 0x1302, 0x1303, 0xC02B)
    assert shape.groups == (0x11EC, 0x001D, 0x0017, 0x0018)
    assert {group: len(share) for group, share in shape.key_shares.items()} == {0x11EC: 1216, 0x001D: 32}
    assert shape.alpn == (b"h2", b"http/1.1")
    assert shape.psk_modes == (1,)
    assert shape.signature_algorithms[:4] == (0x0904, 0x0905, 0x0906, 0x0403)
    assert shape.extension_types == (0, 5, 10, 11, 13, 16, 18, 23, 27, 35, 43, 45, 51, 0x44CD, 0xFE0D, 0xFF01)
    assert shape.key != parse_shape(signed_record("old", "front.example")).key


def test_openssls_hello() -> None:
    def hello(*protocols: str) -> HelloShape:
        context = ssl.create_default_context()
        context.set_alpn_protocols(protocols)
        sent = ssl.MemoryBIO()
        with pytest.raises(ssl.SSLWantReadError):
            context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="front.example").do_handshake()
        assembled = assemble(sent.read())
        assert assembled
        return parse_shape(assembled[0])

    first, second, other = hello("h2"), hello("h2"), hello("http/1.1")

    assert 0x0304 in first.supported_versions
    assert {0x1301, 0x1302, 0x1303} <= set(first.cipher_suites)
    assert first.key_shares
    assert first.key_shares.keys() <= set(first.groups)
    assert first.key_shares != second.key_shares
    assert first.alpn == (b"h2",)
    assert first.key == second.key != other.key


# -- what isn't a hello ----------------------------------------------------------------------------------------------

edits = st.lists(st.tuples(st.integers(0), st.integers(1, 255)), max_size=4)


@given(shape=st.sampled_from(["old", "modern"]), changes=edits, cut=st.integers(0, 1900), behind=st.binary(max_size=9))
def test_changed_hellos_are_read_or_refused(
    shape: Shape, changes: list[tuple[int, int]], cut: int, behind: bytes
) -> None:
    changed = bytearray(signed_record(shape, "front.example"))
    for place, flip in changes:
        changed[place % len(changed)] ^= flip
    read_or_refuse(bytes(changed[:cut]) + behind)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read_or_refuse(data)
    read_or_refuse(record_of((), [])[:-2] + sized(data))
    for number in OF_A_LIST:
        read_or_refuse(record_of((), [(number, data)]))


def read_or_refuse(record: bytes) -> None:
    outcome = shape_or_reason(record)
    assert isinstance(outcome, HelloShape) or outcome is Reason.NOT_TLS


def shape_or_reason(record: bytes) -> HelloShape | Reason:
    try:
        return parse_shape(record)
    except ClientError as error:
        return error.reason


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(record_of((), [])[:43], id="ends before the session id"),
        pytest.param(record_of((0x1301,), [])[:-1], id="ends within its extensions"),
        pytest.param(record_of((), []) + b"\x00", id="something behind it"),
        pytest.param(record_of((), [])[:-2] + sized(b"\x00\x17\x00"), id="half an extension"),
        pytest.param(record_of((), [(0, bytes(17_000))]), id="too long"),
        pytest.param(record_of((), [(0x17, b""), (0x17, b"")]), id="an extension twice"),
        pytest.param(record_of((), [(0x0033, sized(joined((0x1D, 0, 0x1D, 0))))]), id="a key share twice"),
        pytest.param(record_of((), [(0x0033, sized(joined((0x1D, 1))))]), id="a key share that ends too early"),
        pytest.param(record_of((), [(0x000A, b"\x00\x01\x00")]), id="half a number"),
        pytest.param(record_of((), [(0x000A, b"")]), id="no list"),
        pytest.param(record_of((), [(0x000D, b"\x00\x02\x04\x03\x04\x03")]), id="something behind a list"),
        pytest.param(record_of((), [(0x0010, b"\x00\x02\x02h")]), id="a name that ends too early"),
        pytest.param(record_of((), [(0x002D, b"\x02\x01")]), id="modes that end too early"),
    ],
)
def test_malformed_hellos_are_refused(record: bytes) -> None:
    with pytest.raises(ClientError) as refused:
        parse_shape(record)
    assert refused.value.reason is Reason.NOT_TLS
