"""Sends a server the hellos that it missed while it was down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import time

from ..ground.guarded_logger import GuardedLogger
from .persistence import Persistence
from .unsent import RECORD_BYTES, Unsent

_SENT_AT_ONCE = 200
_PAUSE_SECONDS = 0.1
"""Between two batches: 2000 records a second cost a server next to nothing, and a million arrive within ten minutes."""

_PAUSE_AFTER_FAILURE_SECONDS = 1.0


class Sending:
    """Keeps records until they are sent, on disk as well if there is a directory; sends them in the background.

    Args:
        send: Tells whether the server has all of these; tries to send them if it hasn't. Raises nothing.
        max_records: If more are waiting, the oldest are forgotten.
        directory: See `Exact`.
        logger: Likewise.
    """

    def __init__(
        self,
        send: Callable[[list[bytes]], Awaitable[bool]],
        max_records: int,
        directory: Path | None,
        logger: GuardedLogger,
    ) -> None:
        self._send = send
        self._max_records = max_records
        self._directory = directory
        self._logger = logger
        self._unsent = Unsent(max_records)
        self._persistence: Persistence[Unsent] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """The number of hellos that aren't sent yet."""
        return len(self._unsent)

    def add(self, record: bytes) -> None:
        """Take a record that the server may not have."""
        self._unsent.add(record)
        self._go_on()

    async def load(self) -> None:
        """Load the unsent hellos of an earlier process.

        Raises:
            OptionError: Another process uses the directory.
        """
        if self._directory is None or self._persistence is not None:
            return
        self._persistence = Persistence(
            self._directory,
            record_bytes=RECORD_BYTES,
            file_entries=max(self._max_records // 8, 1),
            now_unix=time,
            logger=self._logger,
        )
        if (unsent := await self._persistence.load(lambda _key: Unsent(self._max_records))) is not None:
            self._unsent = unsent
        if self.waiting:
            self._go_on()

    async def close(self) -> None:
        """Stop; unsent hellos are on disk, if there is a directory."""
        task, self._task = self._task, None
        if task is not None and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait((task,))
        if self._persistence is not None:
            await self._persistence.close()

    def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._send_all(), name="mtg-replay-unsent")

    async def _send_all(self) -> None:
        pause_seconds = _PAUSE_AFTER_FAILURE_SECONDS  # the server has just failed
        while self.waiting:
            await asyncio.sleep(pause_seconds)
            first, records = self._unsent.since(0, _SENT_AT_ONCE)
            cut = [records[at : at + RECORD_BYTES] for at in range(0, len(records), RECORD_BYTES)]
            if await self._send(cut):
                pause_seconds = _PAUSE_SECONDS
                self._unsent.forget(first + len(cut) - self._unsent.forgotten)
            else:
                pause_seconds = _PAUSE_AFTER_FAILURE_SECONDS
