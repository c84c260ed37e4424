"""What caches that can be kept in a directory have in common: how they are loaded, measured and closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Generic, Self

from ..ground.checks import as_directory, check_function
from ..ground.guarded_logger import checked_logger
from ..interfaces import Logger
from .entries import FINGERPRINT_BYTES, AnyDatedEntries
from .persistence import Persistence


class PersistentCache(ABC, Generic[AnyDatedEntries]):
    """An anti-replay cache that can be stored in a directory: `Exact` or `StableBloom`. Even an empty one is true.

    Await `load()` before the proxy serves and `close()` when it is over, or use `async with`.
    """

    def __init__(
        self,
        entries: AnyDatedEntries | None,
        *,
        file_entries: int,
        directory: str | PathLike[str] | None,
        logger: Logger | None,
        clock: Callable[[], float],
    ) -> None:
        check_function("clock", clock, "Unix seconds")
        self._directory = as_directory("directory", directory)
        self._logger = checked_logger(logger)
        self._clock = clock
        self._file_entries = file_entries
        self._entries = entries
        self._persistence: Persistence[AnyDatedEntries] | None = None

    @property
    def directory(self) -> Path | None:
        """The directory that hellos are stored in; None: they are in memory only."""
        return self._directory

    def __len__(self) -> int:
        """The number of hellos remembered one by one; a `StableBloom` does that only for its directory."""
        return 0 if self._entries is None else self._entries.added - self._entries.forgotten

    def __bool__(self) -> bool:
        """An empty cache is a cache."""
        return True

    @property
    def reach_seconds(self) -> float:
        """How long ago the oldest remembered hello came, in seconds; 0 if there is none."""
        oldest_unix = None if self._entries is None else self._entries.oldest_unix
        return 0.0 if oldest_unix is None else max(0.0, self._clock() - oldest_unix)

    async def load(self) -> None:
        """Read the directory, and store new hellos there from now on. Await it once, before the proxy serves.

        Hellos that were seen before this call are forgotten. Without a directory nothing happens.

        Raises:
            OptionError: Another process is using the directory. The cache goes on in memory only.
        """
        if self._directory is None or self._persistence is not None:
            return
        self._persistence = Persistence(
            self._directory,
            record_bytes=FINGERPRINT_BYTES,
            file_entries=self._file_entries,
            now_unix=self._clock,
            logger=self._logger,
        )
        if (entries := await self._persistence.load(self._new_entries)) is not None:
            self._entries = entries
            self._use(entries)

    async def close(self) -> None:
        """Write what isn't on disk yet, and release the directory; later hellos are kept in memory only."""
        if self._persistence is not None:
            await self._persistence.close()

    async def __aenter__(self) -> Self:
        await self.load()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    @abstractmethod
    def _new_entries(self, key: bytes) -> AnyDatedEntries:
        """Make entries with a directory's key."""

    @abstractmethod
    def _use(self, entries: AnyDatedEntries) -> None:
        """Use the loaded entries from now on."""
