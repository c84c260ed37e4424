"""What a resolver is."""

from __future__ import annotations

import socket
from typing import Any, Protocol, TypeAlias, runtime_checkable

Answer: TypeAlias = tuple[socket.AddressFamily, Any]
"""An address family, and an address as `socket.connect` takes it."""


@runtime_checkable
class Resolver(Protocol):
    """Finds the addresses of names."""

    async def resolve(self, host: str, port: int) -> list[Answer]:
        """Return the addresses of a name, with the port in them, best first within each family.

        Who waits may give up at any time, by cancelling.

        Raises:
            OSError, TimeoutError: There are none, or nobody could be asked.
        """
        ...


@runtime_checkable
class ClosableResolver(Resolver, Protocol):
    """A resolver that may hold connections; whoever made it closes it, as with `contextlib.aclosing`."""

    async def aclose(self) -> None:
        """Close what is open. Who still waits for an answer, or asks later, gets a `ResolverClosedError`."""
        ...
