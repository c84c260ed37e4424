"""The interface of a resolver."""

from __future__ import annotations

import socket
from typing import Any, Protocol, TypeAlias, runtime_checkable

Answer: TypeAlias = tuple[socket.AddressFamily, Any]
"""An address family, and an address as `socket.connect` takes it."""


@runtime_checkable
class Resolver(Protocol):
    """Looks up the addresses of names."""

    async def resolve(self, host: str, port: int) -> list[Answer]:
        """Return the addresses of a name, including the port, best first within each family.

        Callers can cancel at any time.

        Raises:
            OSError, TimeoutError: The name has no addresses, or the lookup failed.
        """
        ...


@runtime_checkable
class ClosableResolver(Resolver, Protocol):
    """A resolver that may hold connections; its owner closes it, for example with `contextlib.aclosing`."""

    async def aclose(self) -> None:
        """Close all connections. Pending and later calls of `resolve` raise a `ResolverClosedError`."""
        ...
