"""An exact anti-replay cache with a long memory that survives restarts.

A hello's timestamp isn't covered by its digest: an attacker can give a recorded hello a new timestamp at any time. Only
a memory of earlier hellos distinguishes it from a fresh one, so this memory is limited by space, not by time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from secrets import token_bytes
from typing import Self

from ..ground.checks import as_directory, check_function, check_int
from ..ground.guarded_logger import checked_logger
from ..interfaces import Logger
from .entries import FINGERPRINT_BYTES, KEY_BYTES
from .memory import Memory, ReplayMemory
from .persistence import Persistence


class Exact:
    """Remembers the latest `max_entries` hellos exactly: it takes no new hello for a replay.

    When it is full it drops the oldest eighth, so it always remembers at least 7/8 of `max_entries`. (It stores 64-bit
    fingerprints. With a million of them, one new hello in 10 ** 13 has the same fingerprint as another one.) Memory
    grows with the number of hellos: 17 bytes each with the engine, about 100 in pure Python.

    With a `directory` the memory survives restarts: `await load()` before the proxy serves and `await close()` after
    it, or use `async with Exact(...) as cache`. A thread writes each hello to disk within about a second. A full or
    read-only disk affects no client: a warning says that a restart would forget hellos, and a message says when this is
    over. Damaged records cause a warning, too; the rest is used.

    Args:
        max_entries: The most hellos to remember, 1 to 1e9.
        directory: Where to store hellos; created if missing, and used by this object only. None: in memory only.
        logger: Gets warnings about problems with the directory.
        clock: Returns Unix seconds.

    Raises:
        OptionError: A value is invalid.
    """

    def __init__(
        self,
        *,
        max_entries: int = 1_000_000,
        directory: str | PathLike[str] | None = None,
        logger: Logger | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_int("max_entries", max_entries)
        check_function("clock", clock, "Unix seconds")
        self._max_entries = max_entries
        self._directory = as_directory("directory", directory)
        self._logger = checked_logger(logger)
        self._clock = clock
        self._persistence: Persistence[Memory] | None = None
        self._memory: Memory = ReplayMemory(token_bytes(KEY_BYTES), max_entries)
        self._seen: Callable[[bytes, int], bool] = (
            self._memory.seen if self._directory is None else self._first_without_load
        )

    @property
    def max_entries(self) -> int:
        """The most hellos that it remembers."""
        return self._max_entries

    @property
    def directory(self) -> Path | None:
        """Where hellos are stored; None: in memory only."""
        return self._directory

    def __len__(self) -> int:
        """The number of remembered hellos."""
        return self._memory.added - self._memory.forgotten

    def __bool__(self) -> bool:
        """An empty cache is a cache."""
        return True

    @property
    def reach_seconds(self) -> float:
        """The age in seconds of the oldest hello that is certainly remembered; 0 if there is none."""
        oldest_unix = self._memory.oldest_unix
        return 0.0 if oldest_unix is None else max(0.0, self._clock() - oldest_unix)

    async def seen_before(self, data: bytes) -> bool:
        """Return whether `data` is remembered, and remember it if not."""
        return self._seen(data, int(self._clock()))

    async def load(self) -> None:
        """Read the directory, and store new hellos there from now on. Await it once, before the proxy serves.

        Hellos seen before this call are forgotten. Without a directory it does nothing.

        Raises:
            OptionError: Another process is using the directory. The cache goes on in memory only.
        """
        if self._directory is None or self._persistence is not None:
            return
        self._persistence = Persistence(
            self._directory,
            record_bytes=FINGERPRINT_BYTES,
            file_entries=max(self._max_entries // 8, 1),
            now_unix=self._clock,
            logger=self._logger,
        )
        self._seen = self._memory.seen
        if (memory := await self._persistence.load(self._new_memory)) is not None:
            self._use(memory)

    async def close(self) -> None:
        """Write new hellos and release the directory. Hellos seen later are kept in memory only."""
        if self._persistence is not None:
            await self._persistence.close()

    async def __aenter__(self) -> Self:
        await self.load()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    def _new_memory(self, key: bytes) -> Memory:
        return ReplayMemory(key, self._max_entries)

    def _use(self, memory: Memory) -> None:
        self._memory = memory
        self._seen = memory.seen

    def _first_without_load(self, data: bytes, now_unix: int) -> bool:
        self._seen = self._memory.seen
        self._logger.warning(f"anti-replay: {self._directory}: not used: load() was never awaited")
        return self._memory.seen(data, now_unix)
