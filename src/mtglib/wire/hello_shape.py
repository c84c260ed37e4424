"""The shape of a ClientHello: what it offers to a site, the same in each hello of one client build.

Values of GREASE (RFC 8701) are left out everywhere, as a client draws them anew for each hello.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .client_hello import MAX_HELLO_BYTES, malformed
from .handshake import (
    ALPN,
    GREASE,
    KEY_SHARE,
    PADDING,
    PSK_MODES,
    SIGNATURE_ALGORITHMS,
    SUPPORTED_GROUPS,
    SUPPORTED_VERSIONS,
    read_before_extensions,
    read_entries,
    read_vector,
)
from .sha256 import sha256
from .tls_records import HEADER_BYTES

KEY_BYTES: Final = 16

_GREASE: Final = frozenset(GREASE)
_GREASE_PROTOCOLS: Final = frozenset(value.to_bytes(2) for value in GREASE)
_GREASE_PSK_MODES: Final = frozenset(0x0B + 0x1F * n for n in range(8))

_LEGACY_VERSION: Final = slice(HEADER_BYTES + 4, HEADER_BYTES + 6)


@dataclass(frozen=True, slots=True)
class HelloShape:
    """What a hello offers, without GREASE; a list is empty if its extension is missing.

    Attributes:
        legacy_version: The version field, 0x0303 in all hellos of today.
        supported_versions: In the client's order, as all lists but `extension_types`.
        cipher_suites: Those of all TLS versions.
        groups: Groups for the key exchange.
        key_shares: Group to the client's share, in the client's order. It's fresh in each hello.
        signature_algorithms: For certificates and handshakes.
        alpn: Names of application protocols.
        psk_modes: Modes of key exchange with a pre-shared key.
        extension_types: Sorted, as clients shuffle them; without padding, which depends on the name's length.
        key: 16 bytes that are equal for two hellos if all of this is, but for the shares' bytes.
    """

    legacy_version: int
    supported_versions: tuple[int, ...]
    cipher_suites: tuple[int, ...]
    groups: tuple[int, ...]
    key_shares: Mapping[int, bytes]
    signature_algorithms: tuple[int, ...]
    alpn: tuple[bytes, ...]
    psk_modes: tuple[int, ...]
    extension_types: tuple[int, ...]
    key: bytes


def parse_shape(record: bytes) -> HelloShape:
    """Take a joined record apart, as `client_hello.assemble` returns it.

    Raises:
        ClientError: NOT_TLS: it is malformed.
    """
    try:
        return _parse(record)
    except ValueError as error:
        raise malformed(error) from None


def _parse(record: bytes) -> HelloShape:
    if len(record) > HEADER_BYTES + MAX_HELLO_BYTES:
        raise ValueError("a malformed length")
    legacy_version = int.from_bytes(record[_LEGACY_VERSION])
    _session_id, suites, _compression_methods, at = read_before_extensions(record)
    extensions = _entries(_only_vector(record[at:], 2)) if at < len(record) else {}

    cipher_suites = _numbers(suites)
    supported_versions = _numbers(_contents(extensions, SUPPORTED_VERSIONS, 1))
    groups = _numbers(_contents(extensions, SUPPORTED_GROUPS, 2))
    key_shares = _entries(_contents(extensions, KEY_SHARE, 2))
    signature_algorithms = _numbers(_contents(extensions, SIGNATURE_ALGORITHMS, 2))
    alpn = _protocols(_contents(extensions, ALPN, 2))
    psk_modes = tuple([mode for mode in _contents(extensions, PSK_MODES, 1) if mode not in _GREASE_PSK_MODES])
    extension_types = tuple(sorted(extensions.keys() - {PADDING}))

    return HelloShape(
        legacy_version,
        supported_versions,
        cipher_suites,
        groups,
        key_shares,
        signature_algorithms,
        alpn,
        psk_modes,
        extension_types,
        _key(
            (legacy_version,),
            supported_versions,
            cipher_suites,
            groups,
            tuple(key_shares),
            signature_algorithms,
            psk_modes,
            extension_types,
            alpn=alpn,
        ),
    )


def _contents(extensions: Mapping[int, bytes], extension_type: int, length_bytes: int) -> bytes:
    """Return the list that an extension consists of; it's empty if there is no such extension."""
    body = extensions.get(extension_type)
    return b"" if body is None else _only_vector(body, length_bytes)


def _only_vector(data: bytes, length_bytes: int) -> bytes:
    """Read a vector that nothing follows."""
    if int.from_bytes(data[:length_bytes]) != len(data) - length_bytes:
        raise ValueError("a malformed length")
    return data[length_bytes:]


def _entries(data: bytes) -> dict[int, bytes]:
    """Read a list of extensions or key shares in which no number is there twice."""
    found: dict[int, bytes] = {}
    for number, body in read_entries(data):
        if number in found:
            raise ValueError("an extension or key share that is there twice")
        if number not in _GREASE:
            found[number] = body
    return found


def _numbers(data: bytes) -> tuple[int, ...]:
    """Read a list of numbers, two bytes each."""
    if len(data) % 2:
        raise ValueError("a malformed list")
    return tuple([number for number in struct.unpack(f">{len(data) // 2}H", data) if number not in _GREASE])


def _protocols(data: bytes) -> tuple[bytes, ...]:
    """Read the names of ALPN (RFC 7301, section 3.1)."""
    names, at = [], 0
    while at < len(data):
        name, at = read_vector(data, at, 1)
        names.append(name)
    return tuple([name for name in names if name not in _GREASE_PROTOCOLS])


def _key(*lists: tuple[int, ...], alpn: tuple[bytes, ...]) -> bytes:
    """Hash all of it, each list with its length in front, so that no two shapes are the same when hashed."""
    numbers: list[int] = []
    for values in lists:
        numbers.append(len(values))
        numbers += values
    names = [bytes((len(name),)) + name for name in alpn]
    return sha256(struct.pack(f">{len(numbers)}H", *numbers) + b"".join(names))[:KEY_BYTES]
