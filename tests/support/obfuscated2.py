"""obfuscated2 for peers: the frame that a client sends, and the frame that a data centre reads.

A frame is ``noise[8] key[32] iv[16] tag[4] dc[2] noise[2]``; the other direction's key and iv are the same
48 bytes reversed. Source: core.telegram.org/mtproto/mtproto-transports, "transport obfuscation".
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

FRAME_BYTES = 64
PADDED_INTERMEDIATE = b"\xdd" * 4
INTERMEDIATE = b"\xee" * 4
ABRIDGED = b"\xef" * 4

RandomBytes = Callable[[int], bytes]


class Keystream:
    """AES-256-CTR with its position in the stream; encrypting and decrypting are the same."""

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._context = Cipher(AES256(key), CTR(iv)).encryptor()

    def apply(self, data: bytes) -> bytes:
        """Return the data xored with the next ``len(data)`` bytes of keystream."""
        return self._context.update(data)


@dataclass(frozen=True)
class KeyIV:
    """The key and IV of one direction, after the secret was mixed in."""

    key: bytes
    iv: bytes

    @classmethod
    def derive(cls, material: bytes, secret_key: bytes) -> KeyIV:
        """Take ``key[32] iv[16]``; a secret (empty towards a data centre) is hashed into the key."""
        key = hashlib.sha256(material[:32] + secret_key).digest() if secret_key else material[:32]
        return cls(key, material[32:48])

    def keystream(self) -> Keystream:
        """Start a stream at its beginning."""
        return Keystream(self.key, self.iv)


@dataclass(frozen=True)
class SentFrame:
    """A frame to send, and the streams of the side that sends it."""

    wire: bytes
    up: Keystream
    down: Keystream
    up_key_iv: KeyIV
    down_key_iv: KeyIV


@dataclass(frozen=True)
class ReceivedFrame:
    """A received frame, and the streams of the side that received it."""

    wire: bytes
    tag: bytes
    dc: int
    up: Keystream
    down: Keystream


def make_frame(
    secret_key: bytes, dc: int, tag: bytes = PADDED_INTERMEDIATE, random_bytes: RandomBytes = os.urandom
) -> SentFrame:
    """Make the frame that opens a connection; ``secret_key`` is empty without a proxy in between."""
    while looks_like_another_protocol(start := random_bytes(FRAME_BYTES)):
        pass
    clear = start[:56] + tag + struct.pack("<h", dc) + start[62:]
    up_key_iv = KeyIV.derive(clear[8:56], secret_key)
    down_key_iv = KeyIV.derive(clear[8:56][::-1], secret_key)
    up = up_key_iv.keystream()
    wire = clear[:56] + up.apply(clear)[56:]
    return SentFrame(wire, up, down_key_iv.keystream(), up_key_iv, down_key_iv)


def read_frame(wire: bytes, secret_key: bytes = b"") -> ReceivedFrame:
    """Read a frame as its receiver; any 64 bytes are a frame, but its tag and dc may make no sense."""
    up = KeyIV.derive(wire[8:56], secret_key).keystream()
    down = KeyIV.derive(wire[8:56][::-1], secret_key).keystream()
    clear = up.apply(wire)
    return ReceivedFrame(wire, clear[56:60], struct.unpack("<h", clear[60:62])[0], up, down)


_OTHER_PROTOCOLS = frozenset(
    [b"HEAD", b"POST", b"GET ", b"OPTI", b"PVrG", INTERMEDIATE, PADDED_INTERMEDIATE, b"\x16\x03\x01\x02"]
)


def looks_like_another_protocol(frame: bytes) -> bool:
    """Return whether a data centre would take the beginning of this frame for another protocol."""
    return frame[0] == 0xEF or frame[:4] in _OTHER_PROTOCOLS or frame[4:8] == bytes(4)
