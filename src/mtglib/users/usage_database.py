"""The database of a usage file: SQLite, used by one process at a time. All calls block, and come from one thread."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, fields
from pathlib import Path
from typing import Final

from .usage import Usage
from .usage_errors import UsageFileAwayError, UsageFileBrokenError, UsageFileTakenError

KEPT_SECONDS: Final = 31 * 86_400.0
"""How long the usage of users who weren't there at a start is kept: until then, they may come back."""

_VERSION: Final = 1
_TABLE: Final = """
CREATE TABLE usage (
    name TEXT PRIMARY KEY,
    from_client_bytes INTEGER NOT NULL,
    to_client_bytes INTEGER NOT NULL,
    streams INTEGER NOT NULL,
    last_seen_unix REAL NOT NULL,
    day INTEGER NOT NULL,
    day_bytes INTEGER NOT NULL,
    month_bytes INTEGER NOT NULL,
    missing_since_unix REAL
) WITHOUT ROWID
"""


class UsageDatabase:
    """An open database. No other process can use it meanwhile.

    Args:
        path: The file; it is made if it is missing, and its directory, too.

    Raises:
        UsageFileBrokenError: The file is broken.
        UsageFileAwayError: It can't be used as of now.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _translated():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):  # made here, as SQLite would let others read it
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            self._inode = os.stat(path).st_ino
            self._connection = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self.close()
                raise

    def read(self, names: Collection[str], now_unix: float) -> dict[str, Usage]:
        """Return the usage of users by their names; that of others is deleted once they have been missing for long."""
        with _translated():
            rows = self._connection.execute("SELECT * FROM usage").fetchall()
            missing = {name: since_unix for name, *_, since_unix in rows if name not in names}
            back = [(name,) for name, *_, since_unix in rows if name in names and since_unix is not None]
            with suppress(sqlite3.OperationalError):  # the disk is full: next time
                self._note_missing(missing, back, now_unix)
        return {name: Usage(*values) for name, *values, _ in rows if name in names}

    def write(self, changed: Mapping[str, Usage], removed: Collection[str]) -> None:
        """Store the usage of some users, and forget others; it is on the disk when this returns.

        Raises:
            UsageFileBrokenError: The file is broken.
            UsageFileAwayError: It is gone, or can't be written.
        """
        with _translated(), self._connection:
            if os.stat(self._path).st_ino != self._inode:
                raise UsageFileAwayError("another file is in its place")
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                [(name, *astuple(one)) for name, one in changed.items()],
            )
            self._connection.executemany("DELETE FROM usage WHERE name = ?", [(name,) for name in removed])

    def _note_missing(self, missing: Mapping[str, float | None], back: Sequence[tuple[str]], now_unix: float) -> None:
        new = [(now_unix, name) for name, since_unix in missing.items() if since_unix is None]
        old = [(name,) for name, since_unix in missing.items() if now_unix - (since_unix or now_unix) > KEPT_SECONDS]
        if not new and not old and not back:
            return
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("UPDATE usage SET missing_since_unix = ? WHERE name = ?", new)
            self._connection.executemany("UPDATE usage SET missing_since_unix = NULL WHERE name = ?", back)
            self._connection.executemany("DELETE FROM usage WHERE name = ?", old)

    def close(self) -> None:
        """Let another process use it."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def _prepare(self) -> None:
        # The lock of another process shows at the first statement. In this mode the log needs no shared memory.
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")  # else a power cut costs all since the last checkpoint
        (answer,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise UsageFileBrokenError(str(answer))
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.execute(_TABLE)
                self._connection.execute(f"PRAGMA user_version = {_VERSION}")
        elif version != _VERSION:
            raise UsageFileBrokenError(f"expected version {_VERSION}, got {version}")
        columns = [row[1] for row in self._connection.execute("PRAGMA table_info(usage)")]
        if columns != ["name", *(field.name for field in fields(Usage)), "missing_since_unix"]:
            raise UsageFileBrokenError("expected other columns")


def set_aside(path: Path) -> Path:
    """Rename a broken file, so that nothing of it is lost, and return its new name.

    Raises:
        UsageFileAwayError: It can't be renamed.
    """
    aside = path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}")
    with _translated():
        for suffix in ("-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                os.replace(f"{path}{suffix}", f"{aside}{suffix}")
        os.replace(path, aside)
    return aside


@contextmanager
def _translated() -> Iterator[None]:
    """Tell what won't go away from a disk that is full or read-only, and from another process."""
    try:
        yield
    except OSError as error:
        raise UsageFileAwayError(str(error)) from error
    except sqlite3.Error as error:
        code = _code(error)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise UsageFileTakenError(str(error)) from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
            raise UsageFileBrokenError(str(error)) from error
        raise UsageFileAwayError(str(error)) from error


def _code(error: BaseException) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # without the details of extended codes
