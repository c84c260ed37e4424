"""Serves a configuration until SIGTERM or SIGINT: the process around an `App`."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from functools import partial
from typing import Any

import uvloop

import mtglib
from mtg.app import App, OnListening
from mtg.build import Parts, build_logger, build_parts
from mtg.config import Loaded
from mtg.last_resort import ENDING_SECONDS, LastResort
from mtg.limits import fitting_concurrency, raise_file_limit
from mtg.signals import handling_signals


def run_proxy(loaded: Loaded, *, on_listening: OnListening | None = None) -> int:
    """Serve until a signal; return the exit code, 0 after a requested shutdown.

    Raises:
        UserError: The configuration can't be run (with a line for each problem), an address can't be listened on, or
            the limit of open files leaves no room for a connection.
    """
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):  # until there are handlers for them
        signal.signal(number, signal.SIG_IGN)
    parts = _within_file_limit(build_parts(loaded, logger=build_logger(loaded)))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(parts, on_listening))


async def _run(parts: Parts, on_listening: OnListening | None) -> int:
    logger = parts.logger
    asyncio.get_running_loop().set_exception_handler(_Reporter(logger))
    last_resort = LastResort(logger)
    app = App(parts, on_served=partial(last_resort.end_within, ENDING_SECONDS))
    with handling_signals(app, last_resort, logger):
        await app.start(on_listening)
        return await app.wait()


def _within_file_limit(parts: Parts) -> Parts:
    """Return the parts with a `concurrency` that the limit of open files allows, and a warning if that is less."""
    wanted, file_limit = parts.options.concurrency, raise_file_limit()
    fitting = fitting_concurrency(wanted, file_limit, mtglib.engine_threads())
    if fitting == wanted:
        return parts
    warning = f"concurrency: lowered from {wanted} to {fitting}: the limit on open files is {file_limit}"
    visitors = parts.options.max_visitors
    options = replace(parts.options, concurrency=fitting, max_visitors=visitors and min(visitors, fitting))
    return replace(parts, options=options, warnings=(*parts.warnings, warning))


class _Reporter:
    """Logs errors of callbacks and of tasks that are never awaited, which asyncio would print with a traceback."""

    def __init__(self, logger: mtglib.Logger) -> None:
        self._logger = logger

    def __call__(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._logger.warning(f"internal error: {context.get('message')}", error=context.get("exception"))
