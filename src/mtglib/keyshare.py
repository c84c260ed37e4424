"""Key shares for our answers: real X25519 public keys, whose private halves nobody needs."""

try:
    from ._engine import x25519_public_key as new_x25519_public_key
except ImportError:

    def new_x25519_public_key() -> bytes:
        """Make a key pair and return the public half, 32 bytes (RFC 7748)."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        return X25519PrivateKey.generate().public_key().public_bytes_raw()


__all__ = ["new_x25519_public_key"]
