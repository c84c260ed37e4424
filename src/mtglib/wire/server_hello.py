"""Our answer to an authenticated ClientHello: three records that only the holder of the key can tell from a site's.

A TLS 1.3 ServerHello (RFC 8446, section 4.1.3), a ChangeCipherSpec, and one record of noise that stands for the
encrypted certificate flight. The ServerHello's random is HMAC-SHA256(key, client random + whole answer with random
zeroed): that is how the client recognises us. Source: TDLib's TlsInit, and measurements on real clients.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from .client_hello import ClientHello
from .handshake import KEY_SHARE, SUPPORTED_VERSIONS, NamedGroup

try:
    from .._engine import write_answer
except ImportError:
    from .pure_hello import write_answer

MIN_NOISE_BYTES: Final = 2500
MAX_NOISE_BYTES: Final = 4700
"""How long real certificate flights are."""

_AES_128: Final = b"\x13\x01"
_AES_256: Final = b"\x13\x02"
_TLS13_SUITES: Final = (_AES_128, _AES_256, b"\x13\x03")


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
    group = NamedGroup.X25519_MLKEM768 if NamedGroup.X25519_MLKEM768 in hello.key_shares else NamedGroup.X25519
    return AnswerShape(_default_suite(hello.cipher_suites), (SUPPORTED_VERSIONS, KEY_SHARE), group)


def _default_suite(offered: bytes) -> int:
    """Choose as Go and BoringSSL do: a client that prefers AES gets the shorter key."""
    first = _first_suite(offered)
    if first == _AES_256 and any(offered[at : at + 2] == _AES_128 for at in range(0, len(offered), 2)):
        first = _AES_128
    return int.from_bytes(first)


def _first_suite(offered: bytes) -> bytes:
    for at in range(0, len(offered), 2):
        if offered[at : at + 2] in _TLS13_SUITES:
            return offered[at : at + 2]
    return _AES_128


def build_answer(key: bytes, hello: ClientHello, shape: AnswerShape, share: bytes, noise: bytes) -> bytes:
    """Make the answer, to be sent in one write.

    Args:
        key: The secret's 16-byte key.
        hello: The client's hello.
        shape: The ServerHello's.
        share: Our key share of the shape's group, as from `KeyShares.answer_to`: an observer can tell random bytes.
        noise: Random bytes in place of the encrypted flight.
    """
    return write_answer(key, hello.random, hello.session_id, shape.suite, shape.extensions, shape.group, share, noise)
