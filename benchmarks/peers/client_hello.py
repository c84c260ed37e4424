"""A TLS ClientHello of today's shape: about 1.8 KB, GREASE first, a post-quantum key share. Or a short one, as of 2019.

Only the shape matters to a proxy: the shares are random, though valid, since there will be no TLS session.
"""

from __future__ import annotations

import os

_GREASE = bytes.fromhex("2a2a")  # RFC 8701
_SUITES = _GREASE + bytes.fromhex("130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f0035")
_GROUPS = bytes.fromhex("001d00170018")
_SIGNATURE_ALGORITHMS = bytes.fromhex("04030804040105030805050108060601")
_POST_QUANTUM_GROUP = bytes.fromhex("11ec")  # X25519MLKEM768
# Two coefficients of an ML-KEM key in three bytes, 12 bits each, have to be less than 3329 (FIPS 203, section 7.2).
_SMALL_COEFFICIENTS = int.from_bytes(b"\xff\xf7\x7f" * 384, "little")
SHORT_HELLO_BYTES = 517  # a record of 512 bytes, to which clients padded their hellos
RANDOM = slice(11, 43)  # where the record holds `random` and the session id
SESSION_ID = slice(44, 76)


def unsigned_client_hello(host: str, *, is_short: bool = False, offers_ml_kem: bool = True) -> bytearray:
    """A fresh hello's whole record, its ``random`` still zero; a short one offers no ML-KEM."""
    name = host.encode("ascii")
    if is_short:
        extensions = _extensions(name, groups=b"", shares=b"")
        padding_bytes = SHORT_HELLO_BYTES - len(_record([*extensions, _padding(0)]))
        return _record([*extensions, _padding(padding_bytes)])
    groups, shares = b"", b""
    if offers_ml_kem:
        groups, shares = _POST_QUANTUM_GROUP, _POST_QUANTUM_GROUP + _vector(_mlkem768_key() + os.urandom(32))
    return _record([*_extensions(name, groups, shares), _encrypted_hello()])


def _mlkem768_key() -> bytes:
    """A valid encapsulation key: 768 coefficients and a seed."""
    coefficients = int.from_bytes(os.urandom(1152), "little") & _SMALL_COEFFICIENTS
    return coefficients.to_bytes(1152, "little") + os.urandom(32)


def _record(extensions: list[tuple[int, bytes]]) -> bytearray:
    encoded = b"".join(kind.to_bytes(2, "big") + _vector(content) for kind, content in extensions)
    body = b"\x03\x03" + bytes(32) + b"\x20" + os.urandom(32) + _vector(_SUITES) + b"\x01\x00" + _vector(encoded)
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return bytearray(b"\x16\x03\x01" + _vector(handshake))


def _extensions(host: bytes, groups: bytes, shares: bytes) -> list[tuple[int, bytes]]:
    """What every hello has; it prefers the given groups and their shares to the classic ones."""
    all_shares = (_GREASE + _vector(b"\x00")) + shares + (b"\x00\x1d" + _vector(os.urandom(32)))
    return [
        (0x2A2A, b""),
        (0x0000, _vector(b"\x00" + _vector(host))),  # server_name
        (0x0017, b""),  # extended_master_secret
        (0xFF01, b"\x00"),  # renegotiation_info
        (0x000A, _vector(_GREASE + groups + _GROUPS)),
        (0x000B, b"\x01\x00"),  # ec_point_formats
        (0x0010, _vector(b"\x02h2\x08http/1.1")),  # ALPN
        (0x000D, _vector(_SIGNATURE_ALGORITHMS)),
        (0x0033, _vector(all_shares)),
        (0x002D, b"\x01\x01"),  # psk_key_exchange_modes
        (0x002B, b"\x06" + _GREASE + bytes.fromhex("03040303")),  # supported_versions
    ]


def _encrypted_hello() -> tuple[int, bytes]:
    outer = b"\x00\x00\x01\x00\x01"  # HKDF-SHA256 and AES-128-GCM
    return 0xFE0D, outer + os.urandom(1) + _vector(os.urandom(32)) + _vector(os.urandom(208))


def _padding(size_bytes: int) -> tuple[int, bytes]:
    return 0x0015, bytes(size_bytes)  # RFC 7685


def _vector(body: bytes) -> bytes:
    return len(body).to_bytes(2, "big") + body
