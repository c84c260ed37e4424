"""A TLS ClientHello of today's shape: about 1.8 KB, GREASE first, a post-quantum key share.

Only the shape matters to a proxy: the shares are random bytes, since there will be no TLS session.
"""

from __future__ import annotations

import os

_GREASE = bytes.fromhex("2a2a")  # RFC 8701
_SUITES = _GREASE + bytes.fromhex("130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f0035")
_GROUPS = _GREASE + bytes.fromhex("11ec001d00170018")
_SIGNATURE_ALGORITHMS = bytes.fromhex("04030804040105030805050108060601")
_KYBER_SHARE_BYTES = 1216  # X25519MLKEM768
RANDOM = slice(11, 43)  # the positions of `random` and the session id in the record
SESSION_ID = slice(44, 76)


def unsigned_client_hello(host: str) -> bytearray:
    """The whole record of a new hello, whose ``random`` is still zero."""
    extensions = b"".join(_extension(kind, body) for kind, body in _extensions(host.encode("ascii")))
    body = b"\x03\x03" + bytes(32) + b"\x20" + os.urandom(32) + _vector(_SUITES) + b"\x01\x00" + _vector(extensions)
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return bytearray(b"\x16\x03\x01" + _vector(handshake))


def _extensions(host: bytes) -> list[tuple[int, bytes]]:
    shares = (
        (_GREASE + _vector(b"\x00"))
        + (b"\x11\xec" + _vector(os.urandom(_KYBER_SHARE_BYTES)))
        + (b"\x00\x1d" + _vector(os.urandom(32)))
    )
    encrypted_hello = b"\x00\x00\x01\x00\x01" + os.urandom(1) + _vector(os.urandom(32)) + _vector(os.urandom(208))
    return [
        (0x2A2A, b""),
        (0x0000, _vector(b"\x00" + _vector(host))),  # server_name
        (0x0017, b""),  # extended_master_secret
        (0xFF01, b"\x00"),  # renegotiation_info
        (0x000A, _vector(_GROUPS)),
        (0x000B, b"\x01\x00"),  # ec_point_formats
        (0x0010, _vector(b"\x02h2\x08http/1.1")),  # ALPN
        (0x000D, _vector(_SIGNATURE_ALGORITHMS)),
        (0x0033, _vector(shares)),
        (0x002D, b"\x01\x01"),  # psk_key_exchange_modes
        (0x002B, b"\x06" + _GREASE + bytes.fromhex("03040303")),  # supported_versions
        (0xFE0D, encrypted_hello),
    ]


def _extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2, "big") + _vector(body)


def _vector(body: bytes) -> bytes:
    return len(body).to_bytes(2, "big") + body
