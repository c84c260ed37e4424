"""A visitor's address, and the address of ours at which it arrived."""

from __future__ import annotations

from collections.abc import Callable

from .event_types import IPAddress
from .ground.endpoints import Endpoint

_IPV6_NETWORK_SHIFT = 64


class Visitor:
    """The addresses of a connection's two ends; Unix sockets have none.

    Args:
        client: Where the connection comes from.
        find_reached: Returns the address of ours that the connection was made to; None: it has none. It is called when
            that is first asked for: the site's visitors need it, and clients are spared a system call.

    Attributes:
        ip: The client's address.
        network: A number for the client's network: its IPv4 address, or the /64 of its IPv6 address, which one client
            has.
    """

    __slots__ = ("_find_reached", "_reached", "client", "ip", "network")

    def __init__(self, client: Endpoint | None, find_reached: Callable[[], Endpoint | None] | None = None) -> None:
        self.client = client
        self.ip = None if client is None else client.ip
        self.network = None if self.ip is None else _network(self.ip)
        self._find_reached = find_reached
        self._reached: Endpoint | None = None

    @property
    def reached(self) -> Endpoint | None:
        """The address of ours that the connection was made to."""
        if self._find_reached is not None:
            self._reached, self._find_reached = self._find_reached(), None
        return self._reached

    def let_go(self) -> None:
        """Find nothing more: that would keep the socket, which is given away."""
        self._find_reached = None


def _network(ip: IPAddress) -> int:
    return int(ip) if ip.version == 4 else -1 - (int(ip) >> _IPV6_NETWORK_SHIFT)
