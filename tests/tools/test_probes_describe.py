"""What is random is left out of descriptions, and nothing else."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.probes.describe import describe
from tools.probes.http2 import frames, get_request

from support.tls_records import make_record


def server_hello(*, suite: bytes = b"\x13\x01", group: bytes = b"\x00\x1d", last: bytes = b"") -> bytes:
    """A ServerHello's record, as TLS 1.3 servers send it; ``last`` are the last bytes of its random."""
    random = os.urandom(32 - len(last)) + last
    share = group + b"\x00\x20" + os.urandom(32)
    extensions = b"\x00\x2b\x00\x02\x03\x04" + b"\x00\x33" + len(share).to_bytes(2, "big") + share
    body = b"\x03\x03" + random + b"\x20" + os.urandom(32) + suite + b"\x00" + len(extensions).to_bytes(2, "big")
    message = b"\x02" + len(body + extensions).to_bytes(3, "big") + body + extensions
    return make_record(22, message)


CCS = b"\x14\x03\x03\x00\x01\x01"


def test_random_bytes_are_left_out() -> None:
    first, second = (server_hello() + CCS + make_record(23, os.urandom(300)) for _ in range(2))

    assert describe(first) == describe(second)
    assert describe(first) == (
        "handshake 122 (server_hello 0303 session 32 suite 1301 extensions 43:0304.2 51:001d.36), ccs, data 300"
    )


@pytest.mark.parametrize(
    "other",
    [
        server_hello(suite=b"\x13\x02"),
        server_hello(group=b"\x00\x17"),
        server_hello(last=b"DOWNGRD\x01"),
        server_hello() + CCS,
        server_hello()[:-1],
        make_record(21, b"\x02\x28"),
    ],
)
def test_all_else_is_told(other: bytes) -> None:
    assert describe(other) != describe(server_hello())


def test_alerts_are_told_in_full_and_encrypted_ones_by_their_length() -> None:
    assert describe(make_record(21, b"\x02\x28")) == "alert 2-40"
    assert describe(make_record(21, b"\x02\x28", b"\x03\x01")) == "alert/0301 2-40"
    assert describe(CCS + make_record(21, os.urandom(26))) == "ccs, alert 26"
    assert describe(CCS + make_record(22, os.urandom(40))) == "ccs, handshake 40"


def test_dates_are_left_out_and_no_other_header() -> None:
    answer = b"HTTP/1.1 400 Bad Request\r\nServer: x\r\nDate: Fri, 27 Nov 2026 21:00:0%d GMT\r\n\r\n"

    assert describe(answer % 1) == describe(answer % 2)
    assert describe(answer % 1) != describe((answer % 1).replace(b"Server: x", b"Server: y"))


def test_long_bodies_differ_by_one_byte() -> None:
    assert describe(bytes(100_000)) != describe(bytes(99_999) + b"\x01")
    assert describe(bytes(100_000)) != describe(bytes(100_001))


def test_equal_records_in_a_row_are_counted() -> None:
    record = make_record(23, bytes(10))

    assert describe(record * 3) == "3 x data 10"
    assert describe(record * 3) != describe(record * 2)


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\x16\x03\x03", b"\x16\x03\x03\x00\x30\x02\x00\x00\x2c\x03\x03"])
)
def test_anything_can_be_described(data: bytes, start: bytes) -> None:
    assert describe(start + data)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read_as_frames(data: bytes) -> None:
    frames(data)


def test_frames_are_told_but_for_headers() -> None:
    data = get_request("front.example", "/")[24:]

    assert frames(data) == "frame 4 flags 0 stream 0 empty, frame 1 flags 5 stream 1"
    assert frames(data[:-1]).startswith("frame 4 flags 0 stream 0 empty, cut frame 0000")
