"""Serves a configuration until SIGTERM or SIGINT; the whole life of the process, top-down."""

from __future__ import annotations

import asyncio
import platform
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import uvloop

import mtg
import mtglib
from mtg.build import Parts, build_logger, build_parts
from mtg.config import Loaded
from mtg.config.addresses import join_ip_port
from mtg.last_resort import LastResort
from mtg.limits import fitting_concurrency, raise_file_limit
from mtg.listeners import address_text, open_listeners
from mtg.services import alive, noting_hangups, updating_when
from mtg.user_error import EXIT_RUNTIME

GRACE_SECONDS = 5.0
"""How long streams may go on after the first signal; a second signal ends them at once."""

ENDING_SECONDS = 1.0
"""How long the end may take after that; then the process ends whatever hangs."""

OnListening = Callable[[Sequence[socket.socket]], None]
"""Called with the listeners once they are open and before the first log line; may print."""


def run_proxy(loaded: Loaded, *, on_listening: OnListening | None = None) -> int:
    """Serve until a signal; returns the exit code, 0 after a shutdown that was asked for.

    Raises:
        UserError: The configuration can't be run (with a line for each problem), an address can't be listened on, or
            the limit of open files leaves no room for a connection.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there are lists that it can read again
    logger = build_logger(loaded)
    parts = _within_file_limit(build_parts(loaded, logger=logger))
    with (
        open_listeners(parts.listens) as listeners,
        open_listeners(parts.metrics_listens, "serve metrics") as metrics,
    ):
        for listener in listeners:
            parts.socket_options.apply(listener, logger)  # connections inherit them, but for keep-alive
        if on_listening is not None:
            on_listening(listeners)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_live(parts, listeners, metrics))


def _within_file_limit(parts: Parts) -> Parts:
    """The same with a `concurrency` that the limit of open files has room for, and a warning if that is less."""
    wanted, file_limit = parts.options.concurrency, raise_file_limit()
    fitting = fitting_concurrency(wanted, file_limit, mtglib.engine_threads())
    if fitting == wanted:
        return parts
    warning = f"concurrency: lowered from {wanted} to {fitting}: at most {file_limit} open files"
    options = replace(parts.options, concurrency=fitting)
    return replace(parts, options=options, warnings=(*parts.warnings, warning))


async def _live(
    parts: Parts,
    listeners: Sequence[socket.socket],
    metrics: Sequence[socket.socket],
) -> int:
    logger = parts.options.logger
    asyncio.get_running_loop().set_exception_handler(_Reporter(logger))
    last_resort = LastResort(logger)
    proxy, signals = mtglib.Proxy(parts.options), _signals(last_resort)
    with noting_hangups(signals[0]) as asked:
        _log_start(proxy, listeners, parts.options)
        for warning in parts.warnings:
            logger.warning(warning)
        living = alive(parts, metrics[0] if metrics else None, signals[0])
        async with living, updating_when(asked, parts):
            exit_code = await _serve(proxy, listeners, signals, parts)
            last_resort.end_within(ENDING_SECONDS, exit_code)
            return exit_code


async def _serve(
    proxy: mtglib.Proxy,
    listeners: Sequence[socket.socket],
    signals: tuple[asyncio.Event, asyncio.Event],
    parts: Parts,
) -> int:
    (stop, hurry), logger = signals, parts.options.logger
    serving = [asyncio.create_task(_serve_one(proxy, one), name=address_text(one)) for one in listeners]
    stopping = asyncio.create_task(stop.wait(), name="first signal")
    await asyncio.wait({*serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        logger.info(f"shutting down, at most {GRACE_SECONDS:.0f} s for what is open")
    stopping.cancel()
    shutting_down = asyncio.create_task(_shut_down(proxy, hurry, logger), name="shutting down")
    if parts.replay_memory is not None:  # nobody comes any more, and a successor needn't wait for the grace to be over
        await parts.replay_memory.close()
    await shutting_down
    return _exit_code(await asyncio.gather(*serving, return_exceptions=True), logger)


async def _serve_one(proxy: mtglib.Proxy, listener: socket.socket) -> None:
    """Serve and close: who comes while streams are given their grace is refused instead of kept waiting."""
    with listener:
        await proxy.serve(listener)


class _Reporter:
    """Logs what asyncio would print with a traceback: errors of callbacks and of tasks that nobody awaits."""

    def __init__(self, logger: mtglib.Logger) -> None:
        self._logger = logger

    def __call__(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._logger.warning(f"internal error: {context.get('message')}", error=context.get("exception"))


def _signals(last_resort: LastResort) -> tuple[asyncio.Event, asyncio.Event]:
    """Events for the first and for the second SIGTERM or SIGINT, after which the process ends whatever hangs."""
    first, second = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        last_resort.end_within(ENDING_SECONDS + (0 if first.is_set() else GRACE_SECONDS))
        (second if first.is_set() else first).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    return first, second


async def _shut_down(proxy: mtglib.Proxy, hurry: asyncio.Event, logger: mtglib.Logger) -> None:
    """Give streams their grace period, or what is left of it at the second signal."""
    graceful = asyncio.create_task(proxy.shutdown(grace_seconds=GRACE_SECONDS), name="shutdown")
    hurrying = asyncio.create_task(hurry.wait(), name="second signal")
    await asyncio.wait({graceful, hurrying}, return_when=asyncio.FIRST_COMPLETED)
    if not graceful.done():
        logger.info("second signal: closing what is open")
        await proxy.shutdown()
    hurrying.cancel()
    await graceful


def _log_start(proxy: mtglib.Proxy, listeners: Sequence[socket.socket], options: mtglib.ProxyOpts) -> None:
    """The first line says everything that a report of a fault needs, and no secret."""
    address = join_ip_port(*proxy.domain_fronting_address)
    host = options.secret.host
    options.logger.bind(
        version=mtg.__version__,
        python=platform.python_version(),
        engine=proxy.relay_engine,
        bind_to=[address_text(one) for one in listeners],
        domain_fronting=address if options.domain_fronting_ip is None else f"{host} at {address}",
        concurrency=options.concurrency,
    ).info("mtg has started")


def _exit_code(results: Sequence[BaseException | None], logger: mtglib.Logger) -> int:
    broken = [result for result in results if isinstance(result, Exception)]
    for error in broken:
        logger.warning("listening has ended", error=error)
    return EXIT_RUNTIME if broken else 0
