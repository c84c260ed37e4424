"""A ServerHello taken apart (RFC 8446, 4.1.3)."""

from __future__ import annotations

from dataclasses import dataclass

RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""What a HelloRetryRequest has in place of random bytes."""
KEY_SHARE = 51


@dataclass(frozen=True)
class ServerHello:
    """Its fields; ``extensions`` are numbers and contents, in the server's order."""

    version: bytes
    random: bytes
    session_id: bytes
    suite: bytes
    compression: bytes
    extensions: tuple[tuple[int, bytes], ...]

    @property
    def is_retry(self) -> bool:
        """Whether it is a HelloRetryRequest."""
        return self.random == RETRY_RANDOM


def parse_server_hello(body: bytes) -> ServerHello:
    """Read a message without its header; raises ValueError where it is cut."""
    if len(body) < 38 or len(body) < 38 + body[34]:
        raise ValueError(f"a ServerHello of {len(body)} bytes is cut")
    at = 35 + body[34]
    extensions, rest = [], body[at + 5 :]
    while rest:
        number, size = int.from_bytes(rest[:2], "big"), int.from_bytes(rest[2:4], "big")
        if len(rest) < 4 + size:
            raise ValueError(f"an extension of {len(rest)} bytes is cut")
        extensions.append((number, rest[4 : 4 + size]))
        rest = rest[4 + size :]
    return ServerHello(body[:2], body[2:34], body[35:at], body[at : at + 2], body[at + 2 : at + 3], tuple(extensions))
