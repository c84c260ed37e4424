"""Our answer to an authenticated ClientHello: three records that only the holder of the key can tell from a site's.

A TLS 1.3 ServerHello (RFC 8446, section 4.1.3), a ChangeCipherSpec, and one record of noise that stands for the
encrypted certificate flight. The ServerHello's random is HMAC-SHA256(key, client random + whole answer with random
zeroed): that is how the client recognises us. Source: TDLib's TlsInit, and measurements on real clients.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from .client_hello import ClientHello
from .hello_shape import HelloShape
from .sha256 import hmac_sha256
from .tls_records import APPLICATION_DATA, CHANGE_CIPHER_SPEC_RECORD, HANDSHAKE, header

MIN_NOISE_BYTES: Final = 2500
MAX_NOISE_BYTES: Final = 4700
"""How long real certificate flights are."""

_SUPPORTED_VERSIONS: Final = 0x002B
_KEY_SHARE: Final = 0x0033
_TLS13_SUITES: Final = frozenset((0x1301, 0x1302, 0x1303))
_X25519: Final = 0x001D
_X25519_MLKEM768: Final = 0x11EC
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


def default_shape(hello: HelloShape) -> AnswerShape:
    """Choose as most sites of today do: the client's first suite, and X25519MLKEM768 if it has a share of that."""
    suite = next((suite for suite in hello.cipher_suites if suite in _TLS13_SUITES), 0x1301)
    group = _X25519_MLKEM768 if _X25519_MLKEM768 in hello.key_shares else _X25519
    return AnswerShape(suite, (_SUPPORTED_VERSIONS, _KEY_SHARE), group)


def build_answer(key: bytes, hello: ClientHello, shape: AnswerShape, share: bytes, noise: bytes) -> bytes:
    """Make the answer, to be sent in one write.

    Args:
        key: The secret's 16-byte key.
        hello: The client's hello.
        shape: The ServerHello's.
        share: Our key share of the shape's group, a real one: for random bytes that shows.
        noise: Random bytes in place of the encrypted flight.
    """
    bodies = {
        _SUPPORTED_VERSIONS: b"\x03\x04",
        _KEY_SHARE: shape.group.to_bytes(2) + len(share).to_bytes(2) + share,
    }
    extensions = b"".join(
        [kind.to_bytes(2) + len(bodies[kind]).to_bytes(2) + bodies[kind] for kind in shape.extensions]
    )
    body_tail = b"".join(
        (
            bytes((len(hello.session_id),)),
            hello.session_id,
            shape.suite.to_bytes(2),
            b"\x00",  # no compression
            len(extensions).to_bytes(2),
            extensions,
        )
    )
    length = 2 + 32 + len(body_tail)
    before = header(HANDSHAKE, length + 4) + b"\x02" + length.to_bytes(3) + b"\x03\x03"
    after = b"".join((body_tail, CHANGE_CIPHER_SPEC_RECORD, header(APPLICATION_DATA, len(noise)), noise))
    random = hmac_sha256(key, b"".join((hello.random, before, _ZERO_RANDOM, after)))
    return before + random + after
