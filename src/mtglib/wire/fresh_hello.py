"""Another ClientHello of the same shape as a client's: how a site answers it is how it would answer that client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .client_hello import vector
from .tls_records import HANDSHAKE, HEADER_BYTES

_SUPPORTED_GROUPS: Final = 0x000A
_SESSION_TICKET: Final = 0x0023
_PRE_SHARED_KEY: Final = 0x0029
_EARLY_DATA: Final = 0x002A
_SUPPORTED_VERSIONS: Final = 0x002B
_KEY_SHARE: Final = 0x0033
_ENCRYPTED_CLIENT_HELLO: Final = 0xFE0D
_OF_A_SESSION: Final = frozenset((_PRE_SHARED_KEY, _EARLY_DATA))

_RANDOM: Final = slice(HEADER_BYTES + 6, HEADER_BYTES + 38)
_GREASE_VALUES: Final = 16
_X25519: Final = 0x001D

NewShare = Callable[[int, bytes], bytes | None]
"""Returns a client's key share, made from a new key: of a group, for one that another client has sent."""


def fresh_hello(record: bytes, new_share: NewShare, random_bytes: Callable[[int], bytes]) -> bytes:
    """Make a hello that offers what another one does, with nothing in it that only that one has.

    Random, session id and keys are new, and so are GREASE's values (RFC 8701) and what Encrypted ClientHello encrypts.
    What belongs to an earlier session is left out, as in a client's first hello.

    Args:
        record: A whole hello, as from `client_hello.assemble`.
        new_share: Makes key shares. Those that it can't make are left out.
        random_bytes: Makes so many random bytes.

    Raises:
        ClientError: NOT_TLS: the record is malformed.
    """
    grease = _Grease(random_bytes(1)[0])
    session_id, at = vector(record, _RANDOM.stop, 1)
    suites, at = vector(record, at, 2)
    compression_methods, at = vector(record, at, 1)
    extensions = b"".join(
        _with_vector(grease.of(kind), 2, _fresh_body(kind, body, grease, new_share, random_bytes))
        for kind, body in _entries(vector(record, at, 2)[0] if at < len(record) else b"")
        if kind not in _OF_A_SESSION
    )
    message = b"".join(
        (
            record[HEADER_BYTES + 4 : _RANDOM.start],
            random_bytes(32),
            _sized(random_bytes(len(session_id)), 1),
            _sized(grease.in_list(suites), 2),
            _sized(compression_methods, 1),
            _sized(extensions, 2),
        )
    )
    handshake = b"\x01" + _sized(message, 3)
    return bytes((HANDSHAKE,)) + record[1:3] + _sized(handshake, 2)


class _Grease:
    """Replaces each value of GREASE, equal ones by equal ones: a client sends one of its values in two places."""

    def __init__(self, seed: int) -> None:
        self._shift = 1 + seed % (_GREASE_VALUES - 1)

    def of(self, value: int) -> int:
        """Return another value for one of GREASE's, and any other as it is."""
        low = value & 0xFF
        if value >> 8 != low or low & 0x0F != 0x0A:
            return value
        return 0x1010 * ((value >> 12) + self._shift & 0x0F) + 0x0A0A

    def in_list(self, numbers: bytes) -> bytes:
        """Replace them in a list of numbers, two bytes each."""
        return b"".join(self.of(int.from_bytes(numbers[at : at + 2])).to_bytes(2) for at in range(0, len(numbers), 2))


def _fresh_body(
    kind: int, body: bytes, grease: _Grease, new_share: NewShare, random_bytes: Callable[[int], bytes]
) -> bytes:
    if kind == _SUPPORTED_GROUPS:
        return _sized(grease.in_list(vector(body, 0, 2)[0]), 2)
    if kind == _SUPPORTED_VERSIONS:
        return _sized(grease.in_list(vector(body, 0, 1)[0]), 1)
    if kind == _KEY_SHARE:
        return _sized(_fresh_shares(vector(body, 0, 2)[0], grease, new_share), 2)
    if kind == _ENCRYPTED_CLIENT_HELLO:
        return _fresh_encrypted_hello(body, new_share, random_bytes)
    return b"" if kind == _SESSION_TICKET else body


def _fresh_shares(shares: bytes, grease: _Grease, new_share: NewShare) -> bytes:
    fresh = b""
    for group, share in _entries(shares):
        if (other := grease.of(group)) != group:
            fresh += _with_vector(other, 2, share)
        elif (made := new_share(group, share)) is not None:
            fresh += _with_vector(group, 2, made)
    return fresh


def _fresh_encrypted_hello(body: bytes, new_share: NewShare, random_bytes: Callable[[int], bytes]) -> bytes:
    """Replace the key and the ciphertext of an outer Encrypted ClientHello (RFC 9849, section 5)."""
    suite, config_id, key_at = body[:5], random_bytes(1), 6
    key, payload_at = vector(body, key_at, 2)
    payload, _end = vector(body, payload_at, 2)
    return suite + config_id + _sized(new_share(_X25519, key) or key, 2) + _sized(random_bytes(len(payload)), 2)


def _entries(data: bytes) -> list[tuple[int, bytes]]:
    """Read a list of extensions or key shares: a number and a vector each."""
    found, at = [], 0
    while at < len(data):
        body, end = vector(data, at + 2, 2)
        found.append((int.from_bytes(data[at : at + 2]), body))
        at = end
    return found


def _with_vector(number: int, length_bytes: int, body: bytes) -> bytes:
    return number.to_bytes(2) + _sized(body, length_bytes)


def _sized(data: bytes, length_bytes: int) -> bytes:
    return len(data).to_bytes(length_bytes) + data
