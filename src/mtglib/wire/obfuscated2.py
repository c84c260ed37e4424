"""The frame that opens an obfuscated2 stream, on both legs.

`noise[8] key[32] iv[16] tag[4] dc[2, little-endian signed] noise[2]`, of which the last 8 bytes are sent encrypted. The
sender's cipher is AES-256-CTR with that key and iv, and has used 64 bytes of keystream before the first payload byte;
the receiver's is made from the same 48 bytes reversed and starts at 0. On the client's leg, the secret is mixed into
both keys. Source: https://core.telegram.org/mtproto/mtproto-transports#transport-obfuscation
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ..errors import ClientError
from ..reasons import Reason
from .aes_ctr import CipherState, crypt
from .sha256 import sha256

FRAME_BYTES: Final = 64
PADDED_INTERMEDIATE: Final = b"\xdd\xdd\xdd\xdd"
"""The only transport that goes with "ee" secrets."""

_FORBIDDEN_STARTS = (
    *(b"HEAD", b"POST", b"GET ", b"OPTI", b"PVrG"),
    *(b"\xee\xee\xee\xee", PADDED_INTERMEDIATE, b"\x16\x03\x01\x02"),
)


class Ciphers(NamedTuple):
    """The ciphers of one leg, each at the first byte that follows the frame.

    Attributes:
        from_initiator: What the frame's sender encrypts with.
        to_initiator: What it decrypts with.
    """

    from_initiator: CipherState
    to_initiator: CipherState


class ClientFrame(NamedTuple):
    """What a client wants.

    Attributes:
        dc: As it was sent: negative for media servers, over 10 000 for test DCs, 0 for any.
        ciphers: The client leg's.
    """

    dc: int
    ciphers: Ciphers


def parse_client_frame(frame: bytes, secret_key: bytes) -> ClientFrame:
    """Decrypt the client's first 64 bytes.

    Raises:
        ClientError: FRAME: it asks for another transport than padded intermediate, or was made with another secret.
    """
    if len(frame) != FRAME_BYTES:
        raise ClientError(Reason.FRAME, "an obfuscated2 frame that isn't 64 bytes long")
    back = frame[55:7:-1]
    key, iv = _mix(frame[8:40], secret_key), frame[40:56]
    tail = crypt(key, iv, frame)[56:]
    if tail[:4] != PADDED_INTERMEDIATE:
        raise ClientError(Reason.FRAME, "not the padded intermediate transport, or another secret")
    ciphers = Ciphers(CipherState(key, iv, FRAME_BYTES), CipherState(_mix(back[:32], secret_key), back[32:]))
    return ClientFrame(int.from_bytes(tail[4:6], "little", signed=True), ciphers)


def dc_noise_is_usable(noise: bytes) -> bool:
    """Return whether a frame may start like this: it must not look like another protocol."""
    return noise[0] != 0xEF and noise[:4] not in _FORBIDDEN_STARTS and any(noise[4:8])


def build_dc_frame(noise: bytes, dc: int, client: Ciphers | None) -> tuple[bytes, Ciphers]:
    """Make the frame that we open a DC's leg with.

    Args:
        noise: 64 random bytes for which `dc_noise_is_usable`.
        dc: The number that the DC is told.
        client: For fast mode the client leg's ciphers: then the DC encrypts downloads with the very keystream that
            the client expects, and nobody has to re-encrypt them.

    Returns:
        The frame as it goes out, and the leg's ciphers.
    """
    if client is not None:
        wanted = client.to_initiator.key + client.to_initiator.iv
        noise = noise[:8] + wanted[::-1] + noise[56:]
    clear = noise[:56] + PADDED_INTERMEDIATE + dc.to_bytes(2, "little", signed=True) + noise[62:]
    key, iv, back = clear[8:40], clear[40:56], clear[55:7:-1]
    frame = clear[:56] + crypt(key, iv, clear)[56:]
    return frame, Ciphers(CipherState(key, iv, FRAME_BYTES), CipherState(back[:32], back[32:]))


def _mix(key: bytes, secret_key: bytes) -> bytes:
    return sha256(key + secret_key)
