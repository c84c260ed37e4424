"""Key shares for our answers, of any group that a site may choose; what they agree on is never used.

An observer could tell random bytes: they aren't a point of the curve, or not a ciphertext whose coefficients are spread
as ML-KEM spreads them. Points are real. Ciphertexts are drawn by the engine, and real in pure Python: nobody but the
client can tell (docs/adr/0023).
"""

from __future__ import annotations

from typing import Final

from .pure_keyshare import x448_public_key
from .wire.handshake import NamedGroup

try:
    from ._engine import ml_kem_768_ciphertext, ml_kem_768_encapsulation_key, nist_public_key
    from ._engine import x25519_public_key as new_x25519_public_key
except ImportError:
    from .pure_keyshare import ml_kem_768_ciphertext, ml_kem_768_encapsulation_key, nist_public_key
    from .pure_keyshare import x25519_public_key as new_x25519_public_key


_POINT_BYTES: Final = 65
_ENCAPSULATION_KEY_BYTES: Final = 1184
_CLIENT_SHARE_BYTES: Final[dict[int, int]] = {
    NamedGroup.SECP256R1: _POINT_BYTES,
    NamedGroup.SECP384R1: 97,
    NamedGroup.SECP521R1: 133,
    NamedGroup.X25519: 32,
    NamedGroup.X448: 56,
    NamedGroup.SECP256R1_MLKEM768: _POINT_BYTES + _ENCAPSULATION_KEY_BYTES,
    NamedGroup.X25519_MLKEM768: _ENCAPSULATION_KEY_BYTES + 32,
}
_KEYS_AT_ONCE: Final = 32


class KeyShares:
    """A supply of key shares, each given away once.

    X25519's are made 32 at a time: of the 18 us that a single one takes between everything else that a connection
    needs, 13 are spent on getting the code and its tables into the processor's cache. Belongs to one process: a forked
    child would give the same ones away.
    """

    def __init__(self) -> None:
        self._ready: list[bytes] = []

    def take(self) -> bytes:
        """Return an X25519 public key of 32 bytes; each is returned only once."""
        if not self._ready:
            self._ready = [new_x25519_public_key() for _ in range(_KEYS_AT_ONCE)]
        return self._ready.pop()

    def another_clients(self, group: int, client_share: bytes) -> bytes | None:
        """Return a client's share of a group, made from a new key, as another client would send it.

        Args:
            group: The group.
            client_share: A client's own share.

        Returns:
            None if the group isn't a `NamedGroup`, or the client's share is malformed.
        """
        if len(client_share) != _CLIENT_SHARE_BYTES.get(group):
            return None
        match group:
            case NamedGroup.X25519_MLKEM768:
                return _joined(ml_kem_768_encapsulation_key(), self.take())
            case NamedGroup.SECP256R1_MLKEM768:
                point = nist_public_key(NamedGroup.SECP256R1, client_share[:_POINT_BYTES])
                return _joined(point, ml_kem_768_encapsulation_key())
            case _:
                return self.answer_to(group, client_share)

    def answer_to(self, group: int, client_share: bytes) -> bytes | None:
        """Return the server's share that answers the client's share of this group.

        Returns:
            None if there can be no answer: the group isn't a `NamedGroup`, `cryptography` lacks it, or the client's
            share has a wrong length, isn't on its NIST curve, or holds an invalid ML-KEM key.
        """
        if len(client_share) != _CLIENT_SHARE_BYTES.get(group):
            return None
        match group:
            case NamedGroup.X25519:
                return self.take()
            case NamedGroup.X25519_MLKEM768:
                return _joined(ml_kem_768_ciphertext(client_share[:_ENCAPSULATION_KEY_BYTES]), self.take())
            case NamedGroup.SECP256R1_MLKEM768:
                point = nist_public_key(NamedGroup.SECP256R1, client_share[:_POINT_BYTES])
                return _joined(point, ml_kem_768_ciphertext(client_share[_POINT_BYTES:]))
            case NamedGroup.X448:
                return x448_public_key()
            case _:
                return nist_public_key(group, client_share)


def _joined(first: bytes | None, second: bytes | None) -> bytes | None:
    """Make the share of a hybrid group out of those of its two parts."""
    return None if first is None or second is None else first + second


__all__ = ["KeyShares", "new_x25519_public_key"]
