"""The addresses of an anti-replay server; the one that failed most recently is tried last."""

from __future__ import annotations

from ..ground.endpoints import canonical_ip
from ..ground.name_lookup import NameLookup


class ServerAddresses:
    """Looks one server up, and remembers which of its addresses failed."""

    def __init__(self) -> None:
        self._lookup = NameLookup("mtg-redis")
        self._failed = ""

    @property
    def is_asked_for(self) -> bool:
        """Whether the lookup isn't finished yet."""
        return self._lookup.is_under_way

    async def of(self, host: str, port: int) -> list[str]:
        """Return at least one IP address, in the order in which to try them.

        Raises:
            OSError: The name has no address, or the lookup failed.
        """
        if canonical_ip(host) is not None:
            return [host]
        found = [_with_zone(*address) for *_, address in await self._lookup.addresses(host, port)]
        first = found.index(self._failed) + 1 if self._failed in found else 0
        return found[first:] + found[:first]

    def failed(self, address: str) -> None:
        """Begin with the address after this one from now on."""
        self._failed = address


def _with_zone(ip: str | int, _port: int | bytes, _flow: int = 0, zone: int = 0) -> str:
    return f"{ip}%{zone}" if zone else str(ip)
