"""An exact anti-replay cache with a long memory, which a restart doesn't empty.

A hello's clock isn't covered by its digest: a recorded hello can be stamped anew at any time, and is as good as on its
first day. Nothing but memory tells it from a fresh one, so this one is as long as there is room, not a window of time.
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
        """The most that it remembers."""
        return self._max_entries

    @property
    def directory(self) -> Path | None:
        """Where hellos are kept, if anywhere."""
        return self._directory

    def __len__(self) -> int:
        """How many hellos are remembered."""
        return self._memory.added - self._memory.forgotten

    def __bool__(self) -> bool:
        """An empty cache is a cache."""
        return True

    @property
    def reach_seconds(self) -> float:
        """How long ago the oldest hello came that is remembered for certain; 0 without one."""
        oldest_unix = self._memory.oldest_unix
        return 0.0 if oldest_unix is None else max(0.0, self._clock() - oldest_unix)

    async def seen_before(self, data: bytes) -> bool:
        """Tell whether `data` is remembered, and remember it if not."""
        return self._seen(data, int(self._clock()))

    async def load(self) -> None:
        """Read what the directory has, and keep there what comes; to be awaited once, before the proxy serves.

        Hellos that were seen before are forgotten. Without a directory nothing happens.

        Raises:
            OptionError: Another process has the directory. It goes on in memory only.
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
        """Write what is new, and give the directory free; what is seen later is kept in memory only."""
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
