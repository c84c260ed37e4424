"""A DC with addresses of two families, a network in which each has its fate, and timers that the test lets go off."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any

from mtglib.dc import DCAddress, DCChoice
from unit.scripted_dials import Answer, ScriptedNetwork

SIX_A, SIX_B = (DCAddress(ip_address(f"2001:db8::{n}"), 443) for n in (1, 2))
FOUR_A, FOUR_B = (DCAddress(ip_address(f"192.0.2.{n}"), 443) for n in (1, 2))
BOTH = DCChoice(2, 2, (SIX_A, SIX_B, FOUR_A, FOUR_B))


class Fates(ScriptedNetwork):
    """A network where each address has its fate; keeps the sockets that it returned."""

    def __init__(self, fates: Mapping[DCAddress, Answer]) -> None:
        super().__init__()
        self.fates = dict(fates)
        self.cancelled: list[str] = []
        self.most_at_once = 0
        self._at_once = 0
        self.returned: list[socket.socket] = []

    @property
    def hosts(self) -> list[str]:
        return [host for host, _, _ in self.dialled]

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.dialled.append((host, port, timeout_seconds))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            sock: socket.socket = await self.fates[DCAddress(ip_address(host), port)]()
        except asyncio.CancelledError:
            self.cancelled.append(host)
            raise
        finally:
            self._at_once -= 1
        self.returned.append(sock)
        return sock


class Timers:
    """Stands for a loop whose clock stands still, in which ``most`` timers go off at once and others never.

    Notes the timers' ``delays``.
    """

    def __init__(self) -> None:
        self.most = 1000
        self.delays: list[float] = []
        self.now_mono = 0.0
        self._get_running_loop = asyncio.get_running_loop

    def __call__(self) -> Timers:
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._get_running_loop(), name)

    def time(self) -> float:
        return self.now_mono

    def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.Handle:
        self.delays.append(delay)
        loop = self._get_running_loop()
        return loop.call_soon(callback) if len(self.delays) <= self.most else loop.call_later(3600, callback)
