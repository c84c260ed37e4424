"""Telegram's data centres: their addresses, and how to find the one that a client asks for.

Source of the addresses: the tables built into Telegram's own clients (TDLib's ConnectionCreator, tdesktop).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import chain
from typing import Final, NamedTuple

from .constants import PreferIP
from .errors import ClientError
from .event_types import IPAddress
from .reasons import Reason

DEFAULT_DC: Final = 2
"""The DC for clients that don't care, and for those that want an unknown one where fallback is allowed."""

_TEST_DC_OFFSET = 10_000
_PORT = 443


@dataclass(frozen=True, slots=True)
class DCAddress:
    """An address of a DC.

    Attributes:
        ip, port: The address.
        host: The IP address as text, as `Network.dial` takes it.
    """

    ip: IPAddress
    port: int
    host: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "host", str(self.ip))


def _table(rows: Mapping[int, Sequence[str]]) -> Mapping[int, tuple[DCAddress, ...]]:
    return {dc: tuple(DCAddress(ip_address(ip), _PORT) for ip in ips) for dc, ips in rows.items()}


PRODUCTION: Final = _table(
    {
        1: ("149.154.175.50", "2001:b28:f23d:f001::a"),
        2: ("149.154.167.51", "95.161.76.100", "2001:67c:4e8:f002::a"),
        3: ("149.154.175.100", "2001:b28:f23d:f003::a"),
        4: ("149.154.167.91", "2001:67c:4e8:f004::a"),
        5: ("149.154.171.5", "2001:b28:f23f:f005::a"),
        203: ("91.105.192.100", "2a0a:f280:203:a:5000::100"),
    }
)
TEST: Final = _table(
    {
        1: ("149.154.175.10", "2001:b28:f23d:f001::e"),
        2: ("149.154.167.40", "2001:67c:4e8:f002::e"),
        3: ("149.154.175.117", "2001:b28:f23d:f003::e"),
    }
)


class DCChoice(NamedTuple):
    """The result of a lookup.

    Attributes:
        dc: The positive number of the DC that will be dialled.
        requested: The number that our frame tells the DC.
        addresses: The addresses to try, in this order; never empty.
    """

    dc: int
    requested: int
    addresses: tuple[DCAddress, ...]


class DCTable:
    """Chooses a DC's addresses.

    Args:
        prefer_ip: "prefer-*" puts a family first, "only-*" leaves the other out.
        use_test_dcs: Numbers over 10 000 mean Telegram's test DCs.
        allow_fallback: An unknown DC is replaced by `DEFAULT_DC`.
        overrides: Addresses that replace all others of their DC, and make it a known one.
    """

    def __init__(
        self,
        prefer_ip: PreferIP,
        *,
        use_test_dcs: bool = False,
        allow_fallback: bool = False,
        overrides: Mapping[int, Sequence[DCAddress]] | None = None,
    ) -> None:
        test = {_TEST_DC_OFFSET + dc: addresses for dc, addresses in TEST.items()} if use_test_dcs else {}
        known: Mapping[int, Sequence[DCAddress]] = {**PRODUCTION, **test, **(overrides or {})}
        self._families = {dc: _families(addresses, prefer_ip) for dc, addresses in known.items()}
        self._allow_fallback = allow_fallback

    def choose(self, requested: int) -> DCChoice:
        """Find the addresses for the number in a client's frame.

        Raises:
            ClientError: UNKNOWN_DC: there is no such DC, and no fallback.
        """
        dc = abs(requested) or DEFAULT_DC
        if addresses := self._addresses(dc):
            return DCChoice(dc, requested, addresses)
        if self._allow_fallback and (addresses := self._addresses(DEFAULT_DC)):
            return DCChoice(DEFAULT_DC, DEFAULT_DC, addresses)
        raise ClientError(Reason.UNKNOWN_DC, f"DC {requested} isn't known")

    def unreachable(self) -> int | None:
        """Return a known DC for which `prefer_ip` leaves no address, or None if there is none."""
        return next((dc for dc in self._families if not self._addresses(dc)), None)

    def _addresses(self, dc: int) -> tuple[DCAddress, ...]:
        families = self._families.get(dc, ())
        for family in families:
            if len(family) > 1:
                random.shuffle(family)  # so that a DC's addresses share the load
        return tuple(chain.from_iterable(families))


def _families(addresses: Sequence[DCAddress], prefer_ip: PreferIP) -> tuple[list[DCAddress], ...]:
    """Split a DC's addresses into the families that are dialled, in their order."""
    mode, version = prefer_ip.split("-ipv")
    preferred = [address for address in addresses if address.ip.version == int(version)]
    others = [address for address in addresses if address.ip.version != int(version)]
    return (preferred, others) if mode == "prefer" else (preferred,)
