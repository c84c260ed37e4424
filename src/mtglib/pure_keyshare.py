"""The engine's functions behind `keyshare`, made with `cryptography`, and X448, which the engine lacks.

An installation of `cryptography` may lack an algorithm, as its OpenSSL does: there is no key share of it then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

_P = ParamSpec("_P")


def _none_if_it_is_missing(make: Callable[_P, bytes | None]) -> Callable[_P, bytes | None]:
    def make_if_possible(*args: _P.args, **kwargs: _P.kwargs) -> bytes | None:
        from cryptography.exceptions import UnsupportedAlgorithm

        try:
            return make(*args, **kwargs)
        except (ImportError, UnsupportedAlgorithm):
            return None

    return make_if_possible


def x25519_public_key() -> bytes:
    """Make a key pair and return the public half, 32 bytes (RFC 7748)."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.generate().public_key().public_bytes_raw()


@_none_if_it_is_missing
def x448_public_key() -> bytes | None:
    """Make a key pair and return the public half, 56 bytes (RFC 7748)."""
    from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey

    return X448PrivateKey.generate().public_key().public_bytes_raw()


@_none_if_it_is_missing
def nist_public_key(group: int, client_share: bytes) -> bytes | None:
    """Make a key pair of a NIST curve and return its public half; None if the client's share isn't a point of it."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    curve = {0x0017: ec.SECP256R1(), 0x0018: ec.SECP384R1(), 0x0019: ec.SECP521R1()}[group]
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(curve, client_share)
    except ValueError:
        return None
    return ec.generate_private_key(curve).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@_none_if_it_is_missing
def ml_kem_768_ciphertext(encapsulation_key: bytes) -> bytes | None:
    """Encapsulate a secret to a key and return the ciphertext, 1088 bytes (FIPS 203); None if the key is invalid."""
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

    try:
        key = MLKEM768PublicKey.from_public_bytes(encapsulation_key)
    except ValueError:
        return None
    _secret, ciphertext = key.encapsulate()
    return ciphertext


@_none_if_it_is_missing
def ml_kem_768_encapsulation_key() -> bytes | None:
    """Make a key pair and return the public half, 1184 bytes (FIPS 203)."""
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

    return MLKEM768PrivateKey.generate().public_key().public_bytes_raw()


__all__ = [
    "ml_kem_768_ciphertext",
    "ml_kem_768_encapsulation_key",
    "nist_public_key",
    "x448_public_key",
    "x25519_public_key",
]
