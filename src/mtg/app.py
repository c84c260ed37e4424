"""The running program. Signal handlers and tests control it with the methods of an `App`."""

from __future__ import annotations

import asyncio
import math
import platform
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import mtg
import mtglib
from mtg.build import Parts
from mtg.control.service import open_control
from mtg.handover import (
    close_earlier,
    read_new_lists,
    read_users_again,
    rename_statistics,
    take_over_replay_memory,
    with_same_statistics,
    with_same_users,
)
from mtg.listeners import address_text, open_listeners
from mtg.reload import Rebuild, ReloadResult, changed_keys, keep_unchangeable, log_result
from mtg.samples import events_dropped, sample_all
from mtg.services import Services, running_services, serving_control, shows_otherwise
from mtg.serving import OpenedListeners, Serving
from mtg.user_error import EXIT_RUNTIME, UserError

GRACE_SECONDS = 5.0
"""How long streams may continue after the program was told to stop."""

_STOPPING = "the program is stopping"

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
        rebuild: How to get parts for a changed file; None: there is no file.
        on_served: Called with the exit code when all streams have ended, before the services end.
    """

    def __init__(
        self, parts: Parts, *, rebuild: Rebuild | None = None, on_served: Callable[[int], None] = lambda _: None
    ) -> None:
        self._parts = parts
        self._logger = parts.logger
        self._proxy = mtglib.Proxy(parts.options)
        self._rebuild = rebuild
        self._serving = Serving(self._proxy, parts.logger)
        self._services: Services | None = None
        self._metrics: socket.socket | None = None
        self._metrics_ends = ExitStack()
        self._drains: set[asyncio.Task[None]] = set()
        self.last_reload: ReloadResult | None = None
        sample_all(lambda: self._parts, self._proxy)
        self._on_served = on_served
        self._phase = Phase.NEW
        self._since_unix = 0.0
        self._has_begun = asyncio.Event()  # or has failed to start
        self._told_to_stop = asyncio.Event()
        self._grace_seconds = math.inf
        self._ends = AsyncExitStack()
        self._ending: asyncio.Task[int] | None = None
        self._reloading = asyncio.Lock()
        self._users_turn = asyncio.Lock()
        self._shared_calls: dict[str, asyncio.Task[Any]] = {}  # those that haven't begun yet
        self._reloads: set[asyncio.Task[Any]] = set()

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
        failed = asyncio.create_task(self._serving.has_failed.wait(), name="a listener's failure")
        await asyncio.wait({failed, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        failed.cancel()
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
        """Read the configuration again, and use it from now on, without ending a connection.

        If there is a problem, nothing changes. Problems are logged, too, and kept in `last_reload`. All calls during a
        reload share one more reload after it. One that is requested during the start happens once the app has started;
        during the shutdown, nothing is read.
        """
        result: ReloadResult = await self._share("reload", self._reload)
        return result

    async def reload_lists(self) -> None:
        """Read all IP lists again; calls are shared as those of `reload` are."""
        await self._share("reload of IP lists", self._reload_lists)

    @property
    def parts(self) -> Parts:
        """What it consists of."""
        return self._parts

    @property
    def proxy(self) -> mtglib.Proxy:
        """Its proxy."""
        return self._proxy

    @property
    def users_turn(self) -> asyncio.Lock:
        """Held by whatever changes the users, until the change is done."""
        return self._users_turn

    def status(self) -> Status:
        """Return the current status."""
        return Status(
            phase=self._phase,
            since_unix=self._since_unix,
            listens=self._serving.addresses,
            relay_engine=self._proxy.relay_engine,
            clients=self._proxy.clients,
            visitors=self._proxy.visitors,
            events_dropped=events_dropped(self._parts, self._proxy),
        )

    async def _begin(self, ends: AsyncExitStack, on_listening: OnListening | None) -> None:
        parts = self._parts
        opened = self._serving.open(parts)
        ends.callback(opened.ends.close)
        ends.callback(lambda: self._metrics_ends.close())
        self._metrics = self._open_metrics(parts, self._metrics_ends)
        control = ends.enter_context(open_control(parts.control, parts.source, parts.logger))

        def on_start() -> None:
            if on_listening is not None:
                on_listening(opened.sockets)
            self._log_start([address_text(one) for one in opened.sockets])

        # `_end` closes it first; this is a second time, as streams in their grace period may have used Redis again.
        ends.push_async_callback(self._close_replay_memory)
        self._services = await ends.enter_async_context(
            running_services(parts, self._metrics, self._told_to_stop, on_start)
        )
        await ends.enter_async_context(serving_control(self, control, self._told_to_stop))
        self._serving.use(opened)

    def _open_metrics(self, parts: Parts, ends: ExitStack) -> socket.socket | None:
        """Open the metrics page's listener, if there is one; `ends` closes it.

        Raises:
            UserError: It can't be opened.
        """
        if self._metrics is not None and parts.metrics_listens == self._parts.metrics_listens:
            return ends.enter_context(self._metrics.dup())
        key = f"{parts.source}: stats.prometheus.bind-to"
        listeners = ends.enter_context(open_listeners(parts.metrics_listens, key))
        return listeners[0] if listeners else None

    async def _end(self) -> int:
        if self._phase is not Phase.NEW:
            await self._has_begun.wait()
        if self._phase is not Phase.RUNNING:  # the start has failed, and its caller knows why
            self._phase = Phase.STOPPED
            return EXIT_RUNTIME
        self._phase = Phase.STOPPING
        for reload in self._reloads:
            reload.cancel()
        self._logger.info(f"shutting down; {self._grace_text()}")
        shutting_down = asyncio.create_task(self._proxy.shutdown(grace_seconds=self._grace_seconds), name="shutdown")
        # Nothing is accepted any more, and a successor may use the state directory during the grace period.
        await self._close_replay_memory()
        connections_ended = await shutting_down
        exit_code = self._exit_code(await self._serving.over())
        self._on_served(exit_code)
        for task in (*self._reloads, *self._drains):
            task.cancel()
        await self._ends.aclose()
        self._logger.bind(connections_ended=connections_ended).info("mtg has stopped")
        self._phase = Phase.STOPPED
        return exit_code

    async def _close_replay_memory(self) -> None:
        if self._parts.replay_memory is not None:
            await self._parts.replay_memory.close()

    async def _share(self, name: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Do some work after what is being done, once for all who ask for it before it begins."""
        task = self._shared_calls.get(name)
        if task is None:
            task = self._shared_calls[name] = asyncio.create_task(self._in_turn(name, work), name=name)
            self._reloads.add(task)
            task.add_done_callback(self._reloads.discard)
        await asyncio.wait({task})
        if task.cancelled():
            return ReloadResult(is_applied=False, problems=(_STOPPING,), at_unix=time.time())
        return task.result()

    async def _in_turn(self, name: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        await self._has_begun.wait()
        async with self._reloading:
            del self._shared_calls[name]
            return await work()

    async def _reload_lists(self) -> None:
        if self._phase is not Phase.RUNNING:
            return
        if self._rebuild is None and not self._parts.ip_lists:
            self._logger.info("there are no IP lists to read again, and no configuration file")
        else:
            await asyncio.gather(*(ip_list.update() for ip_list, _ in self._parts.ip_lists))

    async def _reload(self) -> ReloadResult:
        if self._phase is not Phase.RUNNING:
            return ReloadResult(is_applied=False, problems=(_STOPPING,), at_unix=time.time())
        if self._rebuild is None:  # there is no file
            self.last_reload = ReloadResult(is_applied=True, at_unix=time.time())
            return self.last_reload
        try:
            result = await self._replace_parts(self._rebuild)
        except UserError as failure:
            result = ReloadResult(is_applied=False, problems=tuple(failure.lines), at_unix=time.time())
        except Exception as error:
            self._logger.warning("internal error: reload", error=error)
            problem = f"internal error: {type(error).__name__}"
            result = ReloadResult(is_applied=False, problems=(problem,), at_unix=time.time())
        self.last_reload = result
        log_result(result, self._logger)
        return result

    async def _replace_parts(self, rebuild: Rebuild) -> ReloadResult:
        """Build parts for what the file says now, and put them in the place of those in use.

        Raises:
            UserError: Something can't be done. Nothing has changed.
        """
        earlier = self._parts
        read = await asyncio.to_thread(rebuild.read)
        loaded, unchangeable = keep_unchangeable(read, earlier.config)
        parts = with_same_statistics(rebuild.build(loaded, earlier), earlier)
        problems = await read_new_lists(parts, earlier)
        has_another_page = shows_otherwise(parts, earlier)
        async with self._users_turn:  # a change of theirs must not come between reading them and using them
            await read_users_again(parts, earlier)
            with ExitStack() as opening:
                opened = self._serving.open(parts)
                opening.callback(opened.ends.close)
                metrics_ends = opening.enter_context(ExitStack())
                metrics = self._open_metrics(parts, metrics_ends) if has_another_page else self._metrics
                self._serving.set_options(opened)
                await take_over_replay_memory(parts, earlier, self._logger)
                opening.pop_all()  # nothing from here on can fail
            parts = with_same_users(parts, earlier)
            drained = self._use(parts, opened)
        rebuild.follow(loaded)
        assert self._services is not None
        try:
            await self._services.follow(parts, metrics)
        except Exception as error:  # the options are in use all the same
            self._logger.warning("internal error: reload", error=error)
            problems = (*problems, f"internal error: {type(error).__name__}: metrics or lists may be as before")
        if has_another_page:
            self._metrics_ends.close()
            self._metrics, self._metrics_ends = metrics, metrics_ends
        self._when_drained(drained, earlier)
        return ReloadResult(
            is_applied=True,
            changed=changed_keys(earlier.config, parts.config),
            unchangeable=unchangeable,
            problems=problems,
            warnings=parts.warnings,
            at_unix=time.time(),
        )

    def _use(self, parts: Parts, opened: OpenedListeners) -> asyncio.Future[None]:
        """Use parts and listeners for all connections from now on; return what is done once no other ones are used."""
        drained = self._proxy.replace_options(parts.options)
        self._serving.use(opened)
        rename_statistics(parts, self._parts)
        self._parts = parts
        sample_all(lambda: self._parts, self._proxy)
        return drained

    def _when_drained(self, drained: asyncio.Future[None], earlier: Parts) -> None:
        """Close what only the earlier parts have, once no handshake uses it."""

        async def drain() -> None:
            await drained
            await close_earlier(earlier, self._parts)

        task = asyncio.create_task(drain(), name="earlier parts")
        self._drains.add(task)
        task.add_done_callback(self._drains.discard)

    def _grace_text(self) -> str:
        if self._grace_seconds == 0:
            return "open connections are closed now"
        return f"open connections have {self._grace_seconds:.0f} s to finish"

    def _log_start(self, listens: Sequence[str]) -> None:
        """Log a line with everything that a bug report needs, and no secret."""
        options = self._parts.options
        address, host = mtglib.host_and_port(*self._proxy.domain_fronting_address), options.default_host
        self._logger.bind(
            version=mtg.__version__,
            python=platform.python_version(),
            engine=self._proxy.relay_engine,
            bind_to=listens,
            domain_fronting=address if self._proxy.domain_fronting_address[0] == host else f"{host} at {address}",
            concurrency=options.concurrency,
        ).info("mtg has started")
        for warning in self._parts.warnings:
            self._logger.warning(warning)

    def _exit_code(self, broken: Sequence[BaseException]) -> int:
        for error in broken:
            self._logger.warning("no longer listening", error=error)
        return EXIT_RUNTIME if broken else 0
