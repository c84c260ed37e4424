"""A site's answer as an observer reads it, whatever the site sends."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib import UpstreamError
from mtglib.wire.server_flight import read_flight
from mtglib.wire.server_hello import AnswerShape
from support.tls_records import make_record

RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
VERSION = b"\x00\x2b\x00\x02\x03\x04"
KEY_SHARE = b"\x00\x33\x00\x24\x00\x1d\x00\x20" + bytes(32)
CCS = make_record(0x14, b"\x01")


def server_hello(
    extensions: bytes = VERSION + KEY_SHARE, *, random: bytes = b"r" * 32, session_id: bytes = b"s" * 32
) -> bytes:
    body = b"\x03\x03" + random + bytes((len(session_id),)) + session_id + b"\x13\x02\x00"
    body += len(extensions).to_bytes(2) + extensions
    return make_record(0x16, b"\x02" + len(body).to_bytes(3) + body)


def encrypted(*sizes: int) -> bytes:
    return b"".join(make_record(0x17, bytes(size)) for size in sizes)


def test_all_that_is_visible_is_read() -> None:
    flight = read_flight(server_hello(KEY_SHARE + VERSION) + CCS + encrypted(36, 837, 281, 53))

    assert flight.shape == AnswerShape(0x1302, (0x33, 0x2B), 0x001D)
    assert flight.server_hello_bytes == 5 + 122
    assert flight.encrypted_bytes == 4 * 5 + 36 + 837 + 281 + 53


def test_a_site_may_do_without_a_change_of_ciphers_and_a_session_id() -> None:
    assert read_flight(server_hello(session_id=b"") + encrypted(100)).encrypted_bytes == 105


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "nothing"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "less than it announced"),
        (make_record(0x15, b"\x02\x28"), "an alert"),
        (make_record(0x16, b""), "an alert, or no TLS"),
        (server_hello(random=RETRY) + CCS, "HelloRetryRequest"),
        (server_hello(b"\xff\x01\x00\x01\x00") + encrypted(9), "older version"),
        (server_hello(VERSION) + encrypted(9), "other extensions"),
        (server_hello(VERSION + KEY_SHARE + b"\x00\x29\x00\x02\x00\x00") + encrypted(9), "other extensions"),
        (server_hello(VERSION + KEY_SHARE[:-1]) + encrypted(9), "malformed"),
        (server_hello() + CCS, "without an encrypted flight"),
        (server_hello() + make_record(0x16, b"\x0b\x00\x00\x00") + encrypted(9), "without an encrypted flight"),
        (server_hello() + encrypted(100)[:-1], "less than it announced"),
    ],
)
def test_what_clients_cannot_be_answered_like_says_why(answer: bytes, why: str) -> None:
    with pytest.raises(UpstreamError, match=why):
        read_flight(answer)


@given(cut=st.integers(0), place=st.integers(0), value=st.integers(0, 255), noise=st.binary(max_size=40))
def test_nothing_else_is_raised_whatever_comes(cut: int, place: int, value: int, noise: bytes) -> None:
    good = bytearray(server_hello() + CCS + encrypted(20, 30))
    good[place % len(good)] = value

    for answer in (bytes(good), bytes(good[: cut % len(good)]), noise, bytes(good) + noise):
        with suppress(UpstreamError):
            read_flight(answer)
