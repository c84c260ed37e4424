"""The system's resolver."""

from __future__ import annotations

from ..ground.name_lookup import NameLookup
from .errors import ResolverClosedError
from .resolve import Answer


class SystemResolver:
    """The system's resolver; may be used from several event loops, one after the other.

    It has no time-out: if the DNS server doesn't answer, the system takes half a minute or more, so limit the wait, as
    `Direct.dial` does. Up to 32 lookups run at once; others wait for their turn, and cancelling a lookup frees its
    place.
    """

    def __init__(self) -> None:
        self._lookup = NameLookup("mtg-resolver")
        self._closed = False

    async def resolve(self, host: str, port: int) -> list[Answer]:
        """Return the addresses of a name, in the system's order.

        Raises:
            OSError: The name has no addresses, or the lookup failed.
        """
        if self._closed:
            raise ResolverClosedError
        return [(family, address) for family, _, _, _, address in await self._lookup.addresses(host, port)]

    async def aclose(self) -> None:
        """Make pending lookups of this event loop raise an error; their threads end when the system call returns."""
        self._closed = True
        self._lookup.give_up(ResolverClosedError())
