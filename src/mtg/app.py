"""The running program. Signal handlers and tests control it with the methods of an `App`."""

from __future__ import annotations

import asyncio
import math
import platform
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum

import mtg
import mtglib
from mtg.build import Parts
from mtg.listeners import address_text, open_listeners
from mtg.reload import ReloadResult
from mtg.samples import events_dropped, sample_all
from mtg.services import running_services
from mtg.user_error import EXIT_RUNTIME

GRACE_SECONDS = 5.0
"""How long streams may continue after the program was told to stop."""

OnListening = Callable[[Sequence[socket.socket]], None]
"""Called with the listeners once the program can start, before the first log line; may print."""


class Phase(StrEnum):
    """What an `App` is doing."""

    NEW = "new"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The status of an `App`.

    Attributes:
        phase: What it is doing.
        since_unix: When it was started, Unix seconds; 0 before.
        listens: The addresses that it listens on, as `bind-to` would write them; empty before it does.
        relay_engine: The relay in use.
        clients: The number of connected clients.
        visitors: The number of other connections, including those not authenticated yet.
        events_dropped: The number of events that observers didn't get.
    """

    phase: Phase
    since_unix: float
    listens: tuple[str, ...]
    relay_engine: str
    clients: int
    visitors: int
    events_dropped: int


class App:
    """A proxy and the services around it, in the running event loop. It is started once and stopped once.

    Args:
        parts: The proxy's options and the services.
        on_served: Called with the exit code when all streams have ended, before the services end.
    """

    def __init__(self, parts: Parts, *, on_served: Callable[[int], None] = lambda _: None) -> None:
        self._parts = parts
        self._logger = parts.logger
        self._proxy = mtglib.Proxy(parts.options)
        sample_all(parts, self._proxy)
        self._on_served = on_served
        self._phase = Phase.NEW
        self._since_unix = 0.0
        self._listens: tuple[str, ...] = ()
        self._serving: list[asyncio.Task[None]] = []
        self._has_begun = asyncio.Event()  # or has failed to start
        self._told_to_stop = asyncio.Event()
        self._grace_seconds = math.inf
        self._ends = AsyncExitStack()
        self._ending: asyncio.Task[int] | None = None
        self._reloading = asyncio.Lock()
        self._next_reload: asyncio.Task[None] | None = None
        self._reloads: set[asyncio.Task[None]] = set()

    async def start(self, on_listening: OnListening | None = None) -> None:
        """Listen, start the services, and serve.

        Raises:
            UserError: An address can't be listened on, or another process uses the state directory. Everything that was
                started has ended.
            RuntimeError: It was started or stopped before.
        """
        if self._phase is not Phase.NEW or self._ending is not None:
            raise RuntimeError("an App can be started once")
        self._phase, self._since_unix = Phase.STARTING, time.time()
        try:
            async with AsyncExitStack() as ends:
                await self._begin(ends, on_listening)
                self._ends = ends.pop_all()
                self._phase = Phase.RUNNING
        finally:
            if self._phase is Phase.STARTING:
                self._phase = Phase.STOPPED
            self._has_begun.set()

    async def wait(self) -> int:
        """Wait until it has stopped, by `stop` or because a listener failed; return the exit code."""
        told = asyncio.create_task(self._told_to_stop.wait(), name="stop")
        await asyncio.wait({*self._serving, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        return await (self.stop() if self._ending is None else asyncio.shield(self._ending))

    async def stop(self, grace_seconds: float = GRACE_SECONDS) -> int:
        """Stop accepting, let streams end by themselves for this long, then end the rest; return the exit code.

        May be called again, even while another call waits: the shorter grace period wins. If it is called during the
        start, the app stops once it has started. The services have half a second to end.
        """
        is_sooner = grace_seconds < self._grace_seconds
        self._grace_seconds = min(self._grace_seconds, grace_seconds)
        if self._ending is None:
            self._told_to_stop.set()
            self._ending = asyncio.create_task(self._end(), name="end")
        elif self._phase is Phase.STOPPING:
            if is_sooner:
                self._logger.info(f"shutting down sooner; {self._grace_text()}")
            await self._proxy.shutdown(grace_seconds=grace_seconds)
        return await asyncio.shield(self._ending)

    async def reload(self) -> ReloadResult:
        """Read the configuration again, and use it from now on."""
        return ReloadResult(is_applied=True, at_unix=time.time())

    async def reload_lists(self) -> None:
        """Read all IP lists again. All calls during a reload share one more reload after it.

        A reload requested during the start happens once the app has started; during the shutdown, requests are ignored.
        """
        if self._next_reload is None:
            self._next_reload = asyncio.create_task(self._reload_lists(), name="reload of IP lists")
            self._reloads.add(self._next_reload)
            self._next_reload.add_done_callback(self._reloads.discard)
        reload = self._next_reload
        await asyncio.wait({reload})
        if not reload.cancelled():
            reload.result()

    def status(self) -> Status:
        """Return the current status."""
        return Status(
            phase=self._phase,
            since_unix=self._since_unix,
            listens=self._listens,
            relay_engine=self._proxy.relay_engine,
            clients=self._proxy.clients,
            visitors=self._proxy.visitors,
            events_dropped=events_dropped(self._parts, self._proxy),
        )

    async def _begin(self, ends: AsyncExitStack, on_listening: OnListening | None) -> None:
        parts = self._parts
        listeners = ends.enter_context(open_listeners(parts.listens, f"{parts.source}: bind-to", parts.client_tcp))
        metrics_key = f"{parts.source}: stats.prometheus.bind-to"
        metrics = ends.enter_context(open_listeners(parts.metrics_listens, metrics_key))
        for listener in listeners:
            parts.socket_options.apply(listener, self._logger)  # accepted connections inherit them, except keep-alive
        self._listens = tuple(address_text(one) for one in listeners)

        def on_start() -> None:
            if on_listening is not None:
                on_listening(listeners)
            self._log_start()

        if parts.replay_memory is not None:
            # `_end` closes it first; this is a second time, as streams in their grace period may have used Redis again.
            ends.push_async_callback(parts.replay_memory.close)
        await ends.enter_async_context(
            running_services(parts, metrics[0] if metrics else None, self._told_to_stop, on_start)
        )
        self._serving = [asyncio.create_task(self._serve(one), name=address_text(one)) for one in listeners]

    async def _serve(self, listener: socket.socket) -> None:
        """Serve clients and close the listener at the end: connections during the grace period are refused."""
        with listener:
            await self._proxy.serve(listener)

    async def _end(self) -> int:
        if self._phase is not Phase.NEW:
            await self._has_begun.wait()
        if self._phase is not Phase.RUNNING:  # the start has failed, and its caller knows why
            self._phase = Phase.STOPPED
            return EXIT_RUNTIME
        self._phase = Phase.STOPPING
        self._logger.info(f"shutting down; {self._grace_text()}")
        shutting_down = asyncio.create_task(self._proxy.shutdown(grace_seconds=self._grace_seconds), name="shutdown")
        if self._parts.replay_memory is not None:
            # Nothing is accepted any more, and a successor may use the state directory during the grace period.
            await self._parts.replay_memory.close()
        connections_ended = await shutting_down
        exit_code = self._exit_code(await asyncio.gather(*self._serving, return_exceptions=True))
        self._on_served(exit_code)
        for reload in self._reloads:
            reload.cancel()
        await self._ends.aclose()
        self._logger.bind(connections_ended=connections_ended).info("mtg has stopped")
        self._phase = Phase.STOPPED
        return exit_code

    async def _reload_lists(self) -> None:
        await self._has_begun.wait()
        async with self._reloading:
            self._next_reload = None
            if self._phase is not Phase.RUNNING:
                return
            if not self._parts.ip_lists:
                self._logger.info("there are no IP lists to read again; a changed configuration takes a restart")
            else:
                await asyncio.gather(*(ip_list.update() for ip_list, _ in self._parts.ip_lists))

    def _grace_text(self) -> str:
        if self._grace_seconds == 0:
            return "open connections are closed now"
        return f"open connections have {self._grace_seconds:.0f} s to finish"

    def _log_start(self) -> None:
        """Log a line with everything that a bug report needs, and no secret."""
        options = self._parts.options
        address, host = mtglib.host_and_port(*self._proxy.domain_fronting_address), options.secret.host
        self._logger.bind(
            version=mtg.__version__,
            python=platform.python_version(),
            engine=self._proxy.relay_engine,
            bind_to=list(self._listens),
            domain_fronting=address if self._proxy.domain_fronting_address[0] == host else f"{host} at {address}",
            concurrency=options.concurrency,
        ).info("mtg has started")
        for warning in self._parts.warnings:
            self._logger.warning(warning)

    def _exit_code(self, results: Sequence[BaseException | None]) -> int:
        broken = [result for result in results if isinstance(result, Exception)]
        for error in broken:
            self._logger.warning("no longer listening", error=error)
        return EXIT_RUNTIME if broken else 0
