"""An exact anti-replay cache with a long memory that survives restarts.

A hello's timestamp isn't covered by its digest: an attacker can give a recorded hello a new timestamp at any time. Only
a memory of earlier hellos distinguishes it from a fresh one, so this memory is limited by space, not by time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from os import PathLike
from secrets import token_bytes

from ..ground.checks import check_int
from ..interfaces import Logger
from .entries import KEY_BYTES
from .memory import Memory, ReplayMemory
from .persistent_cache import PersistentCache


class Exact(PersistentCache[Memory]):
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
        self._max_entries = max_entries
        key = token_bytes(KEY_BYTES)
        memory = self._new_entries(key)
        super().__init__(memory, file_entries=max(max_entries // 8, 1), directory=directory, logger=logger, clock=clock)
        self.key = key
        self._seen: Callable[[bytes, int], bool] = memory.seen
        if self._directory is not None:
            self._seen = partial(self._first_without_load, memory)

    @property
    def max_entries(self) -> int:
        """The most hellos that it remembers."""
        return self._max_entries

    async def seen_before(self, data: bytes) -> bool:
        """Return whether `data` is remembered, and remember it if not."""
        if self.successor is not None:
            return await self.successor.seen_before(data)
        return self._seen(data, int(self._clock()))

    async def load(self) -> None:
        """See `PersistentCache.load`."""
        if self.entries is not None:
            self._use(self.entries)
        await super().load()

    def _new_entries(self, key: bytes) -> Memory:
        return ReplayMemory(key, self._max_entries)

    def _use(self, entries: Memory) -> None:
        self._seen = entries.seen

    def _first_without_load(self, memory: Memory, data: bytes, now_unix: int) -> bool:
        self._use(memory)
        self._logger.warning(f"anti-replay: {self._directory}: not used: load() was never awaited")
        return memory.seen(data, now_unix)
