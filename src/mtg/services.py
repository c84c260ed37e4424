"""The services beside the proxy; they run from before its first connection until after its last event."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial

import mtglib
from mtg.build import Parts, ReplayCache
from mtg.closing import Closing
from mtg.user_error import EXIT_USAGE, UserError
from mtglib.antireplay import Redis
from mtglib.stats import Prometheus


@asynccontextmanager
async def running_services(
    parts: Parts,
    metrics: socket.socket | None,
    stop: asyncio.Event,
    on_start: Callable[[], None] = lambda: None,
) -> AsyncIterator[None]:
    """Run the parts around the proxy.

    After entering, IP lists with copies on disk are loaded, and so are the hellos seen by an earlier process and what
    users have used. After leaving, all events are delivered; a service that doesn't end within half a second is left
    behind. The caller closes
    the replay memory, as nobody needs it once the proxy has stopped accepting.

    Args:
        parts: The parts.
        metrics: The listener of Prometheus' page, if there is one; closed at `stop`.
        stop: Set when the proxy stops accepting.
        on_start: Called before anything is logged, once nothing can refuse the start any more.

    Raises:
        UserError: With EXIT_USAGE and `parts.when_state_is_taken`.
    """
    logger = parts.logger
    async with Closing(logger) as closing:
        closing.push("the resolver", parts.resolver.aclose)
        if parts.when_state_is_taken is None:  # nothing can refuse the start, so it doesn't wait for the disk
            on_start()
            is_loaded = await _load_replay_memory(parts, stop)
        else:
            is_loaded = await _load_replay_memory(parts, stop)
            on_start()
        if parts.replay_memory is not None and is_loaded:
            await _report_replay_memory(parts.replay_memory, logger)
        if parts.usage is not None:
            await _unless_stopped(parts.usage.load(), stop, "usage")
            closing.push("the usage of users", parts.usage.close)
            await closing.enter("the usage of users", _background(parts.usage.run, "usage", logger))
        if parts.statsd is not None:
            await closing.enter("statsd", parts.statsd)
        await closing.enter("the delivery of events", parts.fanout)
        if parts.prometheus is not None and metrics is not None:
            serving = partial(_serve_metrics, parts.prometheus, metrics, parts.metrics_path, stop)
            await closing.enter("the metrics page", _background(serving, "metrics", logger))
        for ip_list, update_each_seconds in parts.ip_lists:
            await ip_list.load()
            name = "blocklist" if ip_list is parts.options.ip_blocklist else "allowlist"
            running = partial(ip_list.run, update_each_seconds)
            await closing.enter(f"the {name}", _background(running, name, logger))
            closing.push(f"the {name}", ip_list.shutdown)  # waits for running reads, unlike a cancellation
        yield


async def _load_replay_memory(parts: Parts, stop: asyncio.Event) -> bool:
    """Load it if there is one, and return whether that ended before the program was told to stop."""
    if parts.replay_memory is None:
        return False
    try:
        return await _unless_stopped(parts.replay_memory.load(), stop, "replay memory")  # however long the disk takes
    except mtglib.OptionError as error:
        if parts.when_state_is_taken is not None:
            raise UserError(parts.when_state_is_taken, exit_code=EXIT_USAGE) from error
        parts.logger.warning(
            "state-directory: in use by another process; after a restart, hellos seen before it can be replayed"
        )
        return True


async def _report_replay_memory(memory: ReplayCache, logger: mtglib.Logger) -> None:
    logger.bind(hellos=len(memory), reach_seconds=round(memory.reach_seconds)).info("the replay memory is loaded")
    if isinstance(memory, Redis):
        await memory.probe()  # logs a problem now, not when the first client comes


async def _serve_metrics(prometheus: Prometheus, listener: socket.socket, http_path: str, stop: asyncio.Event) -> None:
    """Serve metrics and close the listener at the end: later connections are refused, and a successor gets the port."""
    with listener:
        await _unless_stopped(prometheus.serve(listener, http_path), stop, "metrics")


async def _unless_stopped(work: Coroutine[None, None, None], stop: asyncio.Event, name: str) -> bool:
    """Do some work, but cancel it at `stop`; return whether it was done. Its exceptions are passed on."""
    working = asyncio.create_task(work, name=name)
    stopping = asyncio.create_task(stop.wait(), name=f"end of {name}")
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.wait({working})
    if working.cancelled():
        return False
    working.result()
    return True


@asynccontextmanager
async def _background(
    work: Callable[[], Coroutine[None, None, None]], name: str, logger: mtglib.Logger
) -> AsyncIterator[None]:
    """Run a task beside the proxy. Its exceptions become a warning, and at the end it is cancelled."""
    task = asyncio.create_task(_warn(work, name, logger), name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _warn(work: Callable[[], Coroutine[None, None, None]], name: str, logger: mtglib.Logger) -> None:
    try:
        await work()
    except Exception as error:
        logger.warning(f"{name}: has ended", error=error)
