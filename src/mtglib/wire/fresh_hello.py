"""Another ClientHello of the same shape as a client's: how a site answers it is how it would answer that client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .client_hello import malformed
from .handshake import (
    EARLY_DATA,
    ENCRYPTED_CLIENT_HELLO,
    GREASE,
    KEY_SHARE,
    PRE_SHARED_KEY,
    SESSION_TICKET,
    SUPPORTED_GROUPS,
    SUPPORTED_VERSIONS,
    NamedGroup,
    entry,
    read_before_extensions,
    read_entries,
    read_vector,
    vector,
)
from .tls_records import HANDSHAKE, HEADER_BYTES

_OF_A_SESSION: Final = frozenset((PRE_SHARED_KEY, EARLY_DATA))
_GROUPS: Final = frozenset(NamedGroup)
_RANDOM: Final = slice(HEADER_BYTES + 6, HEADER_BYTES + 38)

NewShare = Callable[[int, bytes], bytes | None]
"""Returns a client's key share, made from a new key: of a group, for one that another client has sent."""


def fresh_hello(record: bytes, new_share: NewShare, random_bytes: Callable[[int], bytes]) -> bytes:
    """Make a hello that offers what another one does, with nothing in it that only that one has.

    Random, session id and keys are new, and so are GREASE's values (RFC 8701) and what Encrypted ClientHello encrypts.
    What belongs to an earlier session is left out, as in a client's first hello.

    Args:
        record: A whole hello, as from `client_hello.assemble`.
        new_share: Makes key shares. Those of groups that aren't a `NamedGroup` are left out.
        random_bytes: Makes so many random bytes.

    Raises:
        ClientError: NOT_TLS: the record or one of its key shares is malformed.
    """
    try:
        return _fresh(record, new_share, random_bytes)
    except ValueError as error:
        raise malformed(error) from None


def _fresh(record: bytes, new_share: NewShare, random_bytes: Callable[[int], bytes]) -> bytes:
    grease = _Grease(random_bytes(1)[0])
    session_id, suites, compression_methods, at = read_before_extensions(record)
    extensions = b"".join(
        entry(grease.of(kind), _fresh_body(kind, body, grease, new_share, random_bytes))
        for kind, body in read_entries(read_vector(record, at, 2)[0] if at < len(record) else b"")
        if kind not in _OF_A_SESSION
    )
    message = b"".join(
        (
            record[HEADER_BYTES + 4 : _RANDOM.start],
            random_bytes(32),
            vector(random_bytes(len(session_id)), 1),
            vector(grease.in_list(suites), 2),
            vector(compression_methods, 1),
            vector(extensions, 2),
        )
    )
    handshake = b"\x01" + vector(message, 3)
    return bytes((HANDSHAKE,)) + record[1:3] + vector(handshake, 2)


class _Grease:
    """Replaces each value of GREASE, equal ones by equal ones: a client sends one of its values in two places."""

    def __init__(self, seed: int) -> None:
        shift = 1 + seed % (len(GREASE) - 1)
        self._others = dict(zip(GREASE, (*GREASE[shift:], *GREASE[:shift]), strict=True))

    def of(self, value: int) -> int:
        """Return another value for one of GREASE's, and any other as it is."""
        return self._others.get(value, value)

    def in_list(self, numbers: bytes) -> bytes:
        """Replace them in a list of numbers, two bytes each."""
        return b"".join(self.of(int.from_bytes(numbers[at : at + 2])).to_bytes(2) for at in range(0, len(numbers), 2))


def _fresh_body(
    kind: int, body: bytes, grease: _Grease, new_share: NewShare, random_bytes: Callable[[int], bytes]
) -> bytes:
    if kind == SUPPORTED_GROUPS:
        return vector(grease.in_list(read_vector(body, 0, 2)[0]), 2)
    if kind == SUPPORTED_VERSIONS:
        return vector(grease.in_list(read_vector(body, 0, 1)[0]), 1)
    if kind == KEY_SHARE:
        return vector(_fresh_shares(read_vector(body, 0, 2)[0], grease, new_share), 2)
    if kind == ENCRYPTED_CLIENT_HELLO:
        return _fresh_encrypted_hello(body, new_share, random_bytes)
    return b"" if kind == SESSION_TICKET else body


def _fresh_shares(shares: bytes, grease: _Grease, new_share: NewShare) -> bytes:
    fresh = b""
    for group, share in read_entries(shares):
        if (other := grease.of(group)) != group:
            fresh += entry(other, share)
        elif (made := new_share(group, share)) is not None:
            fresh += entry(group, made)
        elif group in _GROUPS:  # without it, the hello would have another shape
            raise ValueError("a malformed key share")
    return fresh


def _fresh_encrypted_hello(body: bytes, new_share: NewShare, random_bytes: Callable[[int], bytes]) -> bytes:
    """Replace the key and the ciphertext of an outer Encrypted ClientHello (RFC 9849, section 5)."""
    suite, config_id, key_at = body[:5], random_bytes(1), 6
    key, payload_at = read_vector(body, key_at, 2)
    payload, _end = read_vector(body, payload_at, 2)
    return (
        suite + config_id + vector(new_share(NamedGroup.X25519, key) or key, 2) + vector(random_bytes(len(payload)), 2)
    )
