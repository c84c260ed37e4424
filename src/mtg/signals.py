"""Signal handlers of the running program; they call the methods of an `App`."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import mtglib
from mtg.app import GRACE_SECONDS, App
from mtg.last_resort import ENDING_SECONDS, LastResort

_STDERR = 2
_UNUSED = (signal.SIGUSR1, signal.SIGUSR2)


@contextmanager
def handling_signals(app: App, last_resort: LastResort, logger: mtglib.Logger) -> Iterator[None]:
    """Stop at the first SIGTERM or SIGINT, immediately at the second; reload at SIGHUP.

    SIGHUP stops as well if the terminal that we log to has been closed. If the end hangs, the process ends anyway.
    SIGUSR1 and SIGUSR2, which make other programs reopen their logs, only cause a log line. At the end all of these are
    ignored, as they must not interrupt an orderly end; SIGTERM and SIGINT only if one of them began it, since then its
    time is limited.
    """
    handler = _Handler(app, last_resort, logger)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, handler.terminate)
    loop.add_signal_handler(signal.SIGHUP, handler.hang_up)
    for number in _UNUSED:
        loop.add_signal_handler(number, handler.ignore, number)
    try:
        yield
    finally:
        stopping = (signal.SIGTERM, signal.SIGINT) if handler.was_told_to_stop else ()
        for number in (*stopping, signal.SIGHUP, *_UNUSED):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


class _Handler:
    def __init__(self, app: App, last_resort: LastResort, logger: mtglib.Logger) -> None:
        self._app = app
        self._last_resort = last_resort
        self._logger = logger
        self._had_terminal = os.isatty(_STDERR)
        self.was_told_to_stop = False
        self._calls: set[asyncio.Task[Any]] = set()

    def terminate(self) -> None:
        if not self.was_told_to_stop:
            self._stop()
            return
        self._last_resort.end_within(ENDING_SECONDS)
        self._call(self._app.stop(grace_seconds=0))

    def hang_up(self) -> None:
        if not (self._had_terminal and not os.isatty(_STDERR)):
            self._call(self._reload())
        elif not self.was_told_to_stop:
            self._stop()

    async def _reload(self) -> None:
        await self._app.reload()
        await self._app.reload_lists()

    def ignore(self, number: signal.Signals) -> None:
        self._logger.info(f"{number.name} has no effect: the log goes to stderr, and there is nothing to open again")

    def _stop(self) -> None:
        self.was_told_to_stop = True
        self._last_resort.end_within(ENDING_SECONDS + GRACE_SECONDS)
        self._call(self._app.stop())

    def _call(self, method: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(method, name="signal")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
