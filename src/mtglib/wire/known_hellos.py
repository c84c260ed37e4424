"""The ClientHellos of today's clients, so that a site can be asked how it answers them before they come.

Telegram's clients make their hellos in a browser's likeness. Here is what the hellos of a build have in common. GREASE,
keys, lengths, and the order of extensions where a client shuffles them, are made anew in each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from .handshake import (
    ALPN,
    ENCRYPTED_CLIENT_HELLO,
    GREASE,
    KEY_SHARE,
    PADDING,
    PSK_MODES,
    SERVER_NAME,
    SESSION_TICKET,
    SIGNATURE_ALGORITHMS,
    SUPPORTED_GROUPS,
    SUPPORTED_VERSIONS,
    NamedGroup,
    entry,
    vector,
)
from .tls_records import HANDSHAKE

_STATUS_REQUEST: Final = 0x0005
_POINT_FORMATS: Final = 0x000B
_CERTIFICATE_TIMESTAMP: Final = 0x0012
_EXTENDED_MASTER_SECRET: Final = 0x0017
_COMPRESS_CERTIFICATE: Final = 0x001B
_APPLICATION_SETTINGS: Final = 0x44CD
_RENEGOTIATION_INFO: Final = 0xFF01

_BODIES: Final = {
    _STATUS_REQUEST: "0100000000",
    _POINT_FORMATS: "0100",
    ALPN: "000c02683208687474702f312e31",  # h2, http/1.1
    PSK_MODES: "0101",
    _APPLICATION_SETTINGS: "0003026832",
    _RENEGOTIATION_INFO: "00",
}
"""In hexadecimal digits. Those that aren't here or in a `KnownHello` are empty."""

_SHARE_BYTES: Final = {NamedGroup.X25519_MLKEM768: 1216, NamedGroup.X25519: 32}
_PADDED_BYTES: Final = 512
_HEADERS_BYTES: Final = 4 + 2 + 4
"""Those of the message, of its extensions, and of the padding itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownHello:
    """What the hellos of a client build consist of, but for GREASE.

    Attributes:
        suites: Two bytes each, in hexadecimal digits.
        groups: For the key exchange.
        share_groups: Those of them that there are key shares of.
        extensions: Their types, in the client's order; the first and the last one of a hello are GREASE.
        bodies: Bodies that other clients' extensions don't have, in hexadecimal digits.
        is_shuffled: Whether the client shuffles its extensions.
        is_padded: Whether it pads a short message to 512 bytes.
        versions: In the client's order.
    """

    suites: str
    groups: tuple[int, ...]
    share_groups: tuple[NamedGroup, ...]
    extensions: tuple[int, ...]
    bodies: Mapping[int, str]
    is_shuffled: bool
    is_padded: bool
    versions: tuple[int, ...] = (0x0304, 0x0303)

    def record(self, host: str, random_bytes: Callable[[int], bytes]) -> bytes:
        """Make such a hello for a site. What is secret in it is zero: see `fresh_hello`.

        Args:
            host: The name that is asked for.
            random_bytes: Makes so many random bytes.
        """
        grease = [GREASE[byte % 16] for byte in random_bytes(5)]
        last = grease[3] if grease[3] != grease[2] else grease[3] ^ 0x1010
        made_anew = {
            SERVER_NAME: vector(b"\x00" + vector(host.encode("ascii"), 2), 2),
            SUPPORTED_GROUPS: vector(_numbers(grease[1], *self.groups), 2),
            KEY_SHARE: vector(entry(grease[1], b"\x00") + self._empty_shares(), 2),
            SUPPORTED_VERSIONS: vector(_numbers(grease[4], *self.versions), 1),
            ENCRYPTED_CLIENT_HELLO: _encrypted_client_hello(random_bytes),
        }
        bodies = made_anew | {kind: bytes.fromhex(body) for kind, body in {**_BODIES, **self.bodies}.items()}
        middle = [entry(kind, bodies.get(kind, b"")) for kind in self.extensions]
        if self.is_shuffled:
            middle.sort(key=lambda _: random_bytes(4))
        extensions = b"".join((entry(grease[2], b""), *middle, entry(last, b"\x00")))
        suites = _numbers(grease[0]) + bytes.fromhex(self.suites)
        before = b"\x03\x03" + bytes(32) + vector(bytes(32), 1) + vector(suites, 2) + b"\x01\x00"
        missing = _PADDED_BYTES - len(before) - len(extensions) - _HEADERS_BYTES
        if self.is_padded and missing > 0:
            extensions += entry(PADDING, bytes(missing))
        message = b"\x01" + vector(before + vector(extensions, 2), 3)
        return bytes((HANDSHAKE,)) + b"\x03\x01" + vector(message, 2)

    def _empty_shares(self) -> bytes:
        return b"".join(entry(group, bytes(_SHARE_BYTES[group])) for group in self.share_groups)


def _numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(2) for value in values)


def _encrypted_client_hello(random_bytes: Callable[[int], bytes]) -> bytes:
    """Make what Chrome sends to a site that has no keys for it; its length is one of four."""
    payload = bytes(144 + 32 * (random_bytes(1)[0] % 4))
    return bytes.fromhex("000001000100") + vector(bytes(32), 2) + vector(payload, 2)


_BROTLI: Final = "020002"
_ZLIB: Final = "020001"
_HTTP1: Final = "000908687474702f312e31"

TDLIB: Final = KnownHello(
    suites="130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f0035",
    groups=(0x11EC, 0x001D, 0x0017, 0x0018),
    share_groups=(NamedGroup.X25519_MLKEM768, NamedGroup.X25519),
    extensions=(
        *(SERVER_NAME, _STATUS_REQUEST, SUPPORTED_GROUPS, _POINT_FORMATS, SIGNATURE_ALGORITHMS, ALPN),
        *(_CERTIFICATE_TIMESTAMP, _EXTENDED_MASTER_SECRET, _COMPRESS_CERTIFICATE, SESSION_TICKET, SUPPORTED_VERSIONS),
        *(PSK_MODES, KEY_SHARE, _APPLICATION_SETTINGS, ENCRYPTED_CLIENT_HELLO, _RENEGOTIATION_INFO),
    ),
    bodies={
        SIGNATURE_ALGORITHMS: "001609040905090604030804040105030805050108060601",
        _COMPRESS_CERTIFICATE: _BROTLI,
    },
    is_shuffled=True,
    is_padded=True,
)
"""TDLib's on Linux and Windows, and that of Telegram for Android; recorded from TDLib 1.8.69."""

DESKTOP: Final = replace(TDLIB, bodies={**TDLIB.bodies, SIGNATURE_ALGORITHMS: "001004030804040105030805050108060601"})
"""Telegram Desktop's, and mtcute's; recorded from mtcute 0.30.3."""

MACOS: Final = KnownHello(
    suites="130213031301c02cc02bcca9c030c02fcca8c00ac009c014c013009d009c0035002fc008c012000a",
    groups=(0x11EC, 0x001D, 0x0017, 0x0018, 0x0019),
    share_groups=(NamedGroup.X25519_MLKEM768, NamedGroup.X25519),
    extensions=(
        *(SERVER_NAME, _EXTENDED_MASTER_SECRET, _RENEGOTIATION_INFO, SUPPORTED_GROUPS, _POINT_FORMATS, ALPN),
        *(_STATUS_REQUEST, SIGNATURE_ALGORITHMS, _CERTIFICATE_TIMESTAMP, KEY_SHARE, PSK_MODES, SUPPORTED_VERSIONS),
        _COMPRESS_CERTIFICATE,
    ),
    bodies={
        SIGNATURE_ALGORITHMS: "00140403080404010503080508050501080606010201",
        _COMPRESS_CERTIFICATE: _ZLIB,
    },
    is_shuffled=False,
    is_padded=False,
)
IOS: Final = replace(
    MACOS,
    suites="130213011303c02cc030c02bcca9c02fcca8c00ac009c014c013",
    bodies={**MACOS.bodies, ALPN: _HTTP1},
)
"""These two are those of Apple's systems. TDLib's source draws from two lists of suites, and two of protocols."""

TELETHON: Final = KnownHello(
    suites=TDLIB.suites,
    groups=(0x001D, 0x0017, 0x0018),
    share_groups=(NamedGroup.X25519,),
    extensions=(
        *(SERVER_NAME, _EXTENDED_MASTER_SECRET, _RENEGOTIATION_INFO, SUPPORTED_GROUPS, _POINT_FORMATS),
        *(SESSION_TICKET, ALPN, _STATUS_REQUEST, SIGNATURE_ALGORITHMS, _CERTIFICATE_TIMESTAMP, KEY_SHARE, PSK_MODES),
        *(SUPPORTED_VERSIONS, _COMPRESS_CERTIFICATE),
    ),
    bodies={SIGNATURE_ALGORITHMS: "001004030804040105030805050108060601", _COMPRESS_CERTIFICATE: _BROTLI},
    versions=(0x0304, 0x0303, 0x0302, 0x0301),
    is_shuffled=False,
    is_padded=True,
)
"""Like Chrome of 2022, 517 bytes without a post-quantum share; recorded from Telethon with TelethonFakeTLS."""

KNOWN_HELLOS: Final = (TELETHON, MACOS, IOS, DESKTOP, TDLIB)
"""The most frequent last."""
