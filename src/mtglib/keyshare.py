"""Key shares for our answers: real X25519 public keys whose private keys are never used."""

from __future__ import annotations

from typing import Final

try:
    from ._engine import x25519_public_key as new_x25519_public_key
except ImportError:

    def new_x25519_public_key() -> bytes:
        """Make a key pair and return the public half, 32 bytes (RFC 7748)."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        return X25519PrivateKey.generate().public_key().public_bytes_raw()


_KEYS_AT_ONCE: Final = 32


class KeyShares:
    """A supply of key shares, each given away once.

    They are made 32 at a time: a single one, amid everything else that a connection does, takes 18 us, 13 of which are
    spent on getting the code and its tables into the processor's cache. Belongs to one process: a forked child would
    give the same ones away.
    """

    def __init__(self) -> None:
        self._ready: list[bytes] = []

    def take(self) -> bytes:
        """Return a public key of 32 bytes; each is returned only once."""
        if not self._ready:
            self._ready = [new_x25519_public_key() for _ in range(_KEYS_AT_ONCE)]
        return self._ready.pop()


__all__ = ["KeyShares", "new_x25519_public_key"]
