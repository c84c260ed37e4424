"""Keeps what users have used in a file, so that quotas hold and statistics go on after a restart.

Counting is in memory, and never waits for the disk: what has changed is written every few seconds, in a thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from ..ground.daemon_threads import DaemonThreads
from ..ground.guarded_logger import GuardedLogger
from ..interfaces import Logger
from .usage import Usage
from .usage_errors import UsageFileAwayError, UsageFileBrokenError, UsageFileTakenError
from .users import Users

if TYPE_CHECKING:
    from .usage_database import UsageDatabase

WRITE_EACH_SECONDS: Final = 10.0
_LOAD_TIMEOUT: Final = 5.0
_LAST_WRITE_TIMEOUT: Final = 0.4
_NOTHING: Final = Usage()
_UNKNOWN: Final = Usage(streams=-1)

_T = TypeVar("_T")


class UsageFile:
    """The usage of users on a disk. First `load` it, then `run` until the end, then `close`.

    A power cut costs what was counted in the last 10 s. As long as the disk is full or read-only, or another process
    uses the file, counting goes on in memory, and what was counted is written once that is over: one warning, and one
    message then. A broken file is set aside, and a new one begun.

    What a user has used is forgotten when the user is removed. If a user isn't there at `load`, it is kept for 31 days.

    Args:
        users: The users.
        directory: A directory for the file `usage.sqlite3`; made if it is missing.
        logger: Gets messages about the disk.
        write_each_seconds: The pause between two writes.
        now_unix: Returns Unix seconds.
    """

    def __init__(
        self,
        users: Users,
        directory: Path,
        *,
        logger: Logger | None = None,
        write_each_seconds: float = WRITE_EACH_SECONDS,
        now_unix: Callable[[], float] = time.time,
    ) -> None:
        self._users = users
        self._path = directory / "usage.sqlite3"
        self._logger = GuardedLogger(logger)
        self._write_each_seconds = write_each_seconds
        self._now_unix = now_unix
        self._thread = DaemonThreads(1, "mtg-usage")
        self._turn = asyncio.Lock()
        self._opening: asyncio.Future[_Opened] | None = None
        self._database: UsageDatabase | None = None
        self._written: dict[str, Usage] = {}
        self._is_loaded = False
        self._has_failed = False
        self._is_closed = False

    async def load(self) -> None:
        """Add what is in the file to the users' usage. Without an answer within 5 s that is done later."""
        try:
            async with asyncio.timeout(_LOAD_TIMEOUT):
                await self.save()
        except TimeoutError as error:
            self._failed(error)

    async def run(self) -> None:
        """Write what has changed, again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._write_each_seconds)
            await self.save()

    async def save(self) -> None:
        """Write what has changed since the last time, and return when it is on the disk, or can't be."""
        async with self._turn:
            if self._is_closed:
                return
            try:
                if self._database is None:
                    await self._open()
                await self._write()
            except (OSError, UsageFileAwayError, UsageFileBrokenError) as error:
                self._failed(error)
            else:
                self._succeeded()

    async def close(self) -> None:
        """Write for the last time, and let go of the file; a disk that doesn't answer is given up."""
        try:
            async with asyncio.timeout(_LAST_WRITE_TIMEOUT):
                await self.save()
                self._is_closed = True
                if self._database is not None:
                    await self._in_thread(self._database.close)
        except (OSError, TimeoutError) as error:
            self._logger.warning(f"usage: {self._path}: the latest usage may be lost", error=error)
        self._is_closed = True
        self._database = None

    async def _open(self) -> None:
        """Open the database, and add what is in it to what was counted meanwhile."""
        if self._opening is None:  # else the disk hasn't answered an earlier caller, who was cancelled
            names = frozenset(user.name for user in self._users)
            self._opening = self._in_thread(partial(_open, self._path, names, self._now_unix()))
        try:
            opened = await asyncio.shield(self._opening)
        finally:
            if self._opening.done():
                self._opening = None
        self._database = opened.database
        if opened.broken is not None:
            self._logger.warning(f"usage: {self._path}: was broken, and is now {opened.broken}; a new one has begun")
        if self._is_loaded:
            return
        self._is_loaded = True
        for account in self._users.accounts:
            if (usage := opened.usage.get(account.user.name)) is not None:
                self._written[account.user.name] = usage
                account.usage.add(usage)

    async def _write(self) -> None:
        database = self._database
        assert database is not None
        usage = {account.user.name: account.usage for account in self._users.accounts}
        changed = {name: replace(one) for name, one in usage.items() if one != self._written.get(name, _NOTHING)}
        removed = self._written.keys() - usage.keys()
        if not changed and not removed:
            return
        try:
            await self._in_thread(partial(database.write, changed, removed))
        except (OSError, UsageFileAwayError, UsageFileBrokenError):
            self._database = None  # opening it anew sets it aside if it is broken, and makes it if it is gone
            self._written = dict.fromkeys(self._written, _UNKNOWN)
            await self._in_thread(database.close)
            raise
        self._written.update(changed)
        for name in removed:
            del self._written[name]

    def _in_thread(self, work: Callable[[], _T]) -> asyncio.Future[_T]:
        """Begin some work, and return a future of its outcome."""
        outcome: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._thread.run(partial(_do, work, outcome))
        return outcome

    def _failed(self, error: BaseException) -> None:
        if self._has_failed:
            return
        self._has_failed = True
        is_taken = isinstance(error, UsageFileTakenError)
        why = "is used by another process" if is_taken else "can't be used"
        self._logger.warning(
            f"usage: {self._path}: {why}: what users use is counted in memory only, and a restart forgets it",
            error=None if is_taken else error,
        )

    def _succeeded(self) -> None:
        if self._has_failed:
            self._has_failed = False
            self._logger.info(f"usage: {self._path}: can be used again, and has what was counted meanwhile")


class _Opened(NamedTuple):
    """A database that was just opened.

    Attributes:
        database: The database.
        usage: What is in it, by users' names.
        broken: The new name of a broken file that was in its place.
    """

    database: UsageDatabase
    usage: dict[str, Usage]
    broken: Path | None


def _open(path: Path, names: frozenset[str], now_unix: float) -> _Opened:
    """Runs in the thread."""
    from .usage_database import UsageDatabase, set_aside  # loads SQLite, which few need

    broken: Path | None = None
    try:
        database = UsageDatabase(path)
    except UsageFileBrokenError:
        broken = set_aside(path)
        database = UsageDatabase(path)
    try:
        return _Opened(database, database.read(names, now_unix), broken)
    except BaseException:
        database.close()
        raise


def _do(work: Callable[[], Any], outcome: asyncio.Future[Any]) -> None:
    """Runs in the thread."""
    result, error = None, None
    try:
        result = work()
    except Exception as raised:
        error = raised
    with suppress(RuntimeError):  # the event loop is closed, so no caller is waiting
        outcome.get_loop().call_soon_threadsafe(_settle, outcome, result, error)


def _settle(outcome: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    if outcome.done():  # the caller was cancelled
        return
    if error is None:
        outcome.set_result(result)
    else:
        outcome.set_exception(error)
