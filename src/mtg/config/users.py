"""The users of a configuration: those of all its keys and tables together, and what can be wrong with them.

The top-level `secret` is the same as `[users.default] secret`, and a line of mtg-multi's `[secrets]` is the same as a
`secret` in `[users.NAME]`. So both kinds of users can be given limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from mtg.config.redaction import shown_key
from mtg.config.schema import Config, UserSection
from mtg.config.secret_files import permission_warning, read_secret_file
from mtg.config.values import UserName

DEFAULT_USER = UserName("default")
LEAST_CONNECTIONS = 16
LEAST_NETWORKS = 3


def merged_users(config: Config, table: Mapping[str, Any], problems: list[str]) -> dict[UserName, UserSection]:
    """Return the users of `secret`, `[secrets]` and `[users.NAME]`, those that come first in the file first."""
    secrets = dict(config.secrets)
    if config.secret is not None:
        secrets = {DEFAULT_USER: config.secret, **secrets}
    users: dict[UserName, UserSection] = {}
    for name in [*([DEFAULT_USER] if config.secret else []), *_in_order(config, table)]:
        user, secret = config.users.get(name, UserSection()), secrets.get(name)
        if secret is not None and (user.secret is not None or user.secret_file is not None) and name not in users:
            where = "in [secrets]" if name in config.secrets else "at the top of the file"
            problems.append(f"users.{shown_key(name)}.secret: expected one secret, got another one {where}")
        users[name] = user if secret is None else replace(user, secret=secret, secret_file=None)
    return users


def check_secrets(users: Mapping[UserName, UserSection], table: Mapping[str, Any], problems: list[str]) -> None:
    """Report users who have no secret, or two; invalid ones have been reported already."""
    for name, user in users.items():
        tables = table.get("users")
        written = tables.get(name, {}) if isinstance(tables, Mapping) else {}
        given_file = written.get("secret-file")
        if "secret" in written and given_file is not None:
            problems.append(
                f"users.{shown_key(name)}.secret-file: expected only one of secret and secret-file, got both"
            )
        elif user.secret is None and user.secret_file is None and "secret" not in written and not given_file:
            problems.append(f"users.{shown_key(name)}.secret: missing; `mtg generate-secret HOST` makes one")


def with_secret_files(
    users: Mapping[UserName, UserSection], directory: Path, problems: list[str], warnings: list[str]
) -> dict[UserName, UserSection]:
    """Return the users with the secrets that their `secret-file`s hold; relative names begin at `directory`."""
    read: dict[UserName, UserSection] = {}
    for name, user in users.items():
        secret = user.secret
        if secret is None and user.secret_file is not None:
            key = f"users.{shown_key(name)}.secret-file"
            secret = read_secret_file(directory, user.secret_file, key, problems)
            warnings += permission_warning(directory / user.secret_file)
        read[name] = replace(user, secret=secret)
    return read


def same_keys(users: Mapping[UserName, UserSection], others: Mapping[UserName, UserSection]) -> Iterator[str]:
    """Yield a line for each user who has the key of another one, or of one of `others`."""
    names = {user.secret.key: name for name, user in others.items() if user.secret is not None}
    for name, user in users.items():
        if user.secret is not None and (other := names.setdefault(user.secret.key, name)) != name:
            yield (
                f"users.{shown_key(name)}.secret: expected a key that no other user has, got that of {shown_key(other)}"
            )


def user_notes(users: Mapping[UserName, UserSection], now_unix: float) -> Iterator[str]:
    """Yield a line for each setting that is probably a mistake."""
    for name, user in users.items():
        key = f"users.{shown_key(name)}"
        if user.expires is not None and user.expires <= now_unix:
            yield f"{key}.expires: {user.expires} is in the past, so this user can't connect"
        if user.max_connections is not None and user.max_connections < LEAST_CONNECTIONS:
            yield (
                f"{key}.max-connections: {user.max_connections} is too few for a phone, which opens many at once "
                f"(at least {LEAST_CONNECTIONS} is better)"
            )
        if user.max_networks is not None and user.max_networks < LEAST_NETWORKS:
            yield (
                f"{key}.max-networks: {user.max_networks} is too few for a phone, which has IPv4 and IPv6 and leaves "
                f"its Wi-Fi at times (at least {LEAST_NETWORKS} is better)"
            )
        if user.quota is None and user.quota_period != "total":
            yield f"{key}.quota-period: has no effect without quota"


def _in_order(config: Config, table: Mapping[str, Any]) -> Iterator[UserName]:
    for heading in table:
        if heading == "secrets":
            yield from config.secrets
        elif heading == "users":
            yield from config.users
