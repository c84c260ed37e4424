"""A network that follows a script, and what may happen to a dial."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

Answer = Callable[[], Awaitable[Any]]


class ScriptedNetwork:
    """A network whose n-th dial does what the n-th of `answers` does."""

    def __init__(self, *answers: Answer) -> None:
        self.dialled: list[tuple[str, int, float]] = []
        self._answers = list(answers)

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.dialled.append((host, port, timeout_seconds))
        sock: socket.socket = await self._answers.pop(0)()
        return sock

    def http_client(self, dial: Any = None) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError


async def connected() -> socket.socket:
    ours, other = socket.socketpair()
    other.close()
    return ours


async def unconnected() -> socket.socket:
    return socket.socket()


async def refused() -> None:
    raise ConnectionRefusedError("refused")


async def silent() -> None:
    await asyncio.get_running_loop().create_future()


async def broken() -> None:
    raise ZeroDivisionError("a fault of the network's own")


async def no_socket() -> str:
    return "a socket, really"
