"""The cipher stream between a client (or a proxy) and a DC: one 64-byte frame, then AES-256-CTR each way.

Frame: ``noise[8] key[32] iv[16] tag[4] dc[2] noise[2]``; key and iv reversed are those of the other direction.
Source: https://core.telegram.org/mtproto/mtproto-transports#transport-obfuscation
"""

from __future__ import annotations

import hashlib
import os
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

from benchmarks.peers.errors import RelayError

FRAME_BYTES = 64
DC = 2
PADDED_INTERMEDIATE = b"\xdd" * 4
_ZEROS = bytes(FRAME_BYTES)

# Beginnings of a frame that the servers would take for another transport.
_TAKEN_STARTS = (
    b"\xef",
    b"HEAD",
    b"POST",
    b"GET ",
    b"OPTI",
    b"PVrG",
    b"\xee" * 4,
    b"\xdd" * 4,
    b"\x16\x03\x01\x02",
)


class Ciphers(NamedTuple):
    """One leg's two keystreams, as this side sees them."""

    outgoing: CipherContext
    incoming: CipherContext


def open_leg(secret_key: bytes = b"") -> tuple[bytes, Ciphers]:
    """Make the frame that opens a leg, and this side's ciphers; no secret key means a leg without a proxy."""
    noise = os.urandom(FRAME_BYTES)
    while noise.startswith(_TAKEN_STARTS) or noise[4:8] == _ZEROS[:4]:
        noise = os.urandom(FRAME_BYTES)
    frame = noise[:56] + PADDED_INTERMEDIATE + DC.to_bytes(2, "little") + noise[62:]
    ciphers = Ciphers(outgoing=_keystream(frame[8:56], secret_key), incoming=_keystream(frame[55:7:-1], secret_key))
    return frame[:56] + ciphers.outgoing.update(frame)[56:], ciphers


def accept_leg(frame: bytes) -> Ciphers:
    """Read a frame as a DC does: its number isn't looked at, since some proxies send noise there.

    Raises:
        RelayError: the frame asks for another transport than every client here does.
    """
    ciphers = Ciphers(outgoing=_keystream(frame[55:7:-1], b""), incoming=_keystream(frame[8:56], b""))
    opened = ciphers.incoming.update(frame)
    if opened[56:60] != PADDED_INTERMEDIATE:
        raise RelayError("the DC received a frame with a wrong tag")
    return ciphers


def _keystream(key_and_iv: bytes, secret_key: bytes) -> CipherContext:
    key = key_and_iv[:32]
    if secret_key:
        key = hashlib.sha256(key + secret_key).digest()
    return Cipher(AES256(key), CTR(key_and_iv[32:])).encryptor()
