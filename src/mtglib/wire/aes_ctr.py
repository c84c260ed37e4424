"""AES-256-CTR with a 128-bit big-endian counter: from the engine if it is built, otherwise from `cryptography`."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class StreamCipher(Protocol):
    """A running cipher; encrypting and decrypting are the same."""

    def update(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return `data` xored with the next bytes of the keystream."""
        ...


class CipherState(NamedTuple):
    """A cipher to be started somewhere in its keystream.

    Attributes:
        key: 32 bytes.
        iv: 16 bytes, the first block's counter.
        offset_bytes: How much of the keystream has been used.
    """

    key: bytes
    iv: bytes
    offset_bytes: int = 0

    def __repr__(self) -> str:
        """Show no key."""
        return f"{type(self).__name__}()"

    def start(self) -> StreamCipher:
        """Return the cipher, ready for the byte at `offset_bytes`."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        context: StreamCipher = Cipher(algorithms.AES(self.key), modes.CTR(self.iv)).encryptor()
        context.update(bytes(self.offset_bytes))
        return context


try:
    from .._engine import aes_ctr as crypt
except ImportError:

    def crypt(key: bytes, iv: bytes, data: bytes) -> bytes:
        """Encrypt or decrypt `data` from the start of the keystream."""
        return CipherState(key, iv).start().update(data)


__all__ = ["CipherState", "StreamCipher", "crypt"]
