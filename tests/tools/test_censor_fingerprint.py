"""JA4S of messages whose fingerprint is published, and masks that hide what is random and nothing else."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from tools.censor.fingerprint import ja4s, masked
from tools.probes.server_hello import RETRY_RANDOM, ServerHello, parse_server_hello

from support.client_hello import SECP256R1, X25519, X25519_MLKEM768

SESSION = bytes(range(32))
VERSIONS, SHARE, ALPN = 43, 51, 16


def new_key(group: int) -> bytes:
    """A server's share."""
    if group == SECP256R1:
        point = ec.generate_private_key(ec.SECP256R1()).public_key()
        return point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    before = {X25519: b"", X25519_MLKEM768: os.urandom(1088)}[group]
    return before + X25519PrivateKey.generate().public_key().public_bytes_raw()


def message(
    *,
    version: bytes = b"\x03\x03",
    random: bytes | None = None,
    session: bytes = SESSION,
    suite: bytes = b"\x13\x01",
    group: int = X25519,
    key: bytes | None = None,
    extensions: tuple[tuple[int, bytes], ...] | None = None,
) -> bytes:
    """A ServerHello of TLS 1.3, unless other extensions are given."""
    if extensions is None:
        key = key or new_key(group)
        share = group.to_bytes(2, "big") + len(key).to_bytes(2, "big") + key
        extensions = ((VERSIONS, b"\x03\x04"), (SHARE, share))
    body = version + (random or os.urandom(32)) + bytes([len(session)]) + session + suite + b"\x00"
    block = b"".join(
        number.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content for number, content in extensions
    )
    body += len(block).to_bytes(2, "big") + block
    return b"\x02" + len(body).to_bytes(3, "big") + body


def fingerprint(data: bytes) -> str:
    return ja4s(parse_server_hello(data[4:]))


def test_the_published_example() -> None:
    """FoxIO's technical_details/JA4S.md."""
    extensions = ((0x0005, b""), (0x0017, b""), (0xFF01, b"\x00"), (0x0000, b""))

    assert fingerprint(message(suite=b"\xc0\x30", extensions=extensions)) == "t120400_c030_4e8089b08790"


@pytest.mark.parametrize(("suite", "expected"), [(b"\x13\x01", "1301"), (b"\x13\x02", "1302")])
def test_what_servers_of_tls_1_3_are_known_by(suite: bytes, expected: str) -> None:
    """The hash of ``002b,0033``, which public lists of fingerprints are full of."""
    assert fingerprint(message(suite=suite)) == f"t130200_{expected}_a56c5b993250"


def test_the_order_of_extensions_counts() -> None:
    share, version = (SHARE, b"\x00\x1d\x00\x00"), (VERSIONS, b"\x03\x04")

    assert fingerprint(message(extensions=(share, version))) == "t130200_1301_234ea6891581"


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [(b"h2", "h2"), (b"http/1.1", "h1"), (b"x", "xx"), (b"\xab\xcd", "ad"), (b"a-", "6d")],
)
def test_protocols_are_told_by_their_ends(protocol: bytes, expected: str) -> None:
    name = bytes([len(protocol)]) + protocol
    content = len(name).to_bytes(2, "big") + name

    assert fingerprint(message(extensions=((ALPN, content),))).startswith(f"t1201{expected}_")


@pytest.mark.parametrize(
    ("version", "expected"), [(b"\x03\x03", "12"), (b"\x03\x01", "10"), (b"\x03\x00", "s3"), (b"\x7f\x1c", "00")]
)
def test_without_its_extension_the_version_is_the_old_field(version: bytes, expected: str) -> None:
    assert fingerprint(message(version=version, extensions=())) == f"t{expected}0000_1301_000000000000"


@pytest.mark.parametrize("group", [SECP256R1, X25519, X25519_MLKEM768])
def test_two_answers_of_a_server_are_the_same_when_masked(group: int) -> None:
    first, second = message(group=group), message(group=group)

    assert first != second
    assert masked(first, SESSION) == masked(second, SESSION)
    assert len(masked(first, SESSION)) == len(first)


_RANDOM_PLACES = {*range(6, 38), *range(39, 71), *range(len(message()) - 32, len(message()))}


@given(st.integers(4, len(message()) - 1), st.integers(1, 255))
def test_any_other_byte_shows(place: int, change: int) -> None:
    usual = message()
    other = bytearray(usual)
    other[place] ^= change

    try:
        is_seen = masked(bytes(other), SESSION) != masked(usual, SESSION)
    except ValueError:
        is_seen = True  # lengths that lead beyond the end

    assert is_seen or place in _RANDOM_PLACES


def test_random_bytes_are_all_hidden() -> None:
    hidden = masked(message(), SESSION)

    assert not any(hidden[place] for place in _RANDOM_PLACES)


@pytest.mark.parametrize(
    ("group", "key"),
    [
        (SECP256R1, b"\x04" + b"\x01" * 64),
        (X25519, b"\x02" + bytes(31)),
        (X25519_MLKEM768, bytes(1088) + b"\x02" + bytes(31)),
    ],
)
def test_a_key_that_no_server_has_shows(group: int, key: bytes) -> None:
    assert key in masked(message(group=group, key=key), SESSION)


def test_a_session_id_that_isnt_echoed_shows() -> None:
    assert masked(message(session=bytes(32)), SESSION) != masked(message(session=b"\x01" * 32), SESSION)
    assert masked(message(session=b""), SESSION) != masked(message(), SESSION)


def test_a_retry_shows() -> None:
    retry = message(random=RETRY_RANDOM)

    assert RETRY_RANDOM in masked(retry, SESSION)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_hello_or_an_error(data: bytes) -> None:
    try:
        hello = parse_server_hello(data)
    except ValueError:
        return
    assert isinstance(hello, ServerHello)
    assert ja4s(hello)
