"""Our answer, checked by an independent client's strictest reading."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.wire import client_hello, server_hello
from mtglib.wire.client_hello import ClientHello
from mtglib.wire.server_hello import AnswerShape
from support.client_hello import Shape, build_client_hello, hello_records, sign_hello
from support.server_answer import AnswerError, verify_answer

KEY = bytes(range(16))
PUBLIC_KEY = bytes(range(100, 132))
SHAPE = AnswerShape(0x1301, (0x2B, 0x33), 0x001D)
TLS13 = (b"\x13\x01", b"\x13\x02", b"\x13\x03")

suites = st.lists(st.sampled_from([*TLS13, b"\x0a\x0a", b"\xfa\xfa", b"\xc0\x2b", b"\x00\x2f"]), max_size=8)


def parsed(message: bytes) -> ClientHello:
    return client_hello.parse(hello_records(message))


@pytest.mark.parametrize("shape", ["old", "modern"])
@pytest.mark.parametrize("noise_bytes", [0, 1, 2500, 4700, 65535])
def test_a_client_accepts_the_answer(shape: Shape, noise_bytes: int) -> None:
    message = sign_hello(build_client_hello("front.example", shape=shape), KEY, 1_700_000_000)

    answer = server_hello.build_answer(KEY, parsed(message), SHAPE, PUBLIC_KEY, os.urandom(noise_bytes))

    read = verify_answer(answer, message, KEY)
    assert read.public_key == PUBLIC_KEY
    assert (read.suite, read.certificate_bytes) == (b"\x13\x01", noise_bytes)
    assert int.from_bytes(answer[3:5]) == 122


@given(session_id_bytes=st.integers(0, 32), suite=st.sampled_from(TLS13), is_reversed=st.booleans())
def test_the_session_id_is_echoed_and_the_rest_is_as_the_shape_says(
    session_id_bytes: int, suite: bytes, is_reversed: bool
) -> None:
    message = sign_hello(build_client_hello("front.example", session_id_bytes=session_id_bytes), KEY, 1_700_000_000)
    order = (0x33, 0x2B) if is_reversed else (0x2B, 0x33)
    shape = AnswerShape(int.from_bytes(suite), order, 0x0017)

    answer = server_hello.build_answer(KEY, parsed(message), shape, bytes(65), b"noise")

    read = verify_answer(answer, message, KEY)
    assert len(read.session_id) == session_id_bytes
    assert (read.suite, read.group, read.public_key) == (suite, 0x0017, bytes(65))
    assert int.from_bytes(answer[3:5]) == 90 + session_id_bytes + 33
    first_extension = 5 + 39 + session_id_bytes + 5
    assert answer[first_extension : first_extension + 2] == order[0].to_bytes(2)


@given(offered=suites)
def test_by_default_the_clients_first_tls13_suite_is_taken_but_aes_128_before_aes_256(offered: list[bytes]) -> None:
    hello = parsed(build_client_hello("front.example", suites=b"".join(offered)))

    first = next((suite for suite in offered if suite in TLS13), b"\x13\x01")
    if first == b"\x13\x02" and b"\x13\x01" in offered:
        first = b"\x13\x01"
    assert server_hello.default_shape(hello).suite == int.from_bytes(first)


def test_suites_are_not_found_across_their_borders() -> None:
    hello = parsed(build_client_hello("front.example", suites=b"\x0a\x13\x03\x13\x13\x02"))

    assert server_hello.default_shape(hello).suite == 0x1302


@pytest.mark.parametrize(("shape", "group"), [("old", 0x001D), ("modern", 0x11EC)])
def test_by_default_a_post_quantum_share_is_answered(shape: Shape, group: int) -> None:
    hello = parsed(build_client_hello("front.example", shape=shape))

    assert server_hello.default_shape(hello) == AnswerShape(0x1301, (0x2B, 0x33), group)


@given(st.integers(0), st.integers(0, 7))
def test_every_bit_of_the_answer_is_signed(place: int, bit: int) -> None:
    message = sign_hello(build_client_hello("front.example", random_bytes=bytes), KEY, 1)
    answer = bytearray(server_hello.build_answer(KEY, parsed(message), SHAPE, PUBLIC_KEY, bytes(50)))
    answer[place % len(answer)] ^= 1 << bit

    with pytest.raises(AnswerError):
        verify_answer(bytes(answer), message, KEY)


def test_another_key_or_hello_gives_another_random() -> None:
    one, other = (sign_hello(build_client_hello("front.example"), KEY, stamp) for stamp in (1, 2))
    answer = server_hello.build_answer(KEY, parsed(one), SHAPE, PUBLIC_KEY, bytes(9))

    for message, key in ((other, KEY), (one, bytes(16))):
        with pytest.raises(AnswerError):
            verify_answer(answer, message, key)


def test_the_noise_is_as_long_as_certificate_flights() -> None:
    assert (server_hello.MIN_NOISE_BYTES, server_hello.MAX_NOISE_BYTES) == (2500, 4700)
