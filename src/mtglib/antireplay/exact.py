"""An exact anti-replay cache with a long memory, which a restart doesn't empty.

A hello's clock isn't covered by its digest: a recorded hello can be stamped anew at any time, and is as good as on its
first day. Nothing but memory tells it from a fresh one, so this one is as long as there is room, not a window of time.
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
    """Remembers the latest million hellos, or as many as are wanted, and takes no new hello for an old one.

    Once it has seen `max_entries` it remembers 7/8 of that or more: the oldest eighth goes when it is full. (It knows
    64-bit fingerprints. With a million of them, one new hello in 10 ** 13 has the same as another one.) It takes
    memory as it needs it: 17 bytes for each hello with the engine, some 100 in pure Python.

    With a `directory` it outlives the process: `await load()` before the proxy serves, `await close()` when it is
    over, or `async with Exact(...) as cache`. A hello is on disk a second later, and is written by a thread. A disk
    that is full or may only be read costs no client: a warning says that a restart would forget, and a message that
    this is over. What is damaged there is a warning, too; the rest is used.

    Args:
        max_entries: How many hellos to remember at most, 1 to 1e9.
        directory: Where to keep them; it is made, and is for this object alone. None: in memory only.
        logger: Is told what is wrong with the directory.
        clock: Returns Unix seconds.

    Raises:
        OptionError: A value can't work.
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
        memory = self._new_entries(token_bytes(KEY_BYTES))
        super().__init__(memory, file_entries=max(max_entries // 8, 1), directory=directory, logger=logger, clock=clock)
        self._seen: Callable[[bytes, int], bool] = memory.seen
        if self._directory is not None:
            self._seen = partial(self._first_without_load, memory)

    @property
    def max_entries(self) -> int:
        """The most that it remembers."""
        return self._max_entries

    async def seen_before(self, data: bytes) -> bool:
        """Tell whether `data` is remembered, and remember it if not."""
        return self._seen(data, int(self._clock()))

    async def load(self) -> None:
        """See `PersistentCache.load`."""
        if self._entries is not None:
            self._use(self._entries)
        await super().load()

    def _new_entries(self, key: bytes) -> Memory:
        return ReplayMemory(key, self._max_entries)

    def _use(self, entries: Memory) -> None:
        self._seen = entries.seen

    def _first_without_load(self, memory: Memory, data: bytes, now_unix: int) -> bool:
        self._use(memory)
        self._logger.warning(f"anti-replay: {self._directory}: not used: load() was never awaited")
        return memory.seen(data, now_unix)
