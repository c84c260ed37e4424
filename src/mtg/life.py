"""The parts that work beside the proxy, from before its first connection until after its last event."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

import mtglib
from mtg.build import Parts
from mtglib.stats import Prometheus


@asynccontextmanager
async def alive(parts: Parts, metrics: socket.socket | None, http_path: str) -> AsyncIterator[None]:
    """Run the parts around the proxy; `metrics` is the listener of Prometheus' page, if there is one.

    On entering, IP lists that have copies on the disk are in force. On leaving, all events are delivered.
    """
    logger = parts.options.logger
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.resolver.aclose)
        if parts.redis is not None:
            stack.push_async_callback(parts.redis.close)
            await parts.redis.probe()  # what is wrong there is told now, not by the first client
        if parts.statsd is not None:
            await stack.enter_async_context(parts.statsd)
        await stack.enter_async_context(parts.fanout)
        if parts.prometheus is not None and metrics is not None:
            await stack.enter_async_context(
                _background(partial(_serve_metrics, parts.prometheus, metrics, http_path), "metrics", logger)
            )
        for ip_list, update_each_seconds in parts.ip_lists:
            await ip_list.load()
            await stack.enter_async_context(_background(partial(ip_list.run, update_each_seconds), "IP list", logger))
            stack.push_async_callback(ip_list.shutdown)
        yield


async def _serve_metrics(prometheus: Prometheus, listener: socket.socket, http_path: str) -> None:
    """Serve and close: who comes after an error is refused instead of kept waiting."""
    with listener:
        await prometheus.serve(listener, http_path)


@asynccontextmanager
async def _background(
    work: Callable[[], Coroutine[None, None, None]], name: str, logger: mtglib.Logger
) -> AsyncIterator[None]:
    """Run something beside the proxy; what it raises is a warning, and at the end it is cancelled."""
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


@asynccontextmanager
async def updating_by_hand(parts: Parts) -> AsyncIterator[None]:
    """SIGHUP reads all lists again; without lists it does nothing, in place of ending the program."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    async with _background(partial(_update_when, asked, parts), "update by hand", parts.options.logger):
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)


async def _update_when(asked: asyncio.Event, parts: Parts) -> None:
    """Signals that come during an update are one more update together."""
    while True:
        await asked.wait()
        asked.clear()
        await asyncio.gather(*(ip_list.update() for ip_list, _ in parts.ip_lists))
