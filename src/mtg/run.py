"""Serves a configuration until SIGTERM or SIGINT: the process around an `App`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import uvloop

import mtglib
from mtg.app import App, OnListening
from mtg.build import Parts, build_parts
from mtg.config import Loaded
from mtg.last_resort import ENDING_SECONDS, LastResort
from mtg.limits import fitting_concurrency, raise_file_limit
from mtg.logs import Logs, build_logger
from mtg.reload import Rebuild
from mtg.signals import handling_signals


def run_proxy(
    loaded: Loaded, *, read: Callable[[], Loaded] | None = None, on_listening: OnListening | None = None
) -> int:
    """Serve until a signal; return the exit code, 0 after a requested shutdown.

    Args:
        loaded: The configuration.
        read: Reads the configuration again, for a reload; None: it can't be reloaded.
        on_listening: See `OnListening`.

    Raises:
        UserError: The configuration can't be run (with a line for each problem), an address can't be listened on, or
            the limit of open files leaves no room for a connection.
    """
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):  # until there are handlers for them
        signal.signal(number, signal.SIG_IGN)
    logs = Logs(loaded, lambda loaded: build_logger(loaded))
    parts = _build(loaded, None, logs)
    rebuild = None if read is None else Rebuild(read, partial(_build, logs=logs), logs.follow)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        serving = _run(parts, on_listening, rebuild)
        del parts  # a reload replaces them
        return runner.run(serving)


async def _run(parts: Parts, on_listening: OnListening | None, rebuild: Rebuild | None = None) -> int:
    logger = parts.logger
    asyncio.get_running_loop().set_exception_handler(_Reporter(logger))
    last_resort = LastResort(logger)
    app = App(parts, rebuild=rebuild, on_served=partial(last_resort.end_within, ENDING_SECONDS))
    del parts
    with handling_signals(app, last_resort, logger):
        await app.start(on_listening)
        return await app.wait()


def _build(loaded: Loaded, previous: Parts | None, logs: Logs) -> Parts:
    return _within_file_limit(build_parts(loaded, logger=logs.program, parts_logger=logs.parts, previous=previous))


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
