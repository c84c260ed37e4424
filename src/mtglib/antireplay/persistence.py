"""Stores a cache on disk: read before the first hello, written by a background thread, closed at the end.

Neither the event loop nor the end of the program waits for the disk: the thread is a daemon.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic

from ..errors import OptionError
from ..ground.guarded_logger import GuardedLogger
from .entries import AnyEntries, Entries
from .journal import Journal

_LOAD_TIMEOUT = 30.0
"""After this time the cache goes on without a disk that doesn't answer."""


class Persistence(Generic[AnyEntries]):
    """Keeps entries in a directory, from `load`, which may be awaited once, to `close`.

    A failing disk causes one warning, and one message when it works again; meanwhile nothing that is in memory is lost.

    Args:
        directory: A directory that is used for nothing else.
        record_bytes: The length of a record.
        file_entries: The number of records after which a new file is begun.
        now_unix: Returns Unix seconds.
        logger: Gets messages, in the event loop's thread.
        write_each_seconds: The pause between two writes. By default a hello is on disk a second after it came: half of
            that is the disk's.
        last_write_timeout: How long the disk may take at the end.
        key: See `Journal`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        record_bytes: int,
        file_entries: int,
        now_unix: Callable[[], float],
        logger: GuardedLogger,
        write_each_seconds: float = 0.5,
        last_write_timeout: float = 0.8,
        key: bytes | None = None,
    ) -> None:
        self._directory = directory
        self._journal = Journal(directory, record_bytes, file_entries, now_unix, key)
        self._logger = logger
        self._write_each_seconds = write_each_seconds
        self._last_write_timeout = last_write_timeout
        self._stop = threading.Event()
        self._ended: asyncio.Future[None] | None = None
        self._has_failed = False

    @property
    def saved(self) -> int:
        """The number of the first entry that isn't on disk."""
        return self._journal.saved

    async def load(self, make: Callable[[bytes], AnyEntries]) -> AnyEntries | None:
        """Return `make`'s entries for the directory's key, with the stored records; from then on, store new ones.

        None if the disk hasn't answered within half a minute, or nothing can be read.

        Raises:
            OptionError: Another process uses the directory.
        """
        loop = asyncio.get_running_loop()
        loaded: asyncio.Future[AnyEntries] = loop.create_future()
        self._ended = loop.create_future()
        thread = threading.Thread(
            target=self._live, args=(loop, make, loaded, self._ended), name="mtg-replay", daemon=True
        )
        try:
            thread.start()
            async with asyncio.timeout(_LOAD_TIMEOUT):
                return await loaded
        except OptionError:
            self._ended = None
            raise
        except Exception as error:  # even if no thread could be started: the proxy can do without a disk
            self._stop.set()
            self._ended = None
            self._tell("warning", f"{self._directory}: can't be read, so hellos are remembered in memory only", error)
            return None
        except BaseException:
            self._stop.set()
            self._ended = None
            raise
        finally:
            for note in self._journal.notes:
                self._tell("warning", note)

    async def close(self) -> None:
        """Write new records and release the directory; a disk that doesn't respond gets `last_write_timeout`."""
        ended, self._ended = self._ended, None
        self._stop.set()
        if ended is None:
            return
        try:
            async with asyncio.timeout(self._last_write_timeout):
                await asyncio.shield(ended)
        except TimeoutError as error:
            self._tell(
                "warning", f"{self._directory}: the latest hellos can't be saved: the disk doesn't respond", error
            )

    def _live(
        self,
        loop: asyncio.AbstractEventLoop,
        make: Callable[[bytes], AnyEntries],
        loaded: asyncio.Future[AnyEntries],
        ended: asyncio.Future[None],
    ) -> None:
        """What the thread does."""
        try:
            try:
                entries = self._journal.load(make)
                self._has_failed = not self._journal.is_usable
            except Exception as error:
                _in_loop(loop, _settle, loaded, None, error)
                return
            _in_loop(loop, _settle, loaded, entries, None)
            while not self._stop.wait(self._write_each_seconds):
                self._write(loop, entries)
            self._write(loop, entries)
        finally:
            self._journal.close()
            _in_loop(loop, _settle, ended, None, None)

    def _write(self, loop: asyncio.AbstractEventLoop, entries: Entries) -> None:
        try:
            has_appended = self._journal.write(entries)
        except Exception as error:
            if not self._has_failed:
                self._has_failed = True
                text = f"{self._directory}: can't be written: after a restart, hellos seen since can be replayed"
                _in_loop(loop, self._tell, "warning", text, error)
        else:
            if self._has_failed and has_appended:  # writing nothing proves nothing
                self._has_failed = False
                _in_loop(loop, self._tell, "info", f"{self._directory}: can be written again")

    def _tell(self, level: str, text: str, error: BaseException | None = None) -> None:
        getattr(self._logger, level)(f"anti-replay: {text}", error=error)


def _in_loop(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: object) -> None:
    with suppress(RuntimeError):  # the event loop is closed, so no caller is waiting
        loop.call_soon_threadsafe(function, *arguments)


def _settle(future: asyncio.Future[object], result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
