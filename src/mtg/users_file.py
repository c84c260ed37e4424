"""The file in which users are kept that were made while the program runs: `[users.NAME]` tables of TOML.

People edit it, too: comments and order stay, and each change starts from what is in the file then. It is written as a
whole, beside the old one, and takes its place in one step, so that a power cut leaves one or the other. Where that
can't be, because the file is mounted by itself or only the file may be written, it is written in place.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError
from tomlkit.items import Table

from mtg.user_error import UserError, os_reason

MOST_BYTES = 16 * 1024 * 1024
"""A hundred thousand users."""

_NO_PLACE_BESIDE = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_REPLACING = (errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM)
_NEW_FILE_MODE = 0o600


class UsersFile:
    """Users on disk. Its methods wait for the disk, and not for each other: the caller calls one at a time.

    Args:
        path: The file; it need not exist yet. If it is a link, what it leads to is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, dict[str, Any]]:
        """Return the table of each user by name, as TOML has it.

        Raises:
            UserError: The file can't be read, or isn't what it should be.
        """
        users: dict[str, dict[str, Any]] = self._document().unwrap().get("users", {})
        return users

    def put(self, name: str, values: Mapping[str, Any]) -> None:
        """Set some of a user's values, and remove those that are None. A user that isn't there is added.

        Raises:
            UserError: The file can't be read or written, or isn't what it should be. Nothing has changed.
        """
        document = self._document()
        users = document.get("users")
        if users is None:
            users = document["users"] = tomlkit.table(is_super_table=True)
        if name not in users:
            users[name] = tomlkit.table()
        _update(users[name], values)
        self._write(document)

    def remove(self, name: str) -> bool:
        """Remove a user; return whether it was there.

        Raises:
            UserError: As from `put`.
        """
        document = self._document()
        users = document.get("users", {})
        if name not in users:
            return False
        del users[name]
        self._write(document)
        return True

    def _document(self) -> tomlkit.TOMLDocument:
        try:
            with self._path.open("rb") as file:
                raw = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return tomlkit.document()
        except OSError as error:
            raise self._error(f"can't be read: {os_reason(error)}") from error
        if len(raw) > MOST_BYTES:
            raise self._error(f"expected at most {MOST_BYTES} bytes, got a larger file")
        try:
            document = tomlkit.parse(raw.decode("utf-8-sig"))
            users = document.unwrap().get("users", {})
        except (TOMLKitError, UnicodeDecodeError) as error:
            place = f":{error.line}" if isinstance(error, ParseError) else ""
            raise UserError(f"{self._path}{place}: isn't TOML (nothing has changed)") from error
        if not isinstance(users, dict) or not all(isinstance(user, dict) for user in users.values()):
            raise self._error("users: expected a table [users.NAME] for each user")
        return document

    def _write(self, document: tomlkit.TOMLDocument) -> None:
        data = tomlkit.dumps(document).encode()
        path = os.path.realpath(self._path)
        try:
            if not _replace(path, data):
                _overwrite(path, data)
        except OSError as error:
            raise self._error(f"can't be written: {os_reason(error)}") from error

    def _error(self, what: str) -> UserError:
        return UserError(f"{self._path}: {what} (nothing has changed)")


def _update(table: Any, values: Mapping[str, Any]) -> None:
    """Set values of a table. New ones come before the comments at its end, which belong to the next table."""
    body: list[Any] = table.value.body if isinstance(table, Table) else []
    end: list[Any] = []
    while body and body[-1][0] is None:  # a comment or an empty line
        end.insert(0, body.pop())
    for key, value in values.items():
        if value is not None:
            table[key] = value
        elif key in table:
            del table[key]
    body += end


def _replace(path: str, data: bytes) -> bool:
    """Put a new file in the place of the old one; return whether that is possible here."""
    beside = f"{path}.new"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _NEW_FILE_MODE)
    except OSError as error:
        if error.errno in _NO_PLACE_BESIDE and os.path.exists(path):
            return False
        raise
    try:
        with open(descriptor, "wb") as file:
            _keep_owner(path, file.fileno())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        if error.errno in _NO_REPLACING:
            return False
        raise
    _sync_folder(os.path.dirname(path))
    return True


def _keep_owner(path: str, descriptor: int) -> None:
    """Give a new file the owner and the mode of the old one."""
    with contextlib.suppress(OSError):
        status = os.stat(path)
        os.fchmod(descriptor, status.st_mode & 0o777)
        os.fchown(descriptor, status.st_uid, status.st_gid)


def _overwrite(path: str, data: bytes) -> None:
    """Write a file in place. If that fails, it gets back what it had."""
    with open(path, "r+b", buffering=0) as file:
        before = file.read()
        try:
            _fill(file.fileno(), data)
        except OSError:
            _fill(file.fileno(), before)
            raise


def _fill(descriptor: int, data: bytes) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], written)
    os.ftruncate(descriptor, len(data))
    os.fsync(descriptor)


def _sync_folder(folder: str) -> None:
    with contextlib.suppress(OSError):  # some file systems can't
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
