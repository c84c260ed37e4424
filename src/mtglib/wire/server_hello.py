"""Our answer to an authenticated ClientHello: three records that only the holder of the key can tell from a site's.

A TLS 1.3 ServerHello (RFC 8446, section 4.1.3), a ChangeCipherSpec, and one record of noise that stands for the
encrypted certificate flight. The ServerHello's random is HMAC-SHA256(key, client random + whole answer with random
zeroed): that is how the client recognises us. Source: TDLib's TlsInit, and measurements on real clients.
"""

from __future__ import annotations

from typing import Final

from .client_hello import ClientHello
from .sha256 import hmac_sha256
from .tls_records import APPLICATION_DATA, CHANGE_CIPHER_SPEC_RECORD, HANDSHAKE, header

MIN_NOISE_BYTES: Final = 2500
MAX_NOISE_BYTES: Final = 4700
"""How long real certificate flights are."""

_TLS13_SUITES = (b"\x13\x01", b"\x13\x02", b"\x13\x03")
_ZERO_RANDOM = bytes(32)
_EXTENSIONS_BEFORE_KEY = (
    b"\x00\x2e"  # length of all extensions
    b"\x00\x2b\x00\x02\x03\x04"  # supported_versions: TLS 1.3
    b"\x00\x33\x00\x24\x00\x1d\x00\x20"  # key_share: x25519, 32 bytes
)


def build_answer(key: bytes, hello: ClientHello, x25519_public_key: bytes, noise: bytes) -> bytes:
    """Make the answer, to be sent in one write.

    Args:
        key: The secret's 16-byte key.
        hello: The client's hello.
        x25519_public_key: 32 bytes, a real key: random bytes are on the curve half of the time, which shows.
        noise: Random bytes, `MIN_NOISE_BYTES` to `MAX_NOISE_BYTES`.
    """
    body_tail = b"".join(
        (
            bytes((len(hello.session_id),)),
            hello.session_id,
            _choose_suite(hello.cipher_suites),
            b"\x00",  # no compression
            _EXTENSIONS_BEFORE_KEY,
            x25519_public_key,
        )
    )
    length = 2 + 32 + len(body_tail)
    before = header(HANDSHAKE, length + 4) + b"\x02" + length.to_bytes(3) + b"\x03\x03"
    after = b"".join((body_tail, CHANGE_CIPHER_SPEC_RECORD, header(APPLICATION_DATA, len(noise)), noise))
    random = hmac_sha256(key, b"".join((hello.random, before, _ZERO_RANDOM, after)))
    return before + random + after


def _choose_suite(offered: bytes) -> bytes:
    for at in range(0, len(offered), 2):
        if (suite := offered[at : at + 2]) in _TLS13_SUITES:
            return suite
    return _TLS13_SUITES[0]
