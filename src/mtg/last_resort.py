"""Ends the process if an orderly end hangs: in an executor's thread, for example, or in a part that ignores it."""

from __future__ import annotations

import os
import threading
import time

import mtglib
from mtglib.logger import flush

ENDING_SECONDS = 1.0
"""How long the end may take after the streams' grace period; then the process ends, whatever hangs."""

_LAST_LINES_SECONDS = 0.2


class LastResort:
    """Ends the process at a given time, which can only become earlier.

    Args:
        logger: Gets a message if it had to end the process.
    """

    def __init__(self, logger: mtglib.Logger) -> None:
        self._logger = logger
        self._changed = threading.Condition()
        self._at_mono: float | None = None
        self._exit_code = 0

    def end_within(self, seconds: float, exit_code: int = 0) -> None:
        """End the process after this time, unless it has ended by itself; the last call's exit code counts."""
        at_mono = time.monotonic() + seconds
        with self._changed:
            if self._at_mono is None:
                threading.Thread(target=self._wait_and_end, name="mtg-last-resort", daemon=True).start()
            self._at_mono = at_mono if self._at_mono is None else min(self._at_mono, at_mono)
            self._exit_code = exit_code
            self._changed.notify()

    def _wait_and_end(self) -> None:
        with self._changed:
            while (left_seconds := self._left_seconds()) > _LAST_LINES_SECONDS:
                self._changed.wait(left_seconds - _LAST_LINES_SECONDS)
        self._logger.warning("shutdown: something is stuck; exiting without waiting for it")
        flush(_LAST_LINES_SECONDS)
        os._exit(self._exit_code)

    def _left_seconds(self) -> float:
        assert self._at_mono is not None
        return self._at_mono - time.monotonic()
