"""A visitor's address, and the address of ours at which it arrived."""

from __future__ import annotations

from typing import NamedTuple

from .event_types import IPAddress
from .ground.endpoints import Endpoint

_IPV6_NETWORK_SHIFT = 64


class Visitor(NamedTuple):
    """The addresses of a connection's two ends; Unix sockets have none.

    Attributes:
        client: Where the connection comes from.
        reached: The address of ours that it was made to.
    """

    client: Endpoint | None
    reached: Endpoint | None

    @property
    def ip(self) -> IPAddress | None:
        """The client's address."""
        return self.client and self.client.ip

    @property
    def network(self) -> int | None:
        """A number for the client's network: its IPv4 address, or the /64 of its IPv6 address, which one client has."""
        if self.client is None:
            return None
        ip = self.client.ip
        return int(ip) if ip.version == 4 else -1 - (int(ip) >> _IPV6_NETWORK_SHIFT)
