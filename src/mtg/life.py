"""The parts that work beside the proxy, from before its first connection until after its last event."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress

import mtglib
from mtg.build import Parts


@asynccontextmanager
async def alive(parts: Parts, metrics: socket.socket | None, http_path: str) -> AsyncIterator[None]:
    """Run the parts around the proxy; `metrics` is the listener of Prometheus' page, if there is one.

    On entering, IP lists that have copies on the disk are in force. On leaving, all events are delivered.
    """
    logger = parts.options.logger
    async with AsyncExitStack() as stack:
        if (close_resolver := getattr(parts.resolver, "aclose", None)) is not None:  # the system's has nothing to close
            stack.push_async_callback(close_resolver)
        if parts.redis is not None:
            stack.push_async_callback(parts.redis.close)
        if parts.statsd is not None:
            await stack.enter_async_context(parts.statsd)
        await stack.enter_async_context(parts.fanout)
        if parts.prometheus is not None and metrics is not None:
            await stack.enter_async_context(_background(parts.prometheus.serve(metrics, http_path), "metrics", logger))
        for ip_list, update_each_seconds in parts.ip_lists:
            await ip_list.load()
            await stack.enter_async_context(_background(ip_list.run(update_each_seconds), "IP list", logger))
            stack.push_async_callback(ip_list.shutdown)
        yield


@asynccontextmanager
async def _background(work: Coroutine[None, None, None], name: str, logger: mtglib.Logger) -> AsyncIterator[None]:
    """Run something beside the proxy; what it raises is a warning, and at the end it is cancelled."""
    task = asyncio.create_task(_warn(work, name, logger), name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _warn(work: Coroutine[None, None, None], name: str, logger: mtglib.Logger) -> None:
    try:
        await work
    except Exception as error:
        logger.warning(f"{name}: has ended", error=error)


@contextmanager
def updating_by_hand(parts: Parts) -> Iterator[None]:
    """SIGHUP reads all lists again; without lists it does nothing, in place of ending the program."""
    loop = asyncio.get_running_loop()
    updates: set[asyncio.Task[object]] = set()

    def on_signal() -> None:
        for ip_list, _ in parts.ip_lists:
            task: asyncio.Task[object] = loop.create_task(ip_list.update(), name="update by hand")
            updates.add(task)
            task.add_done_callback(updates.discard)

    loop.add_signal_handler(signal.SIGHUP, on_signal)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        for task in updates:
            task.cancel()
