"""The users of a `users-file`: the file that changes while the proxy runs, beside the configuration, which doesn't."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
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
from mtg.user_error import UserError


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
    found = users_of_table(table_of(path, read_users_text(path)), path, others, source, now_unix)
    warnings = (*permission_warning(path), *found.warnings) if found.users else found.warnings
    return FileUsers(found.users, found.problems, warnings)


def read_users_text(path: Path) -> str:
    """Return the text of a file; of one that isn't there, an empty one.

    Raises:
        UserError: With EXIT_USAGE: it can't be read, or isn't UTF-8.
    """
    return "" if is_missing(path) else read_text(path, may_be_pipe=False)


def is_missing(path: Path) -> bool:
    """Return whether there is no such file. One that can't be looked for is there: reading it reports the error."""
    with suppress(OSError):
        try:
            path.stat()
        except FileNotFoundError:
            return True
    return False


def check_still_there(path: Path, in_use: Iterable[str], others: Collection[str]) -> None:
    """Check that a file whose users are in use isn't gone: it may be replaced in this moment, or its disk be away.

    Args:
        path: The file.
        in_use: The names of the running proxy's users.
        others: Those of them who are the configuration's.

    Raises:
        UserError: It is gone.
    """
    if is_missing(path) and any(name not in others for name in in_use):
        raise UserError(f"{redact(str(path))}: is gone, and its users are in use (an empty file would remove them)")


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
