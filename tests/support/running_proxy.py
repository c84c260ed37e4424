"""The proxy under test, serving on a local port. Only this and `event_samples` import mtglib."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import mtglib

E = TypeVar("E", bound=mtglib.Event)


class EventRecorder:
    """An event stream that records everything; ``seen`` waits for an event instead of some time."""

    def __init__(self) -> None:
        self.events: list[mtglib.Event] = []
        self._arrived = asyncio.Event()

    def send(self, event: mtglib.Event) -> None:
        """Record an event."""
        self.events.append(event)
        self._arrived.set()

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of one kind, in their order."""
        return [event for event in self.events if isinstance(event, kind)]

    async def seen(self, kind: type[E], count: int = 1) -> list[E]:
        """Wait until `count` events of this kind were sent, and return them."""
        while len(found := self.of(kind)) < count:
            self._arrived.clear()
            await self._arrived.wait()
        return found


class RunningProxy:
    """A Proxy on 127.0.0.1 for the length of the context; leaving it shuts the proxy down.

    ``front_port`` is the site's port on 127.0.0.1, ``dcs`` the address ("ip:port") of each DC number; ``changes`` are
    attributes of ProxyOpts. Without ``secret`` one is made for ``host``.
    """

    def __init__(
        self,
        *,
        front_port: int,
        dcs: Mapping[int, str] | None = None,
        secret: mtglib.Secret | None = None,
        host: str = "front.example",
        **changes: Any,
    ) -> None:
        self.secret = secret or mtglib.Secret.generate(host)
        self.events = EventRecorder()
        self.host = "127.0.0.1"
        self.port = 0
        defaults: dict[str, Any] = {
            "event_stream": self.events,
            "domain_fronting_ip": "127.0.0.1",
            "domain_fronting_port": front_port,
            "dc_overrides": {dc: [address] for dc, address in (dcs or {}).items()},
            "front_learning": None,
        }
        self.proxy = mtglib.Proxy(mtglib.ProxyOpts.with_defaults(self.secret, **(defaults | changes)))
        self._listener: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listener = socket.create_server((self.host, 0), backlog=4096)
        self.port = self._listener.getsockname()[1]
        self._serving = asyncio.create_task(self.proxy.serve(self._listener), name="test-proxy")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.proxy.shutdown()
            if self._serving is not None:
                await self._serving
        finally:
            if self._listener is not None:
                self._listener.close()
