"""SHA-256 and HMAC-SHA256 (RFC 2104).

The engine's if it is built: in a handshake, OpenSSL's lookup of the algorithm costs as much as the hash itself.
"""

from __future__ import annotations

try:
    from .._engine import hmac_sha256, sha256
except ImportError:
    import hashlib
    import hmac

    def hmac_sha256(key: bytes, data: bytes) -> bytes:
        """Return the 32 bytes for `data`."""
        return hmac.digest(key, data, hashlib.sha256)

    def sha256(data: bytes) -> bytes:
        """Return the 32 bytes for `data`."""
        return hashlib.sha256(data).digest()


__all__ = ["hmac_sha256", "sha256"]
