"""What caches that can be kept in a directory have in common: how they are loaded, measured and closed."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, Generic, Protocol, Self

from ..errors import OptionError
from ..ground.checks import as_directory, check_function
from ..ground.guarded_logger import checked_logger
from ..interfaces import AntiReplayCache, Logger
from .entries import FINGERPRINT_BYTES, AnyDatedEntries, DatedEntries
from .persistence import Persistence

_COPIED_AT_ONCE = 8192


class HasPersistent(Protocol):
    """A cache with hellos of this process.

    Attributes:
        successor: The cache that has taken over, and answers in its place.
    """

    successor: AntiReplayCache | None

    @property
    def persistent(self) -> PersistentCache[Any] | None:
        """What has them; None: somebody else's cache."""


class PersistentCache(ABC, Generic[AnyDatedEntries]):
    """An anti-replay cache that can be stored in a directory: `Exact` or `StableBloom`. Even an empty one is true.

    Await `load()` before the proxy serves and `close()` when it is over, or use `async with`.
    """

    successor: AntiReplayCache | None = None
    entries: AnyDatedEntries | None
    key: bytes | None

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
        self.entries = entries
        self._persistence: Persistence[AnyDatedEntries] | None = None
        self.key = None
        self._key_of_new_files: bytes | None = None

    @property
    def persistent(self) -> PersistentCache[Any]:
        """Itself; of a `Redis`, the memory of this process."""
        return self

    @property
    def directory(self) -> Path | None:
        """The directory that hellos are stored in; None: they are in memory only."""
        return self._directory

    def __len__(self) -> int:
        """The number of hellos remembered one by one; a `StableBloom` does that only for its directory."""
        return 0 if self.entries is None else self.entries.added - self.entries.forgotten

    def __bool__(self) -> bool:
        """An empty cache is a cache."""
        return True

    @property
    def reach_seconds(self) -> float:
        """How long ago the oldest remembered hello came, in seconds; 0 if there is none."""
        oldest_unix = None if self.entries is None else self.entries.oldest_unix
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
            key=self._key_of_new_files,
        )
        if (entries := await self._persistence.load(self._make_entries)) is not None:
            self.entries = entries
            self._use(entries)

    async def take_over(self, earlier: HasPersistent) -> None:
        """Continue what another cache has remembered; await it instead of `load`.

        The earlier cache gives up its directory, and asks this one from then on.

        Args:
            earlier: An `Exact`, `StableBloom` or `Redis`, perhaps with the same directory. A `StableBloom` without a
                directory has no hellos to give away.

        Raises:
            OptionError: Another process is using the directory. The cache goes on in memory only, with these hellos.
        """
        if (source := earlier.persistent) is None:
            await self.load()
            earlier.successor = self
            return
        await source.close()
        self._key_of_new_files = source.key
        taken: OptionError | None = None
        try:
            await self.load()
        except OptionError as error:
            taken = error
        its = source.entries
        if its is not None and source.key is not None:
            entries, next_sequence = self.entries, source.saved
            if entries is None or self.key != source.key:
                entries, next_sequence = self._make_entries(source.key), 0
            seen_unix = int(self._clock() - source.reach_seconds)
            next_sequence = await asyncio.to_thread(_copy, its, entries, next_sequence, seen_unix)
            _copy(its, entries, next_sequence, seen_unix)  # those that came meanwhile
            self.entries = entries
            self._use(entries)
        earlier.successor = self
        if taken is not None:
            raise taken

    @property
    def saved(self) -> int:
        """The number of the first entry that isn't on disk."""
        return 0 if self._persistence is None else self._persistence.saved

    def _make_entries(self, key: bytes) -> AnyDatedEntries:
        self.key = key
        return self._new_entries(key)

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
    async def seen_before(self, data: bytes) -> bool:
        """Return whether `data` is remembered, and remember it if not."""

    @abstractmethod
    def _new_entries(self, key: bytes) -> AnyDatedEntries:
        """Make entries with a directory's key."""

    @abstractmethod
    def _use(self, entries: AnyDatedEntries) -> None:
        """Use the loaded entries from now on."""


def _copy(earlier: DatedEntries, entries: DatedEntries, sequence: int, seen_unix: int) -> int:
    """Copy entries from a number on; return the next one's number."""
    while True:
        sequence, records = earlier.since(sequence, _COPIED_AT_ONCE)
        if not records:
            return sequence
        entries.load(records, seen_unix)
        sequence += len(records) // FINGERPRINT_BYTES
