"""Our answer to an authenticated ClientHello: three records that only the holder of the key can tell from a site's.

A TLS 1.3 ServerHello (RFC 8446, section 4.1.3), a ChangeCipherSpec, and one record of noise that stands for the
encrypted certificate flight. The ServerHello's random is HMAC-SHA256(key, client random + whole answer with random
zeroed): that is how the client recognises us. Source: TDLib's TlsInit, and measurements on real clients.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from .client_hello import ClientHello
from .handshake import KEY_SHARE, SUPPORTED_VERSIONS, NamedGroup, entry, vector
from .sha256 import hmac_sha256
from .tls_records import APPLICATION_DATA, CHANGE_CIPHER_SPEC_RECORD, HANDSHAKE, header

MIN_NOISE_BYTES: Final = 2500
MAX_NOISE_BYTES: Final = 4700
"""How long real certificate flights are."""

_AES_128: Final = b"\x13\x01"
_AES_256: Final = b"\x13\x02"
_TLS13_SUITES: Final = (_AES_128, _AES_256, b"\x13\x03")
_ZERO_RANDOM: Final = bytes(32)


class AnswerShape(NamedTuple):
    """What an observer sees of a ServerHello, but for what is random in it.

    Attributes:
        suite: The cipher suite.
        extensions: The types of its extensions, in their order: `supported_versions` and `key_share`.
        group: The group of its key share.
    """

    suite: int
    extensions: tuple[int, ...]
    group: int


def default_shape(hello: ClientHello) -> AnswerShape:
    """Choose as most sites of today do: X25519MLKEM768 if the client has a share of that, and AES-128 or ChaCha20."""
    group = NamedGroup.X25519_MLKEM768 if hello.key_share(NamedGroup.X25519_MLKEM768) else NamedGroup.X25519
    return AnswerShape(_default_suite(hello.cipher_suites), (SUPPORTED_VERSIONS, KEY_SHARE), group)


def _default_suite(offered: bytes) -> int:
    """Choose as Go and BoringSSL do: the client says whether it prefers AES, and gets the shorter key then."""
    pairs = [offered[at : at + 2] for at in range(0, len(offered), 2)]
    first = next((suite for suite in pairs if suite in _TLS13_SUITES), _AES_128)
    return int.from_bytes(_AES_128 if first == _AES_256 and _AES_128 in pairs else first)


def build_answer(key: bytes, hello: ClientHello, shape: AnswerShape, share: bytes, noise: bytes) -> bytes:
    """Make the answer, to be sent in one write.

    Args:
        key: The secret's 16-byte key.
        hello: The client's hello.
        shape: The ServerHello's.
        share: Our key share of the shape's group, a real one: for random bytes that shows.
        noise: Random bytes in place of the encrypted flight.
    """
    bodies = {SUPPORTED_VERSIONS: b"\x03\x04", KEY_SHARE: entry(shape.group, share)}
    extensions = b"".join([entry(kind, bodies[kind]) for kind in shape.extensions])
    body_tail = b"".join(
        (
            vector(hello.session_id, 1),
            shape.suite.to_bytes(2),
            b"\x00",  # no compression
            vector(extensions, 2),
        )
    )
    length = 2 + 32 + len(body_tail)
    before = header(HANDSHAKE, length + 4) + b"\x02" + length.to_bytes(3) + b"\x03\x03"
    after = b"".join((body_tail, CHANGE_CIPHER_SPEC_RECORD, header(APPLICATION_DATA, len(noise)), noise))
    random = hmac_sha256(key, b"".join((hello.random, before, _ZERO_RANDOM, after)))
    return before + random + after
