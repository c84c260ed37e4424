"""The services beside the proxy; they run from before its first connection until after its last event."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from functools import partial

import mtglib
from mtg.build import Parts, ReplayCache
from mtg.closing import Closing
from mtg.control.program import RunningProgram
from mtg.control.service import serve_control
from mtg.user_error import EXIT_USAGE, UserError
from mtglib.antireplay import Redis
from mtglib.ipblocklist import FireHOL
from mtglib.stats import Prometheus


class _Slot:
    """A service that may be replaced while the program runs."""

    def __init__(self) -> None:
        self._running = AsyncExitStack()

    async def put(self, *services: AbstractAsyncContextManager[object]) -> None:
        """Begin something, then end what was there before."""
        async with AsyncExitStack() as beginning:
            for service in services:
                await beginning.enter_async_context(service)
            earlier, self._running = self._running, beginning.pop_all()
        await earlier.aclose()

    async def close(self) -> None:
        """End what is there."""
        await self._running.aclose()


class Services:
    """The parts that run beside the proxy, which a reload may replace.

    Args:
        parts: The parts.
        stop: Set when the proxy stops accepting.
    """

    def __init__(self, parts: Parts, stop: asyncio.Event) -> None:
        self._parts = parts
        self._stop = stop
        self._page, self._statsd, self._usage = _Slot(), _Slot(), _Slot()
        self._lists = {"blocklist": _Slot(), "allowlist": _Slot()}

    async def begin(self, closing: Closing, metrics: socket.socket | None) -> None:
        """Begin all of them."""
        parts = self._parts
        closing.push("the usage of users", self._usage.close)
        await self._count_usage()
        closing.push("statsd", self._statsd.close)
        if parts.statsd is not None:
            await self._statsd.put(parts.statsd)
        await closing.enter("the delivery of events", parts.fanout)
        closing.push("the metrics page", self._page.close)
        await self._show_page(metrics)
        for name, slot in self._lists.items():
            if (found := _list_named(name, parts)) is not None:
                await found[0].load()
                await self._refresh_list(name)
            closing.push(f"the {name}", slot.close)

    async def follow(self, parts: Parts, metrics: socket.socket | None) -> None:
        """Go on with other parts: those that are the same objects aren't disturbed.

        Args:
            parts: The parts; those that stay are the same objects.
            metrics: The page's listener, if the page isn't shown as before, or not there; closed at `stop`.
        """
        earlier, self._parts = self._parts, parts
        if parts.usage is not earlier.usage:
            await self._count_usage()
        if parts.statsd is not None and earlier.statsd is None:
            await self._statsd.put(parts.statsd)
        observers = [part for part in (parts.prometheus, parts.statsd, parts.observed) if part is not None]
        await parts.fanout.replace_observers(observers)
        if parts.statsd is None:
            await self._statsd.put()
        if shows_otherwise(parts, earlier):
            await self._show_page(metrics)
        for name in self._lists:
            if _list_named(name, parts) != _list_named(name, earlier):
                await self._refresh_list(name)

    async def close_resolver(self) -> None:
        """Close the resolver, which is begun by its first question."""
        await self._parts.resolver.aclose()

    async def _count_usage(self) -> None:
        usage = self._parts.usage
        if usage is None:
            await self._usage.put()
            return
        await _unless_stopped(usage.load(), self._stop, "usage")
        await self._usage.put(_closed(usage), _background(usage.run, "usage", self._parts.logger))

    async def _show_page(self, metrics: socket.socket | None) -> None:
        parts = self._parts
        if parts.prometheus is None or metrics is None:
            await self._page.put()
            return
        serving = partial(_serve_metrics, parts.prometheus, metrics, parts.metrics_path, self._stop)
        await self._page.put(_background(serving, "metrics", parts.logger))

    async def _refresh_list(self, name: str) -> None:
        found = _list_named(name, self._parts)
        if found is None:
            await self._lists[name].put()
            self._parts.fanout.send(mtglib.EventIPListSize(size=0, is_block_list=name == "blocklist"))
            return
        ip_list, update_each_seconds = found
        running = partial(ip_list.run, update_each_seconds)
        await self._lists[name].put(_background(running, name, self._parts.logger), _shut_down(ip_list))


@asynccontextmanager
async def running_services(
    parts: Parts,
    metrics: socket.socket | None,
    stop: asyncio.Event,
    on_start: Callable[[], None] = lambda: None,
) -> AsyncIterator[Services]:
    """Run the parts around the proxy.

    After entering, IP lists with copies on disk are loaded, and so are the hellos seen by an earlier process and what
    users have used. After leaving, all events are delivered; a service that doesn't end within half a second is left
    behind. The caller closes the replay memory, as nobody needs it once the proxy has stopped accepting.

    Args:
        parts: The parts.
        metrics: The listener of Prometheus' page, if there is one; closed at `stop`.
        stop: Set when the proxy stops accepting.
        on_start: Called before anything is logged, once nothing can refuse the start any more.

    Raises:
        UserError: With EXIT_USAGE and `parts.when_state_is_taken`.
    """
    logger = parts.logger
    services = Services(parts, stop)
    async with Closing(logger) as closing:
        closing.push("the resolver", services.close_resolver)
        if parts.when_state_is_taken is None:  # nothing can refuse the start, so it doesn't wait for the disk
            on_start()
            is_loaded = await _load_replay_memory(parts, stop)
        else:
            is_loaded = await _load_replay_memory(parts, stop)
            on_start()
        if parts.replay_memory is not None and is_loaded:
            await _report_replay_memory(parts.replay_memory, logger)
        await services.begin(closing, metrics)
        del parts, on_start  # others may have taken their place when this goes on
        yield services


def shows_otherwise(parts: Parts, earlier: Parts) -> bool:
    """Whether the metrics page is another one, or elsewhere."""

    def place(of: Parts) -> tuple[object, ...]:
        return of.prometheus, of.metrics_listens, of.metrics_path

    return place(parts) != place(earlier)


def _list_named(name: str, parts: Parts) -> tuple[FireHOL, float] | None:
    wanted = parts.options.ip_blocklist if name == "blocklist" else parts.options.ip_allowlist
    return next((each for each in parts.ip_lists if each[0] is wanted), None)


@asynccontextmanager
async def _closed(usage: mtglib.UsageFile) -> AsyncIterator[None]:
    """Close it at the end, which writes the last of it."""
    yield
    await usage.close()


@asynccontextmanager
async def _shut_down(ip_list: FireHOL) -> AsyncIterator[None]:
    """Shut it down at the end, which waits for running reads, unlike a cancellation."""
    yield
    await ip_list.shutdown()


@asynccontextmanager
async def serving_control(
    program: RunningProgram, listeners: Sequence[socket.socket], stop: asyncio.Event
) -> AsyncIterator[None]:
    """Serve the control API to its clients; its listeners are closed at `stop`."""
    if not listeners:
        yield
        return
    logger = program.parts.logger

    async def serve() -> None:
        await _unless_stopped(serve_control(program, listeners), stop, "control")

    async with Closing(logger) as closing:
        await closing.enter("control", _background(serve, "control", logger))
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
