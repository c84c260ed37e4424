"""Reads and changes a users-file. All calls block."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import mtglib
from mtg.config.decode import decode
from mtg.config.file_users import FileUsers, read_users_text, users_of_table
from mtg.config.redaction import redact, shown, shown_key
from mtg.config.schema import UserSection
from mtg.config.toml_file import table_of
from mtg.config.values import UserName
from mtg.configured_users import configured_users
from mtg.user_error import EXIT_USAGE, UserError, os_reason
from mtg.users_file.document import NotEditableError, Value, with_user, with_values, without_user
from mtg.users_file.errors import NoSuchUserError, UserRefusedError, UsersFileError, UserTakenError
from mtg.users_file.writing import ChangedError, version_of, write_whole

_TRIES = 5


class UsersFile:
    """A file with a table `[users.NAME]` for each user, as in the configuration.

    Each method that changes it reads it first, and returns all users that are in it afterwards. One that isn't there is
    made at the first change. Values are as in the configuration, by its keys: `{"quota": "10gb"}`.

    Args:
        path: The file.
        others: The users of the configuration, whose names and keys are taken.
        source: The configuration's name.
        now_unix: Returns Unix seconds.
    """

    def __init__(
        self,
        path: Path,
        others: Mapping[UserName, UserSection],
        source: str,
        now_unix: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self._others = others
        self._source = source
        self._now_unix = now_unix
        self._turn = threading.Lock()

    def load(self) -> tuple[mtglib.User, ...]:
        """Return its users.

        Raises:
            UsersFileError: It can't be read, or there is a problem with what is in it; one line for each.
        """
        return configured_users(self._users(self._table(self._text())).users)

    def add(self, name: str, values: Mapping[str, object], host: str) -> tuple[mtglib.User, ...]:
        """Add a user, with a new secret for a host if `values` has none.

        Raises:
            UserTakenError: There is a user of this name.
            UserRefusedError: The name or a value is invalid, or another user has the key.
            UsersFileError: The file is broken, or can't be written.
        """
        new = _checked_values(name, {key: value for key, value in values.items() if value is not None})
        if "secret" not in new:
            new = {"secret": _new_secret(host), **new}

        def edit(text: str, table: Mapping[str, Any]) -> str:
            if name in table.get("users", {}):
                raise UserTakenError(f"{shown_key(name)}: there is a user of this name")
            return with_user(text, name, new)

        return self._change(name, edit)

    def change(self, name: str, values: Mapping[str, object]) -> tuple[mtglib.User, ...]:
        """Change some values of a user; None takes a key away.

        Raises:
            NoSuchUserError: There is no user of this name.
            UserTakenError, UserRefusedError, UsersFileError: As for `add`.
        """
        new = _checked_values(name, {key: value for key, value in values.items() if value is not None})
        gone: dict[str, Value | None] = {key: None for key, value in values.items() if value is None}
        if "secret" in gone:
            raise UserRefusedError("secret: expected a secret", exit_code=EXIT_USAGE)
        if "secret" in new:
            gone["secret-file"] = None
        return self._change(name, lambda text, table: with_values(text, self._known(name, table), {**gone, **new}))

    def remove(self, name: str) -> tuple[mtglib.User, ...]:
        """Remove a user.

        Raises:
            NoSuchUserError: There is no user of this name.
            UserTakenError, UsersFileError: As for `add`.
        """
        return self._change(name, lambda text, table: without_user(text, self._known(name, table)))

    def rotate(self, name: str, host: str | None = None) -> tuple[mtglib.User, ...]:
        """Give a user a new key, and another host if there is one.

        Raises:
            NoSuchUserError: There is no user of this name.
            UserTakenError, UserRefusedError, UsersFileError: As for `add`.
        """

        def edit(text: str, table: Mapping[str, Any]) -> str:
            self._known(name, table)
            old = self._users(table).users[UserName(name)].secret
            assert old is not None
            return with_values(text, name, {"secret": _new_secret(host or old.host), "secret-file": None})

        return self._change(name, edit)

    def _known(self, name: str, table: Mapping[str, Any]) -> str:
        if name not in table.get("users", {}):
            raise NoSuchUserError(f"{shown_key(name)}: there is no user of this name")
        return name

    def _change(self, name: str, edit: Callable[[str, Mapping[str, Any]], str]) -> tuple[mtglib.User, ...]:
        if name in self._others:
            raise UserTakenError(f"{shown_key(name)}: is a user of {self._source}, and can only be changed there")
        with self._turn:
            for _ in range(_TRIES):
                try:
                    return self._change_once(edit)
                except ChangedError:  # in this very moment, by hand
                    continue
                except NotEditableError:
                    raise self._error("expected a table [users.NAME] for each user, and nothing else") from None
                except OSError as error:
                    raise self._error(f"can't be written: {os_reason(error)}") from error
            raise self._error("is being changed all the time by another program")

    def _change_once(self, edit: Callable[[str, Mapping[str, Any]], str]) -> tuple[mtglib.User, ...]:
        version = version_of(self.path)
        text = self._text()
        table = self._table(text)
        before = self._users(table)
        new_text = edit(text, table)
        found = self._found(self._table(new_text))
        if found.problems:
            new = [line for line in found.problems if line not in before.problems]
            raise UserRefusedError([line.removeprefix(f"{self._name}: ") for line in new], exit_code=EXIT_USAGE)
        users = configured_users(found.users)
        write_whole(self.path, new_text.encode(), version)
        return users

    def _text(self) -> str:
        try:
            return read_users_text(self.path)
        except UserError as error:
            raise UsersFileError(error.lines) from None

    def _table(self, text: str) -> Mapping[str, Any]:
        try:
            return table_of(self.path, text)
        except UserError as error:
            raise UsersFileError(error.lines) from None

    def _users(self, table: Mapping[str, Any]) -> FileUsers:
        found = self._found(table)
        if found.problems:
            raise UsersFileError(found.problems)
        return found

    def _found(self, table: Mapping[str, Any]) -> FileUsers:
        return users_of_table(table, self.path, self._others, self._source, self._now_unix())

    def _error(self, problem: str) -> UsersFileError:
        return UsersFileError(f"{self._name}: {problem}")

    @property
    def _name(self) -> str:
        return redact(str(self.path))


def _checked_values(name: str, values: Mapping[str, object]) -> dict[str, Value]:
    """Return the values as TOML has them.

    Raises:
        UserRefusedError: With a line for each that is invalid.
    """
    problems: list[str] = []
    try:
        UserName.parse(name)
    except ValueError as error:
        problems.append(f"name: expected {error}, got {shown(name)}")
    if "secret-file" in values:
        problems.append("secret-file: expected secret instead: a users-file holds the secrets itself")
    decode(UserSection, values, problems)
    if problems:
        raise UserRefusedError(problems, exit_code=EXIT_USAGE)
    return {key: _as_toml(key, value) for key, value in values.items()}


def _as_toml(key: str, value: Any) -> Value:
    if key == "expires" and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return moment if len(value) > len("2027-01-31") else date(moment.year, moment.month, moment.day)
    checked: Value = value
    return checked


def _new_secret(host: str) -> str:
    try:
        return mtglib.Secret.generate(host).hex()
    except mtglib.OptionError as error:
        raise UserRefusedError(f"host: expected {error.expected}, got {shown(host)}", exit_code=EXIT_USAGE) from None
