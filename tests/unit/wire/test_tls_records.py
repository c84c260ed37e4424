"""Headers of TLS records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.wire import tls_records
from support.tls_records import make_record


@given(st.integers(0, 255), st.integers(0, 65535))
def test_headers_roundtrip(record_type: int, length: int) -> None:
    header = tls_records.header(record_type, length)

    assert len(header) == tls_records.HEADER_BYTES
    assert tls_records.unpack_header(b"before" + header, 6) == (record_type, b"\x03\x03", length)


@pytest.mark.parametrize("size", [0, 1, 16384, 65535])
def test_application_data_is_one_record(size: int) -> None:
    assert tls_records.application_data(bytes(size)) == make_record(0x17, bytes(size))


def test_the_bounds_are_the_rfcs() -> None:
    assert (tls_records.MAX_PLAINTEXT_BYTES, tls_records.MAX_CIPHERTEXT_BYTES) == (16384, 16640)
    assert make_record(0x14, b"\x01") == tls_records.CHANGE_CIPHER_SPEC_RECORD
