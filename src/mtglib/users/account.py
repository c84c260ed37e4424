"""A user with what belongs to it while the proxy runs: its usage and its live connections."""

from __future__ import annotations

from collections import Counter
from typing import Final

from ..reasons import Reason
from .usage import Usage
from .user import User

STILL_AFTER_SECONDS: Final = 30.0
"""A network whose connections have moved nothing for so long makes room for another one of the same user."""


class _UserNetwork:
    """A network that a user's connections come from."""

    __slots__ = ("connections", "moved_mono")

    def __init__(self) -> None:
        self.connections = 0
        self.moved_mono = 0.0


class Account:
    """What belongs to a user.

    Networks are numbers, as in `Visitor.network`; None: the client has no address, and no limit of networks.

    Args:
        user: The user.

    Attributes:
        user: The same, or what has replaced it.
        usage: What the user has used.
        connections: The number of live connections.
        refusals: How often the user was refused, by reason.
        is_removed: Whether there is no such user any more.
    """

    __slots__ = ("_networks", "connections", "is_removed", "refusals", "usage", "user")

    def __init__(self, user: User) -> None:
        self.user = user
        self.usage = Usage()
        self.connections = 0
        self.refusals: Counter[Reason] = Counter()
        self.is_removed = False
        self._networks: dict[int, _UserNetwork] = {}

    @property
    def networks(self) -> int:
        """The number of networks that the live connections come from."""
        return len(self._networks)

    def refusal(self, now_unix: float) -> Reason | None:
        """Return why the user may neither come in nor stay; None if it may."""
        limits = self.user.limits
        if self.is_removed or not limits.is_enabled:
            return Reason.USER_DISABLED
        if limits.expires_unix is not None and now_unix >= limits.expires_unix:
            return Reason.USER_EXPIRED
        if limits.quota_bytes is not None:
            used_bytes = self.usage.period_bytes(limits.quota_period, now_unix)
            if used_bytes >= limits.quota_bytes:
                return Reason.USER_QUOTA
        return None

    @property
    def has_all_connections(self) -> bool:
        """Whether the user has as many connections as it may have."""
        most = self.user.limits.max_connections
        return most is not None and self.connections >= most

    def has_room_for(self, network: int | None) -> bool:
        """Return whether a connection may come from this network, too."""
        most = self.user.limits.max_networks
        return most is None or network is None or network in self._networks or len(self._networks) < most

    def still_network(self, now_mono: float) -> int | None:
        """Return the network that has to make room: the one that has been still the longest, if that is long enough."""
        stillest = min(self._networks, key=lambda network: self._networks[network].moved_mono, default=None)
        if stillest is None or now_mono - self._networks[stillest].moved_mono < STILL_AFTER_SECONDS:
            return None
        return stillest

    def came(self, network: int | None, now_unix: float, now_mono: float) -> None:
        """Note a new connection."""
        self.connections += 1
        self.usage.count_stream(now_unix)
        if network is not None:
            known = self._networks.get(network)
            if known is None:
                known = self._networks[network] = _UserNetwork()
            known.connections += 1
            known.moved_mono = now_mono

    def moved(
        self, network: int | None, from_client_bytes: int, to_client_bytes: int, now_unix: float, now_mono: float
    ) -> None:
        """Note bytes that were relayed for one of them."""
        self.usage.count_bytes(from_client_bytes, to_client_bytes, now_unix)
        if network is not None and (known := self._networks.get(network)) is not None:
            known.moved_mono = now_mono

    def left(self, network: int | None) -> None:
        """Note the end of one of them."""
        self.connections -= 1
        if network is not None:
            known = self._networks[network]
            known.connections -= 1
            if not known.connections:
                del self._networks[network]
