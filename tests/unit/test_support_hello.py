"""The peers' hellos have the lengths that real clients' have, and prove the key."""

from __future__ import annotations

import hmac
import os
import struct

import pytest

from mtglib.wire.hello_shape import parse_shape
from support.client_hello import (
    OLD_HELLO_BYTES,
    Shape,
    build_client_hello,
    hello_random,
    hello_records,
    hello_session_id,
    sign_hello,
)
from support.recorded_hellos import RECORDED_HELLOS


def test_old_hello_is_517_bytes() -> None:
    assert len(hello_records(build_client_hello("front.example", shape="old"))) == OLD_HELLO_BYTES


def test_modern_hello_is_as_long_as_todays_clients_send() -> None:
    lengths = {len(hello_records(build_client_hello("storage.googleapis.com"))) for _ in range(50)}

    assert all(1700 <= length <= 1900 for length in lengths)
    assert len(lengths) > 1


def test_modern_hello_offers_what_tdlibs_does() -> None:
    ours, tdlibs = hello_records(build_client_hello("front.example")), RECORDED_HELLOS["tdlib"]

    assert parse_shape(ours).key == parse_shape(tdlibs).key
    assert (len(ours) - len(tdlibs)) % 32 == 0, "it differs in what stands for Encrypted ClientHello only"


@pytest.mark.parametrize("shape", ["old", "modern"])
def test_signature_covers_the_record_and_carries_the_time(shape: Shape) -> None:
    key = os.urandom(16)
    wire = hello_records(sign_hello(build_client_hello("front.example", shape=shape), key, 1_700_000_000))

    digest = hmac.digest(key, wire[:11] + bytes(32) + wire[43:], "sha256")
    clear = bytes(a ^ b for a, b in zip(digest, wire[11:43], strict=True))

    assert clear == bytes(28) + struct.pack("<I", 1_700_000_000)


def test_split_hello_joins_to_the_same_message() -> None:
    hello = sign_hello(build_client_hello("front.example"), bytes(16), 1)

    wire = hello_records(hello, (1, 6, 700))

    assert len(wire) == len(hello) + 4 * 5
    assert wire[5:6] + wire[11:16] + wire[21:715] + wire[720:] == hello


@pytest.mark.parametrize("session_id_bytes", [0, 16, 32])
def test_session_id_is_found_again(session_id_bytes: int) -> None:
    hello = sign_hello(build_client_hello("a.b", session_id_bytes=session_id_bytes), bytes(16), 1)

    assert len(hello_session_id(hello)) == session_id_bytes
    assert hello_random(hello) != bytes(32)
