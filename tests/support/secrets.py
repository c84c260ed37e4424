"""A proxy's secret, as a client knows it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol


class SecretLike(Protocol):
    """Anything with a 16-byte key and a host: ours, or the library's own."""

    @property
    def key(self) -> bytes:
        """The key that client and proxy share."""

    @property
    def host(self) -> str:
        """The host that the client asks for in its hello."""


@dataclass(frozen=True)
class PeerSecret:
    """The tests' own secret, made without the library."""

    key: bytes
    host: str

    @classmethod
    def random(cls, host: str = "front.example") -> PeerSecret:
        """Make one with a new key."""
        return cls(os.urandom(16), host)


def secret_hex(secret: SecretLike) -> str:
    """The text form for links and TDLib: ``ee``, the key, the host."""
    return (b"\xee" + secret.key + secret.host.encode("ascii")).hex()
