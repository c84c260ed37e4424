"""The listeners of `bind-to` and what the proxy does with them. They can be replaced while it runs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeAlias

import mtglib
from mtg.build import Parts
from mtg.config.addresses import Listen, ListenIP
from mtg.listeners import address_text, open_listener

_ListenKey: TypeAlias = tuple[Listen, bool]  # an address, and whether it leaves IPv4 alone


@dataclass(slots=True)
class _Listener:
    sock: socket.socket
    address: str
    ends: ExitStack
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class OpenedListeners:
    """Listeners that are open, but not all in use yet.

    Attributes:
        parts: The parts whose `listens` they are.
        new: Those that aren't in use.
        all: Those and the ones that stay, in the order of `listens`.
        ends: Closes the new ones, unless they are in use by then.
    """

    parts: Parts
    new: Mapping[_ListenKey, _Listener]
    all: Mapping[_ListenKey, _Listener]
    ends: ExitStack = field(repr=False)

    @property
    def sockets(self) -> list[socket.socket]:
        """All of them."""
        return [one.sock for one in self.all.values()]

    def keep(self) -> None:
        """The new ones are in use."""
        self.ends.pop_all()


class Serving:
    """Serves the listeners.

    Args:
        proxy: The proxy.
        logger: Gets a message about an option that the kernel lacks.

    Attributes:
        has_failed: Set when a listener has failed.
    """

    def __init__(self, proxy: mtglib.Proxy, logger: mtglib.Logger) -> None:
        self._proxy = proxy
        self._logger = logger
        self._listeners: dict[_ListenKey, _Listener] = {}
        self._parts: Parts | None = None
        self.has_failed = asyncio.Event()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it listens, as `bind-to` would write it."""
        return tuple(one.address for one in self._listeners.values())

    def open(self, parts: Parts) -> OpenedListeners:
        """Open those of a configuration that aren't open yet, all or none.

        Raises:
            UserError: One of them can't be opened; the message says which and why.
        """
        key, wanted = f"{parts.source}: bind-to", [(one, _leaves_v4(one, parts)) for one in parts.listens]
        leaving = [one.sock for key, one in self._listeners.items() if key not in wanted]
        new: dict[_ListenKey, _Listener] = {}
        with ExitStack() as ends:
            for each in wanted:
                if each in self._listeners:
                    continue
                own = ends.enter_context(ExitStack())
                opening = open_listener(
                    each[0], parts.listens, key, parts.client_tcp, beside=_of_port(each[0], leaving)
                )
                sock = own.enter_context(opening)
                parts.socket_options.apply(sock, self._logger)  # accepted connections inherit them, except keep-alive
                new[each] = _Listener(sock, address_text(sock), own)
            every = {each: new.get(each) or self._listeners[each] for each in wanted}
            return OpenedListeners(parts, new, every, ends.pop_all())

    def set_options(self, opened: OpenedListeners) -> None:
        """Give those that stay the options of the new ones.

        Raises:
            UserError: The kernel can't set one.
        """
        for key, one in opened.all.items():
            if key not in opened.new and self._parts is not None:
                self._follow(one.sock, opened.parts, self._parts)

    def use(self, opened: OpenedListeners) -> None:
        """Serve these listeners from now on; close the others, once what waits there is accepted."""
        opened.keep()
        gone = [one for key, one in self._listeners.items() if key not in opened.all]
        self._parts, self._listeners = opened.parts, dict(opened.all)
        for key, one in opened.new.items():
            one.task = asyncio.create_task(self._serve(key, one), name=one.address)
        for one in gone:
            if one.task is not None:
                one.task.cancel()

    async def over(self) -> list[BaseException]:
        """Wait until the proxy has been shut down; return why listeners have failed."""
        tasks = [one.task for one in self._listeners.values() if one.task is not None]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        return [result for result in results if isinstance(result, Exception)]

    async def _serve(self, key: _ListenKey, one: _Listener) -> None:
        """Serve clients and close the listener at the end: connections during the grace period are refused."""
        with one.ends:
            try:
                await self._proxy.serve(one.sock)
            except Exception:
                if self._listeners.get(key) is one:
                    self.has_failed.set()
                raise

    def _follow(self, sock: socket.socket, parts: Parts, earlier: Parts) -> None:
        parts.client_tcp.follow(earlier.client_tcp, sock)
        if sock.family != socket.AF_UNIX and parts.socket_options != earlier.socket_options:
            # the system's, unless there is another one
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 0)
            parts.socket_options.apply(sock, self._logger)


def _leaves_v4(listen: Listen, parts: Parts) -> bool:
    return isinstance(listen, ListenIP) and listen.ip.version == 6 and listen.has_v4_beside(parts.listens)


def _of_port(listen: Listen, listeners: list[socket.socket]) -> list[socket.socket]:
    if not isinstance(listen, ListenIP) or not listen.port:
        return []
    return [one for one in listeners if one.family != socket.AF_UNIX and one.getsockname()[1] == listen.port]
