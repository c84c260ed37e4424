"""The users of a `users-file`: the file that changes while the proxy runs, beside the configuration, which doesn't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtg.config.decode import decode
from mtg.config.redaction import redact, shown_key
from mtg.config.schema import UserSection, UsersFileTable
from mtg.config.secret_files import permission_warning
from mtg.config.toml_file import read_text, table_of
from mtg.config.users import check_secrets, same_keys, user_notes, with_secret_files
from mtg.config.values import UserName


@dataclass(frozen=True, slots=True)
class FileUsers:
    """What is in a `users-file`.

    Attributes:
        users: Its users, without those that have a problem.
        problems: One line each, with the file's name.
        warnings: Likewise.
    """

    users: Mapping[UserName, UserSection] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_users_file(path: Path, others: Mapping[UserName, UserSection], source: str, now_unix: float) -> FileUsers:
    """Read a file; one that isn't there has no users.

    Args:
        path: The file.
        others: The users of the configuration itself.
        source: The configuration's name.
        now_unix: The present, Unix seconds.

    Raises:
        UserError: With EXIT_USAGE: it can't be read, or isn't TOML.
    """
    if not path.exists():
        return FileUsers()
    found = users_of_table(table_of(path, read_text(path)), path, others, source, now_unix)
    warnings = (*permission_warning(path), *found.warnings) if found.users else found.warnings
    return FileUsers(found.users, found.problems, warnings)


def users_of_table(
    table: Mapping[str, Any], path: Path, others: Mapping[UserName, UserSection], source: str, now_unix: float
) -> FileUsers:
    """Return the users of a file's table; for the arguments see `read_users_file`."""
    problems: list[str] = []
    warnings: list[str] = []
    users = decode(UsersFileTable, table, problems).users
    check_secrets(users, table, problems)
    problems += [
        f"users.{shown_key(name)}: expected a name that no other user has, got that of a user in {source}"
        for name in users
        if name in others
    ]
    users = with_secret_files(users, path.parent, problems, warnings)
    problems += same_keys(users, others)
    warnings += user_notes(users, now_unix)
    title = redact(str(path))
    return FileUsers(
        {name: user for name, user in users.items() if user.secret is not None and name not in others},
        tuple(f"{title}: {problem}" for problem in problems),
        tuple(f"{title}: {warning}" for warning in warnings),
    )
