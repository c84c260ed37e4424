"""A Network of the tests': it tells where it was asked to go, and goes where it is told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from mtglib.network import Direct

Route: TypeAlias = tuple[str, int] | Exception | None
"""Where a dial really leads; or what it raises; or None: it never ends."""


@dataclass(frozen=True)
class Dialled:
    """A call of `dial`."""

    host: str
    port: int
    timeout_seconds: float

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port


class RoutedNetwork(Direct):
    """Follows ``routes`` and refuses everything else, so that no test can leave this machine.

    ``on_dial`` is called at each dial's start.
    """

    def __init__(self, routes: Mapping[tuple[str, int], Route] | None = None) -> None:
        super().__init__()
        self.routes = routes or {}
        self.on_dial: Callable[[], None] = lambda: None
        self.dialled: list[Dialled] = []

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """All that was dialled, in order."""
        return [call.address for call in self.dialled]

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.dialled.append(Dialled(host, port, timeout_seconds))
        self.on_dial()
        route = self.routes.get((host, port), ConnectionRefusedError(f"no route to {host} port {port}"))
        if route is None:
            await asyncio.Event().wait()
        if isinstance(route, tuple):
            return await super().dial(*route, timeout_seconds=timeout_seconds)
        assert route is not None
        raise route


class OnlyThese:
    """An IPBlocklist of fixed addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    def contains(self, ip: object) -> bool:
        self.asked.append(str(ip))
        return str(ip) in self.addresses

    async def run(self, update_each_seconds: float) -> None:
        raise AssertionError("whoever made the list runs it")

    async def shutdown(self) -> None:
        raise AssertionError("whoever made the list ends it")
