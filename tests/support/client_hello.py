"""ClientHellos as Telegram's clients build them: bytes only, no I/O.

Three shapes: ``old`` is 517 bytes on the wire, padded to that; ``modern`` is TDLib 1.8.69's, 1700 to 1900 bytes, with
a post-quantum key share, shuffled extensions and GREASE (RFC 8701) first; ``secp256r1`` is the old one with another
favourite group, and a share of it before that of x25519. All look like a browser's hello (RFC 8446, 4.1.2), and all
key shares are valid ones.
"""

from __future__ import annotations

import hmac
import itertools
import os
import struct
from collections.abc import Mapping, Sequence
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.obfuscated2 import RandomBytes
from support.tls_records import HANDSHAKE, make_record

Shape = Literal["old", "modern", "secp256r1"]

RANDOM_AT = 6
"""The position of the 32-byte random in the handshake message: after its type, length and version."""

OLD_HELLO_BYTES = 517
SECP256R1 = 0x0017
SECP384R1 = 0x0018
X25519 = 0x001D
X25519_MLKEM768 = 0x11EC
_GROUPS: dict[Shape, tuple[int, ...]] = {
    "old": (X25519, SECP256R1, SECP384R1),
    "modern": (X25519_MLKEM768, X25519, SECP256R1, SECP384R1),
    "secp256r1": (SECP256R1, X25519, SECP384R1),
}
_SHARES: dict[Shape, tuple[int, ...]] = {
    "old": (X25519,),
    "modern": (X25519_MLKEM768, X25519),
    "secp256r1": (SECP256R1, X25519),
}
_SIGNATURE_ALGORITHMS = bytes.fromhex("04030804040105030805050108060601")
_ML_DSA = bytes.fromhex("090409050906")
_FIRST_RECORD_VERSION = b"\x03\x01"
_SUITES = bytes.fromhex("130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f0035")


def build_client_hello(
    server_name: str,
    *,
    shape: Shape = "modern",
    session_id_bytes: int = 32,
    suites: bytes = _SUITES,
    random_bytes: RandomBytes = os.urandom,
) -> bytes:
    """Return the handshake message, without a record header, with its random zeroed, to be signed.

    ``suites`` are the cipher suites after the GREASE one, two bytes each. All shapes but the modern one are exactly
    517 bytes with their record header, unless name and session id are too long for that.
    """
    grease = [_grease(value) for value in random_bytes(4)]
    modern = shape == "modern"
    extensions = _extensions(server_name, shape, grease, random_bytes)
    middle = extensions[1:-1]
    if modern:
        order = random_bytes(len(middle))
        middle = [pair[1] for pair in sorted(zip(order, middle, strict=True))]
    head = (
        b"\x03\x03"
        + bytes(32)
        + _sized(random_bytes(session_id_bytes), 1)
        + _sized(grease[0] + suites, 2)
        + b"\x01\x00"
    )
    body = extensions[0] + b"".join(middle) + extensions[-1]
    if not modern:
        body += _padding(5 + 4 + len(head) + 2 + len(body))
    return b"\x01" + _sized(head + _sized(body, 2), 3)


def sign_hello(hello: bytes, key: bytes, timestamp: int) -> bytes:
    """Return the hello with the random that proves the key and contains the client's Unix time in seconds."""
    digest = hmac.digest(key, make_record(HANDSHAKE, hello, _FIRST_RECORD_VERSION), "sha256")
    stamped = bytes(a ^ b for a, b in zip(digest[28:], struct.pack("<I", timestamp), strict=True))
    return hello[:RANDOM_AT] + digest[:28] + stamped + hello[RANDOM_AT + 32 :]


def restamp_hello(hello: bytes, recorded: int, timestamp: int) -> bytes:
    """Return a hello of Unix time `recorded` as if it were of `timestamp`; an attacker needs no key for that."""
    at = RANDOM_AT + 28
    stamp = int.from_bytes(hello[at : at + 4], "little") ^ recorded ^ timestamp
    return hello[:at] + stamp.to_bytes(4, "little") + hello[at + 4 :]


def with_key_shares(hello: bytes, shares: Mapping[int, bytes] | None) -> bytes:
    """Return the hello with these key shares, by group, in place of its own; with None, without the extension."""
    at = RANDOM_AT + 32
    for length_bytes in (1, 2, 1):  # session id, suites, compression methods
        at += length_bytes + int.from_bytes(hello[at : at + length_bytes], "big")
    before, rest, extensions = hello[4:at], hello[at + 2 :], b""
    while rest:
        kind, length = struct.unpack(">HH", rest[:4])
        extension, rest = rest[: 4 + length], rest[4 + length :]
        if kind == 0x0033:
            listed = b"".join(struct.pack(">H", group) + _sized(share, 2) for group, share in (shares or {}).items())
            extension = b"" if shares is None else _extension(kind, _sized(listed, 2))
        extensions += extension
    return b"\x01" + _sized(before + _sized(extensions, 2), 3)


def hello_random(hello: bytes) -> bytes:
    """Return the 32 bytes that make this hello unique."""
    return hello[RANDOM_AT : RANDOM_AT + 32]


def hello_session_id(hello: bytes) -> bytes:
    """Return the session id that the answer must echo."""
    at = RANDOM_AT + 32
    return hello[at + 1 : at + 1 + hello[at]]


def hello_records(hello: bytes, cuts: Sequence[int] = ()) -> bytes:
    """Frame the hello as one TLS record, or as several, split at these offsets."""
    bounds = [0, *cuts, len(hello)]
    pieces = (hello[start:end] for start, end in itertools.pairwise(bounds))
    return b"".join(make_record(HANDSHAKE, piece, _FIRST_RECORD_VERSION) for piece in pieces)


def _extensions(name: str, shape: Shape, grease: list[bytes], random_bytes: RandomBytes) -> list[bytes]:
    """All extensions in a browser's order; the first and the last are GREASE and keep their places."""
    modern = shape == "modern"
    groups = grease[1] + b"".join(struct.pack(">H", group) for group in _GROUPS[shape])
    signature_algorithms = (_ML_DSA if modern else b"") + _SIGNATURE_ALGORITHMS
    return [
        grease[2] + b"\x00\x00",
        _extension(0x0000, _sized(b"\x00" + _sized(name.encode("ascii"), 2), 2)),
        _extension(0x0017, b""),
        _extension(0xFF01, b"\x00"),
        _extension(0x000A, _sized(groups, 2)),
        _extension(0x000B, b"\x01\x00"),
        _extension(0x0023, b""),
        _extension(0x0010, _sized(b"\x02h2\x08http/1.1", 2)),
        _extension(0x0005, b"\x01\x00\x00\x00\x00"),
        _extension(0x000D, _sized(signature_algorithms, 2)),
        _extension(0x0012, b""),
        _extension(0x0033, _sized(_key_shares(shape, grease[1], random_bytes), 2)),
        _extension(0x002D, b"\x01\x01"),
        _extension(0x002B, _sized(grease[3] + b"\x03\x04\x03\x03", 1)),
        _extension(0x001B, b"\x02\x00\x02"),
        *([_application_settings(), _encrypted_client_hello(random_bytes)] if modern else []),
        _other_grease(grease[2]) + b"\x00\x01\x00",
    ]


def _key_shares(shape: Shape, grease: bytes, random_bytes: RandomBytes) -> bytes:
    shares = [struct.pack(">H", group) + _sized(_KEYS[group](random_bytes), 2) for group in _SHARES[shape]]
    return grease + b"\x00\x01\x00" + b"".join(shares)


def _secp256r1_key(random_bytes: RandomBytes) -> bytes:
    private = ec.derive_private_key(1 + int.from_bytes(random_bytes(31), "big"), ec.SECP256R1())
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _x25519_key(random_bytes: RandomBytes) -> bytes:
    private = X25519PrivateKey.from_private_bytes(random_bytes(32))
    return private.public_key().public_bytes_raw()


def _mlkem768_key(random_bytes: RandomBytes) -> bytes:
    """768 coefficients below 3329, 12 bits each, and a seed (FIPS 203, 5.1): 1184 bytes."""
    drawn = struct.unpack("<768H", random_bytes(1536))
    packed: int = sum((value % 3329) << (12 * place) for place, value in enumerate(drawn))
    return packed.to_bytes(1152, "little") + random_bytes(32)


def _x25519_mlkem768_key(random_bytes: RandomBytes) -> bytes:
    return _mlkem768_key(random_bytes) + _x25519_key(random_bytes)


_KEYS = {SECP256R1: _secp256r1_key, X25519: _x25519_key, X25519_MLKEM768: _x25519_mlkem768_key}


def _application_settings() -> bytes:
    """The protocols that have settings (draft-vvv-tls-alps), with the number that Chrome uses since version 133."""
    return _extension(0x44CD, _sized(b"\x02h2", 2))


def _encrypted_client_hello(random_bytes: RandomBytes) -> bytes:
    """The GREASE form; its payload has one of four lengths."""
    payload = random_bytes(144 + 32 * (random_bytes(1)[0] % 4))
    header = b"\x00\x00\x01\x00\x01" + random_bytes(1)
    return _extension(0xFE0D, header + _sized(_x25519_key(random_bytes), 2) + _sized(payload, 2))


def _padding(unpadded_bytes: int) -> bytes:
    missing = OLD_HELLO_BYTES - unpadded_bytes - 4
    return _extension(0x0015, bytes(missing)) if missing >= 0 else b""


def _grease(value: int) -> bytes:
    return bytes([value & 0xF0 | 0x0A]) * 2


def _other_grease(grease: bytes) -> bytes:
    return bytes(byte ^ 0x10 for byte in grease)


def _extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">H", kind) + _sized(body, 2)


def _sized(body: bytes, length_bytes: int) -> bytes:
    return len(body).to_bytes(length_bytes, "big") + body
