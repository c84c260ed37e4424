"""Keeps what was learnt over restarts, in a file for each site. Neither the event loop nor the end waits for the disk.

A file is replaced as a whole, so it is never half written. Several proxies may use one directory: what any of them has
learnt of a site is as good as what another one has.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar

from ..ground.daemon_threads import DaemonThreads
from ..ground.files import open_regular, replace_file
from ..ground.guarded_logger import GuardedLogger

_LOAD_TIMEOUT: Final = 1.0
_LAST_WRITE_TIMEOUT: Final = 0.2
_MAX_FILE_BYTES: Final = 4 * 1024 * 1024

T = TypeVar("T")


class FileKind(NamedTuple, Generic[T]):
    """What is kept of each site.

    Attributes:
        name: What it is, in the plural.
        topic: What messages about it begin with.
        read: Returns what can be read of a site's bytes, and how much can't; raises ValueError if nothing can.
        write: Makes them.
    """

    name: str
    topic: str
    read: Callable[[str, bytes], tuple[list[T], int]]
    write: Callable[[str, Iterable[T]], bytes]


class SiteStore(Generic[T]):
    """A directory of what was learnt, of one kind.

    A failing disk costs nothing but what is kept there: one warning, and one message when it works again. What it
    didn't take is tried again every minute, and at the end.

    Args:
        directory: Created when something is kept.
        kind: What is kept.
        logger: Gets messages, in the event loop's thread.
        try_again_seconds: How long after a failure the next attempt is.
    """

    def __init__(
        self, directory: Path, kind: FileKind[T], logger: GuardedLogger, try_again_seconds: float = 60.0
    ) -> None:
        self._directory = directory
        self._kind = kind
        self._logger = logger
        self._try_again_seconds = try_again_seconds
        self._loop = asyncio.get_running_loop()
        self._thread = DaemonThreads(1, f"mtg-{kind.name}")
        self._unwritten: dict[str, bytes] = {}
        self._has_failed = False
        self._is_closed = False
        self._trying_again: asyncio.TimerHandle | None = None

    async def load(self, host: str) -> list[T]:
        """Return what was kept of a site; after a second without the disk's answer, nothing."""
        path = self._path(host)
        reading: asyncio.Future[bytes] = self._loop.create_future()
        try:
            self._thread.run(partial(self._read, path, reading))
            async with asyncio.timeout(_LOAD_TIMEOUT):
                found, lost = self._kind.read(host, await reading)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except (OSError, TimeoutError) as error:
            self._tell("warning", f"{path}: can't be read", error)
            return []
        except ValueError:
            self._tell("warning", f"{path}: is damaged, and not used")
            return []
        if lost:
            self._tell(
                "warning", f"{path}: is damaged; {self._kind.name} that could be read, and are used: {len(found)}"
            )
        return found

    def keep(self, host: str, learnt: Iterable[T]) -> None:
        """Replace what is kept of a site, soon."""
        self._unwritten[host] = self._kind.write(host, learnt)
        self._begin_to_write()

    async def close(self) -> None:
        """Wait until everything is written, or the disk has had enough time."""
        self._is_closed = True
        if self._trying_again is not None:
            self._trying_again.cancel()
        if self._unwritten:
            self._begin_to_write()
        written: asyncio.Future[bytes] = self._loop.create_future()
        with suppress(OSError, TimeoutError):
            self._thread.run(partial(self._in_loop, _settle, written, b"", None))
            async with asyncio.timeout(_LAST_WRITE_TIMEOUT):
                await written

    def _try_again(self) -> None:
        self._trying_again = None
        self._begin_to_write()

    def _begin_to_write(self) -> None:
        try:
            self._thread.run(self._write)
        except OSError as error:
            self._failed(error)

    def _path(self, host: str) -> Path:
        return self._directory / f"{self._kind.name}-{hashlib.sha256(host.encode()).hexdigest()[:32]}.jsonl"

    def _read(self, path: Path, reading: asyncio.Future[bytes]) -> None:
        """Runs in the thread, like `_write`."""
        try:
            with open_regular(path) as file:
                data = file.read(_MAX_FILE_BYTES)
        except Exception as error:
            self._in_loop(_settle, reading, b"", error)
        else:
            self._in_loop(_settle, reading, data, None)

    def _write(self) -> None:
        refused: dict[str, bytes] = {}
        while self._unwritten:
            host, data = self._unwritten.popitem()
            try:
                replace_file(self._path(host), data)
            except Exception as error:
                refused[host] = data
                self._in_loop(self._failed, error)
            else:
                refused.pop(host, None)
                self._in_loop(self._succeeded)
        for host, data in refused.items():
            self._unwritten.setdefault(host, data)  # there may be something newer

    def _failed(self, error: Exception) -> None:
        if self._trying_again is None and not self._is_closed:
            self._trying_again = self._loop.call_later(self._try_again_seconds, self._try_again)
        if not self._has_failed:
            self._has_failed = True
            self._tell("warning", f"{self._directory}: can't be written: a restart forgets what was learnt", error)

    def _succeeded(self) -> None:
        if self._has_failed:
            self._has_failed = False
            self._tell("info", f"{self._directory}: can be written again")

    def _in_loop(self, function: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the event loop is closed, so no caller is waiting
            self._loop.call_soon_threadsafe(function, *arguments)

    def _tell(self, level: str, text: str, error: Exception | None = None) -> None:
        getattr(self._logger, level)(f"{self._kind.topic}: {text}", error=error)


def _settle(future: asyncio.Future[bytes], data: bytes, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(data)
    else:
        future.set_exception(error)
