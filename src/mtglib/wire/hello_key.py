"""The key of a ClientHello's shape, without the shape: what a client is answered is looked up by it.

The engine's if it is built: taking a hello apart in Python costs as much as a tenth of a connection.
"""

from __future__ import annotations

try:
    from .._engine import hello_key
except ImportError:
    from ..errors import ClientError
    from .hello_shape import parse_shape

    def hello_key(record: bytes) -> bytes | None:
        """Return the key of `hello_shape.parse_shape`; None if the hello is malformed."""
        try:
            return parse_shape(record).key
        except ClientError:
            return None


__all__ = ["hello_key"]
