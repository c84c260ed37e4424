"""The key that is made at once is that of the shape, for every hello and for what isn't one."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from mtglib import ClientError
from mtglib.wire.hello_key import hello_key
from mtglib.wire.hello_shape import parse_shape
from support.client_hello import Shape
from unit.wire.test_hello_shape import GREASE, GREASE_PSK_MODES, Offer, edits, extensions_of, offers, record_of
from unit.wire.test_hello_shape import signed_record as record_of_client


def key_of_shape(record: bytes) -> bytes | None:
    try:
        return parse_shape(record).key
    except ClientError:
        return None


@given(offer=offers, chance=st.randoms(use_true_random=False), share=st.binary(max_size=9))
def test_it_is_the_shapes_in_any_order_and_with_any_grease(offer: Offer, chance: Random, share: bytes) -> None:
    grease = chance.sample(GREASE, 5)
    greased = Offer(
        (grease[0], *offer.versions),
        (*offer.suites, grease[1]),
        (grease[2], *offer.groups),
        (grease[2], *offer.shares),
        offer.signatures,
        (grease[0].to_bytes(2), *offer.alpn),
        (*offer.modes, chance.choice(GREASE_PSK_MODES)),
        (*offer.opaque, grease[3], grease[4]),
    )
    extensions = extensions_of(greased, share)
    chance.shuffle(extensions)
    record = record_of(greased.suites, extensions, chance.randbytes(chance.randint(0, 32)))

    assert hello_key(record) == parse_shape(record_of(offer.suites, extensions_of(offer))).key


@given(shape=st.sampled_from(["old", "modern", "secp256r1"]), changes=edits, cut=st.integers(1, 1900) | st.none())
def test_a_hello_that_is_changed_or_cut_is_read_by_both_alike(
    shape: Shape, changes: list[tuple[int, int]], cut: int | None
) -> None:
    changed = bytearray(record_of_client(shape, "front.example"))
    for place, flip in changes:
        changed[place % len(changed)] ^= flip
    record = bytes(changed[:cut])

    assert hello_key(record) == key_of_shape(record)


@given(offer=offers, changes=edits, cut=st.integers(1, 200) | st.none())
def test_so_is_a_small_one(offer: Offer, changes: list[tuple[int, int]], cut: int | None) -> None:
    changed = bytearray(record_of(offer.suites, extensions_of(offer)))
    for place, flip in changes:
        changed[place % len(changed)] ^= flip
    record = bytes(changed[:cut])

    assert hello_key(record) == key_of_shape(record)


def test_a_hello_can_be_too_long() -> None:
    for size, is_read in ((16_000, True), (17_000, False)):
        record = record_of((0x1301,), [(0x17, bytes(size))])
        assert (hello_key(record) is not None) is is_read
        assert hello_key(record) == key_of_shape(record)
