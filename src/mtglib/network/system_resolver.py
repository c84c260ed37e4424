"""The system's resolver."""

from __future__ import annotations

from ..ground.name_lookup import NameLookup
from .errors import ResolverClosedError
from .resolve import Answer


class SystemResolver:
    """Looks names up; may be used from several event loops, one after the other.

    There is no time-out: with a silent DNS server the system takes half a minute or more, so bound the wait, as
    `Direct.dial` does. Up to 32 look-ups run at once; others wait for their turn, and who gives up frees its place.
    """

    def __init__(self) -> None:
        self._lookup = NameLookup("mtg-resolver")
        self._closed = False

    async def resolve(self, host: str, port: int) -> list[Answer]:
        """Return the addresses of a name, in the system's order.

        Raises:
            OSError: There are none, or nobody could be asked.
        """
        if self._closed:
            raise ResolverClosedError
        return [(family, address) for family, _, _, _, address in await self._lookup.addresses(host, port)]

    async def aclose(self) -> None:
        """Answer who waits in this event loop with an error; the threads end when the system lets them."""
        self._closed = True
        self._lookup.give_up(ResolverClosedError())
