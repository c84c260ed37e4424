"""Makes the library's users of a configuration, and the file of what they have used."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import mtglib
from mtg.config import Loaded
from mtg.config.front_hosts import hosts_key
from mtg.config.schema import UserSection
from mtg.config.values import UserName
from mtg.directories import state_directory
from mtg.refusals import Refusals


def configured_user(name: str, section: UserSection) -> mtglib.User:
    """Return the user of a table that has a secret, and no problems."""
    assert section.secret is not None
    limits = mtglib.UserLimits(
        is_enabled=section.enabled,
        expires_unix=None if section.expires is None else float(section.expires),
        quota_bytes=None if section.quota is None else int(section.quota),
        quota_period=cast(mtglib.QuotaPeriod, str(section.quota_period)),
        max_connections=section.max_connections,
        max_networks=section.max_networks,
    )
    return mtglib.User(str(name), section.secret, limits)


def configured_users(sections: Mapping[UserName, UserSection]) -> tuple[mtglib.User, ...]:
    """Return the users of tables without problems."""
    return tuple(configured_user(name, section) for name, section in sections.items())


def users_of(loaded: Loaded) -> mtglib.Users:
    """Return all users; none if the configuration has problems."""
    return mtglib.Users(() if loaded.problems else configured_users(loaded.users))


def user_options(loaded: Loaded, users: mtglib.Users) -> dict[str, Any]:
    """Return the options of `mtglib.ProxyOpts` that say who may come in.

    Only the secret is a user as well, "default": so a reload may add others, and remove it.
    """
    if loaded.problems:  # there may be no secret
        return {"secret": loaded.first_secret or mtglib.Secret.generate("example.com")}
    return {"users": users, "max_user_connections": loaded.config.throttle.max_connections or None}


def front_addresses(loaded: Loaded, refusals: Refusals) -> dict[str, mtglib.FrontAddress]:
    """Return where each site of `domain-fronting.hosts` is reached."""
    made = {}
    for name, host in loaded.config.domain_fronting.hosts.items():
        address = partial(
            mtglib.FrontAddress,
            host=host.host,
            ip=host.ip,
            port=host.port or loaded.config.domain_fronting.port,
            proxy_protocol=bool(host.proxy_protocol),
        )
        made[str(name)] = refusals.make(address, {"host": f"{hosts_key(name)}.host"})
    return {name: address for name, address in made.items() if address is not None}


def usage_file_of(loaded: Loaded, users: mtglib.Users, logger: mtglib.Logger) -> mtglib.UsageFile | None:
    """Return the file of what users have used; None: there is only the secret, or no place for a file."""
    state = state_directory(loaded.config)
    return (
        None if loaded.has_only_the_secret or state is None else mtglib.UsageFile(users, state / "usage", logger=logger)
    )
