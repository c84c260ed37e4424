"""Reads a configuration file and the files it names; only this and the modules it calls touch the file system."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from msgspec import structs

import mtglib
from mtg.config.decode import decode
from mtg.config.file_users import FileUsers, read_users_file
from mtg.config.front_hosts import check_hosts
from mtg.config.misplaced import moved_to_the_top
from mtg.config.redaction import shown
from mtg.config.rules import Findings, settle
from mtg.config.schema import Config, UserSection
from mtg.config.secret_files import permission_warning, read_secret_file
from mtg.config.toml_file import read_text, table_of
from mtg.config.users import check_secrets, merged_users, same_keys, user_notes, with_secret_files
from mtg.config.values import UserName
from mtg.config.written import got
from mtg.user_error import UserError


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration as read from a file. `mtg.build` checks whether it can be run.

    Attributes:
        source: The file it was read from.
        config: Its values; an invalid one is replaced by its default.
        warnings: Warnings about it, one line each.
        problems: The problems of the configuration itself, one line each, all starting with `source`, or with the name
            of `users_file`.
        table: The configuration as written, but for misplaced keys; contains secrets.
        users_file: The file of more users, which can be changed while the proxy runs.
        file_users: Its users.
    """

    source: str
    config: Config
    warnings: tuple[str, ...]
    problems: tuple[str, ...] = ()
    table: Mapping[str, Any] = field(default_factory=dict, repr=False)
    users_file: Path | None = None
    file_users: Mapping[UserName, UserSection] = field(default_factory=dict)

    @property
    def users(self) -> Mapping[UserName, UserSection]:
        """All users, those of the configuration first."""
        return {**self.config.users, **self.file_users}

    @property
    def has_only_the_secret(self) -> bool:
        """Whether there are no users but the one of the top-level `secret`, who has no limits."""
        return self.users_file is None and not any(self.table.get(key) for key in ("users", "secrets"))

    @property
    def first_secret(self) -> mtglib.Secret | None:
        """The secret of the first user; None: there is none yet."""
        return next((user.secret for user in self.users.values() if user.secret is not None), None)

    @property
    def secret(self) -> mtglib.Secret:
        """The secret of a configuration that has one without problems."""
        secret = self.first_secret
        assert secret is not None
        return secret

    def is_refused(self, key: str) -> bool:
        """Whether a key was given an invalid value, and so has its default."""
        return any(problem.startswith(f"{self.source}: {key}: ") for problem in self.problems)

    def problem(self, key: str, expected: str) -> str:
        """Return the line for an invalid value; it shows the value unless it may contain a password."""
        return f"{self.source}: {key}: expected {expected}{got(self.config, self.table, key)}"


def load_config(path: Path) -> Loaded:
    """Read the file and the files it refers to; problems with its values are in the returned object.

    Raises:
        UserError: With EXIT_USAGE and a line that starts with the file's name: the file can't be read or isn't TOML.
    """
    loaded = config_from_table(table_of(path, read_text(path)), source=str(path), directory=path.parent)
    warnings = permission_warning(path) if _has_secrets(loaded.table) else ()
    return replace(loaded, warnings=(*warnings, *loaded.warnings))


def config_from_table(table: Mapping[str, Any], *, source: str, directory: Path = Path()) -> Loaded:
    """Read a table of TOML values, whose file names are relative to `directory`; `source` begins each problem."""
    findings, now_unix = Findings(), time.time()
    table = moved_to_the_top(table, findings.problems)
    config = decode(Config, table, findings.problems)
    config = settle(config, table, findings)
    if config.secret_file is not None and config.secret is None and "secret" not in table:
        secret = read_secret_file(directory, config.secret_file, "secret-file", findings.problems)
        findings.warnings += permission_warning(directory / config.secret_file)
        config = structs.replace(config, secret=secret)
    config = structs.replace(config, users=_read_users(config, table, directory, findings))
    findings.warnings += user_notes(config.users, now_unix)
    check_hosts(config, table, findings.problems, findings.warnings)
    in_file = FileUsers()
    if config.users_file is not None:
        in_file = _read_users_file(directory, config, source, now_unix, findings.problems)
    return Loaded(
        source=source,
        config=config,
        warnings=(*findings.warnings, *in_file.warnings),
        problems=(*(f"{source}: {problem}" for problem in findings.problems), *in_file.problems),
        table=table,
        users_file=None if config.users_file is None else directory / config.users_file,
        file_users=in_file.users,
    )


def _read_users(
    config: Config, table: Mapping[str, Any], directory: Path, findings: Findings
) -> dict[UserName, UserSection]:
    users = merged_users(config, table, findings.problems)
    check_secrets(users, table, findings.problems)
    users = with_secret_files(users, directory, findings.problems, findings.warnings)
    findings.problems += same_keys(users, {})
    return users


def _read_users_file(directory: Path, config: Config, source: str, now_unix: float, problems: list[str]) -> FileUsers:
    name = config.users_file or ""
    if "\0" in name:
        problems.append(f"users-file: expected a file name, got {shown(name)}")
        return FileUsers()
    try:
        return read_users_file(directory / name, config.users, source, now_unix)
    except UserError as error:
        return FileUsers(problems=error.lines)


def _has_secrets(table: Mapping[str, Any]) -> bool:
    users = table.get("users")
    found = users.values() if isinstance(users, Mapping) else ()
    return any(key in table for key in ("secret", "secrets")) or any("secret" in user for user in found)
