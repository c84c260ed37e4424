"""Decides whether an authenticated client's user may come in, and ends the connections of users who may not stay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Final, Protocol

from ..reasons import Reason
from .account import Account
from .fair_share import fair_share

CHECK_SECONDS: Final = 2.0


class LiveStream(Protocol):
    """A live connection, as far as users are concerned.

    Attributes:
        account: The client's; None for a visitor.
        network: The network that it comes from.
    """

    account: Account | None
    network: int | None

    def end(self, reason: Reason) -> None:
        """Make it end soon."""
        ...


class UserLimiter:
    """Counts the connections of users, and limits them.

    Args:
        live: Returns the live connections.
        now_unix: Returns Unix seconds.
        most_connections: The most connections of all users together, shared fairly; None: no limit.
        share_seconds: How long a computed share is used.
        check_seconds: How often users with live connections are checked; None: never, as nothing can change.
        now_mono: Returns monotonic seconds.
    """

    def __init__(
        self,
        live: Callable[[], Collection[LiveStream]],
        now_unix: Callable[[], float],
        most_connections: int | None = None,
        share_seconds: float = 1.0,
        check_seconds: float | None = CHECK_SECONDS,
        now_mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self._live = live
        self._now_unix = now_unix
        self._now_mono = now_mono
        self._most_connections = most_connections
        self._share_seconds = share_seconds
        self._check_seconds = check_seconds
        self._connections: dict[Account, int] = {}  # of each account that has any
        self._all_connections = 0
        self._without_place: set[LiveStream] = set()  # those that had to make room, until they have ended
        self._share = 0
        self._share_until_mono = 0.0
        self._checking: asyncio.TimerHandle | None = None

    def follow(self, now_unix: Callable[[], float], most_connections: int | None, check_seconds: float | None) -> None:
        """Go on with other settings; see the class for each. Nobody ends who has a place."""
        self.close()
        self._now_unix = now_unix
        self._most_connections = most_connections
        self._check_seconds = check_seconds
        self._share_until_mono = 0.0
        if self._connections:
            self._check_later()

    @property
    def share(self) -> int | None:
        """How many connections each user may have at the moment; None: no limit, or not reached."""
        most = self._most_connections
        if most is None or self._all_connections < most:
            return None
        if self._now_mono() >= self._share_until_mono:
            self._share = fair_share(self._connections.values(), max(most - 1, 1))  # with room for another one
            self._share_until_mono = self._now_mono() + self._share_seconds
        return self._share

    def refusal(self, account: Account, network: int | None) -> Reason | None:
        """Return why a user may not have a new connection from this network; None if it may.

        A network that has to make room for it does so at once.
        """
        reason = account.refusal(self._now_unix()) or self._full(account, network)
        if reason is not None:
            account.refusals[reason] += 1
        return reason

    def came(self, account: Account, stream: LiveStream) -> None:
        """Note a new connection of a user."""
        stream.account = account
        account.came(stream.network, self._now_unix(), self._now_mono())
        self._connections[account] = self._connections.get(account, 0) + 1
        self._all_connections += 1
        if self._checking is None:
            self._check_later()

    def moved(self, stream: LiveStream, from_client_bytes: int, to_client_bytes: int) -> None:
        """Note bytes that were relayed."""
        if (account := stream.account) is not None:
            account.moved(stream.network, from_client_bytes, to_client_bytes, self._now_unix(), self._now_mono())

    def left(self, stream: LiveStream) -> None:
        """Note the end of a connection; of a visitor's there is nothing to note."""
        if stream in self._without_place:
            self._without_place.discard(stream)
        elif stream.account is not None:
            self._give_up_place(stream.account, stream)

    def check(self) -> None:
        """End the connections of users who may not stay."""
        now_unix = self._now_unix()
        ending = {account for account in self._connections if account.refusal(now_unix) is not None}
        if ending:
            for stream in self._live():
                if stream.account in ending:
                    stream.end(Reason.USER)

    def close(self) -> None:
        """Stop checking."""
        if self._checking is not None:
            self._checking.cancel()
            self._checking = None

    def _full(self, account: Account, network: int | None) -> Reason | None:
        if account.has_all_connections:
            return Reason.USER_CONNECTIONS
        if not account.has_room_for(network) and not self._make_room(account):
            return Reason.USER_NETWORKS
        if (share := self.share) is not None and self._connections.get(account, 0) >= share:
            return Reason.USER_SHARE
        return None

    def _make_room(self, account: Account) -> bool:
        """End the connections of a still network; return whether there is one."""
        still = account.still_network(self._now_mono())
        if still is None:
            return False
        for stream in self._live():
            if stream.account is account and stream.network == still and stream not in self._without_place:
                self._give_up_place(account, stream)
                self._without_place.add(stream)
                stream.end(Reason.USER)
        return True

    def _give_up_place(self, account: Account, stream: LiveStream) -> None:
        account.left(stream.network)
        left = self._connections[account] - 1
        if left:
            self._connections[account] = left
        else:
            del self._connections[account]
        self._all_connections -= 1

    def _check_later(self) -> None:
        if self._check_seconds is not None:
            self._checking = asyncio.get_running_loop().call_later(self._check_seconds, self._check)

    def _check(self) -> None:
        self._checking = None
        self.check()
        if self._connections:
            self._check_later()
