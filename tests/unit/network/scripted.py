"""A network whose dials do what they are told, and a clock that moves when it is told to."""

from __future__ import annotations

import asyncio
import socket

from mtglib.network import Direct


class Clock:
    """Monotonic seconds."""

    def __init__(self) -> None:
        self.now_mono = 1000.0

    def __call__(self) -> float:
        return self.now_mono


class Scripted(Direct):
    """Dials with the outcomes of ``then``, in turn; the last one stays.

    An outcome is an error to raise, a future to wait for, or None: a socket that leads nowhere.
    """

    def __init__(self, *then: Exception | asyncio.Future[None] | None) -> None:
        super().__init__()
        self.then = list(then) or [None]
        self.time_outs: list[float] = []

    @property
    def dialled(self) -> int:
        """How often it was asked."""
        return len(self.time_outs)

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.time_outs.append(timeout_seconds)
        outcome = self.then.pop(0) if len(self.then) > 1 else self.then[0]
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is not None:
            await asyncio.shield(outcome)
        sock = socket.socket()
        sock.setblocking(False)
        return sock
