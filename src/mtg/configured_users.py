"""Makes the library's users of a configuration, and the file of what they have used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import mtglib
from mtg.config import Loaded
from mtg.config.schema import UserSection
from mtg.config.values import UserName
from mtg.directories import state_directory
from mtglib.users import QuotaPeriod, UsageFile, User, UserLimits, Users


def configured_user(name: str, section: UserSection) -> User:
    """Return the user of a table that has a secret, and no problems."""
    assert section.secret is not None
    limits = UserLimits(
        is_enabled=section.enabled,
        expires_unix=None if section.expires is None else float(section.expires),
        quota_bytes=None if section.quota is None else int(section.quota),
        quota_period=cast(QuotaPeriod, str(section.quota_period)),
        max_connections=section.max_connections,
        max_networks=section.max_networks,
    )
    return User(str(name), section.secret, limits)


def configured_users(sections: Mapping[UserName, UserSection]) -> tuple[User, ...]:
    """Return the users of tables without problems."""
    return tuple(configured_user(name, section) for name, section in sections.items())


def users_of(loaded: Loaded) -> Users:
    """Return all users; none if the configuration has problems."""
    return Users(() if loaded.problems else configured_users(loaded.users))


def usage_file_of(loaded: Loaded, users: Users, logger: mtglib.Logger) -> UsageFile | None:
    """Return the file of what users have used; None: there is only the secret, or no place for a file."""
    state = state_directory(loaded.config)
    return None if loaded.has_only_the_secret or state is None else UsageFile(users, state / "usage", logger=logger)
