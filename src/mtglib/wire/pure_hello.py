"""The engine's functions behind `client_hello` and `server_hello`, in Python."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Final

from .handshake import (
    KEY_SHARE,
    RANDOM,
    SERVER_NAME,
    SUPPORTED_VERSIONS,
    entry,
    read_before_extensions,
    read_entries,
    read_vector,
    vector,
)
from .sha256 import hmac_sha256
from .tls_records import APPLICATION_DATA, CHANGE_CIPHER_SPEC_RECORD, HANDSHAKE, header

_DIGEST_BYTES: Final = 28
_ZERO_RANDOM: Final = bytes(32)
_HOST_NAME: Final = 0


def find_key(record: bytes, keys: Sequence[bytes]) -> tuple[int, int] | None:
    """Find the key that a hello was made with; return its index and what the client's clock showed, Unix seconds.

    None if it is none of these. The record has to have all of its random.
    """
    random = record[RANDOM]
    zeroed = record[: RANDOM.start] + _ZERO_RANDOM + record[RANDOM.stop :]
    for index, key in enumerate(keys):
        digest = hmac_sha256(key, zeroed)
        if hmac.compare_digest(digest[:_DIGEST_BYTES], random[:_DIGEST_BYTES]):
            hidden, mask = random[_DIGEST_BYTES:], digest[_DIGEST_BYTES:]
            return index, int.from_bytes(hidden, "little") ^ int.from_bytes(mask, "little")
    return None


def read_hello(record: bytes) -> tuple[bytes, bytes, str, dict[int, bytes]]:
    """Take a joined record apart; return the session id, the suites, the server's name, and the key shares.

    Raises:
        ValueError: It is malformed. (The engine returns None then.)
    """
    session_id, cipher_suites, _compression_methods, at = read_before_extensions(record)
    extensions = read_vector(record, at, 2)[0] if at < len(record) else b""
    if len(session_id) > 32 or len(cipher_suites) % 2:
        raise ValueError("a malformed session id or suites")
    server_name, key_shares = "", b""
    for kind, body in read_entries(extensions):
        if kind == SERVER_NAME and not server_name:
            server_name = _host_name(read_vector(body, 0, 2)[0])
        elif kind == KEY_SHARE:
            key_shares = body
    return session_id, cipher_suites, server_name, _shares(key_shares)


def _shares(key_shares: bytes) -> dict[int, bytes]:
    try:
        return dict(read_entries(read_vector(key_shares, 0, 2)[0]))
    except ValueError:
        return {}


def _host_name(names: bytes) -> str:
    """Find the host name of the server_name extension (RFC 6066, section 3)."""
    at = 0
    while at < len(names):
        name_type = names[at]
        name, at = read_vector(names, at + 1, 2)
        if name_type == _HOST_NAME:
            return name.decode("ascii", "replace")
    return ""


def write_answer(
    key: bytes,
    client_random: bytes,
    session_id: bytes,
    suite: int,
    extensions: Sequence[int],
    group: int,
    share: bytes,
    noise: bytes,
) -> bytes:
    """Make the answer to a hello.

    Args:
        key: The secret's 16-byte key.
        client_random: The hello's.
        session_id: The hello's, which is echoed.
        suite: The cipher suite.
        extensions: The ServerHello's extensions in their order: supported_versions and key_share only.
        group: The named group of the share.
        share: Our key share.
        noise: What stands for the encrypted flight.

    Raises:
        KeyError: Another extension. (The engine raises ValueError then.)
    """
    bodies = {SUPPORTED_VERSIONS: b"\x03\x04", KEY_SHARE: entry(group, share)}
    body_tail = b"".join(
        (
            vector(session_id, 1),
            suite.to_bytes(2),
            b"\x00",  # no compression
            vector(b"".join([entry(kind, bodies[kind]) for kind in extensions]), 2),
        )
    )
    length = 2 + 32 + len(body_tail)
    before = header(HANDSHAKE, length + 4) + b"\x02" + length.to_bytes(3) + b"\x03\x03"
    after = b"".join((body_tail, CHANGE_CIPHER_SPEC_RECORD, header(APPLICATION_DATA, len(noise)), noise))
    random = hmac_sha256(key, b"".join((client_random, before, _ZERO_RANDOM, after)))
    return before + random + after


__all__ = ["find_key", "read_hello", "write_answer"]
