"""The users of a proxy, which may change while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..errors import OptionError
from ..reasons import Reason
from .account import Account
from .user import User


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUsage:
    """What a user has used.

    Attributes:
        connections: The live connections.
        networks: The networks that they come from.
        streams: All connections so far.
        from_client_bytes, to_client_bytes: All bytes relayed in each direction.
        period_bytes: The bytes of both directions in the current period of the user's quota.
        last_seen_unix: When the last byte was relayed or the last connection made, Unix seconds; None: never.
        refusals: How often the user was refused since the start, by reason.
    """

    connections: int
    networks: int
    streams: int
    from_client_bytes: int
    to_client_bytes: int
    period_bytes: int
    last_seen_unix: float | None
    refusals: Mapping[Reason, int]


class Users:
    """Users by their names, in the order in which they were added.

    All changes hold for the next connection. They are made from the event loop's thread, and a change that isn't
    possible changes nothing. What a user has used stays with its name, until it is removed. No two users have the same
    key: it is how a client says who it is.

    Args:
        users: The first ones.

    Raises:
        OptionError: Two of them have the same name or key.
    """

    def __init__(self, users: Iterable[User] = ()) -> None:
        self._accounts: dict[str, Account] = {}
        self._names: dict[bytes, str] = {}  # by key
        self.version = 0
        self.set(users)

    def __len__(self) -> int:
        return len(self._accounts)

    def __iter__(self) -> Iterator[User]:
        return iter([account.user for account in self._accounts.values()])

    def __contains__(self, name: object) -> bool:
        return name in self._accounts

    def __repr__(self) -> str:
        return f"<Users: {len(self)}>"

    @property
    def accounts(self) -> Sequence[Account]:
        """The users with what belongs to them; for the proxy itself."""
        return tuple(self._accounts.values())

    def get(self, name: str) -> User | None:
        """Return the user of this name; None if there is none."""
        account = self._accounts.get(name)
        return None if account is None else account.user

    def add(self, user: User) -> None:
        """Add a user.

        Raises:
            OptionError: Another user has its name or key.
        """
        _check_user(user)
        if user.name in self._accounts:
            raise OptionError("name", f"one that no other user has, got {user.name}")
        self.set((*self, user))

    def replace(self, user: User) -> None:
        """Give the user of this name another secret or other limits. A new secret ends no connection.

        Raises:
            OptionError: There is no user of this name, or another one has its key.
        """
        _check_user(user)
        if user.name not in self._accounts:
            raise OptionError("name", f"that of a user, got {user.name}")
        self.set(user if user.name == other.name else other for other in self)

    def remove(self, name: str) -> None:
        """Remove a user, and what is known of its usage. Its connections end within 5 s.

        Raises:
            OptionError: There is no user of this name.
        """
        if name not in self._accounts:
            raise OptionError("name", "that of a user", name)
        self.set(user for user in self if user.name != name)

    def set(self, users: Iterable[User]) -> None:
        """Have these users and no others.

        Raises:
            OptionError: Two of them have the same name or key.
        """
        by_name: dict[str, User] = {}
        names: dict[bytes, str] = {}
        for user in users:
            _check_user(user)
            if user.name in by_name:
                raise OptionError("users", f"users of different names, got two of the name {user.name}")
            if (other := names.get(user.secret.key)) is not None:
                raise OptionError("users", f"users of different keys, got the same one for {other} and {user.name}")
            by_name[user.name], names[user.secret.key] = user, user.name
        for name, account in self._accounts.items():
            if name not in by_name:
                account.is_removed = True
        accounts = {}
        for name, user in by_name.items():
            account = self._accounts.get(name) or Account(user)
            account.user = user
            accounts[name] = account
        self._accounts, self._names = accounts, names
        self.version += 1

    def usage(self, name: str, now_unix: float) -> UserUsage | None:
        """Return what the user of this name has used; None if there is none."""
        account = self._accounts.get(name)
        if account is None:
            return None
        usage = account.usage
        return UserUsage(
            connections=account.connections,
            networks=account.networks,
            streams=usage.streams,
            from_client_bytes=usage.from_client_bytes,
            to_client_bytes=usage.to_client_bytes,
            period_bytes=usage.period_bytes(account.user.limits.quota_period, now_unix),
            last_seen_unix=usage.last_seen_unix or None,
            refusals=MappingProxyType(dict(account.refusals)),
        )


def _check_user(user: Any) -> None:
    if not isinstance(user, User):
        raise OptionError("users", f"a User, got {type(user).__name__}")
