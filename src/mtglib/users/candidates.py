"""Whose key a hello may have been made with, the likeliest first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, Self

from ..secret import Secret
from .account import Account
from .users import Users

MOST_AT_ONCE: Final = 16
"""So many keys are tried on the event loop: about 20 us."""

_MOST_NETWORKS: Final = 4096


class Keys(NamedTuple):
    """Accounts and their secrets and keys, in the same order.

    Attributes:
        accounts: The accounts.
        secrets: Their secrets, as they are now.
        keys: The secrets' keys.
    """

    accounts: Sequence[Account]
    secrets: Sequence[Secret]
    keys: Sequence[bytes]

    @classmethod
    def of(cls, accounts: Sequence[Account]) -> Self:
        """Return those of some accounts."""
        secrets = [account.user.secret for account in accounts]
        return cls(accounts, secrets, [secret.key for secret in secrets])


_NONE: Final = Keys.of(())


class Candidates:
    """Chooses the keys to try.

    Each key costs an HMAC of the whole hello. So a network's last user is tried alone first, and after that only the
    users of the site that the hello asks for.

    Args:
        users: The users.
    """

    def __init__(self, users: Users) -> None:
        self._users = users
        self._version = -1
        self._all = _NONE
        self._by_host: dict[str, Keys] = {}
        self._last: OrderedDict[int, Account] = OrderedDict()  # by network, those longest ago first

    @property
    def are_few(self) -> bool:
        """Whether all keys can be tried at once."""
        self._refresh()
        return len(self._all.keys) <= MOST_AT_ONCE

    @property
    def all(self) -> Keys:
        """All keys."""
        self._refresh()
        return self._all

    def last_of(self, network: int | None) -> Account | None:
        """Return the account that came last from a network; None if that isn't known."""
        account = None if network is None else self._last.get(network)
        return None if account is None or account.is_removed else account

    @property
    def hosts(self) -> Collection[str]:
        """The sites of all users, in lower case."""
        self._refresh()
        return self._by_host.keys()

    def of_host(self, host: str) -> Keys:
        """Return the keys of a site's users."""
        self._refresh()
        return self._by_host.get(host.lower(), _NONE)

    def matched(self, account: Account, network: int | None) -> None:
        """Note whose client came from a network."""
        if network is None:
            return
        self._last[network] = account
        self._last.move_to_end(network)
        if len(self._last) > _MOST_NETWORKS:
            self._last.popitem(last=False)

    def _refresh(self) -> None:
        if self._version == self._users.version:
            return
        self._version = self._users.version
        accounts = self._users.accounts
        by_host: dict[str, list[Account]] = {}
        for account in accounts:
            by_host.setdefault(account.user.secret.host.lower(), []).append(account)
        self._all = Keys.of(accounts)
        self._by_host = {host: Keys.of(ones) for host, ones in by_host.items()}
