"""Peers that misbehave: they read slowly, vanish or half-close. Most are handlers for FakeDC."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from support.fake_dc import DCConnection, Handler
from support.pattern import Pattern

SMALL_BUFFER_BYTES = 4096
"""A ``receive_buffer_bytes`` with which the other side notices a slow reader after a few KiB."""


class Readable(Protocol):
    """The ``recv`` of a FakeTLSClient or a DCConnection: returns some bytes, ``b""`` at the end."""

    def __call__(self, max_bytes: int = ..., /) -> Awaitable[bytes]: ...


async def drip(recv: Readable, pattern: Pattern, total_bytes: int, *, step_bytes: int, rounds: int = 5) -> None:
    """Read `total_bytes` of a pattern in small steps, with some turns of the event loop in between, and check each.

    It is slow because it does little at a time, not by the clock: nothing here depends on how long anything takes.
    """
    while (left := total_bytes - pattern.position_bytes) > 0:
        data = await recv(min(step_bytes, left))
        if not data:
            raise EOFError(f"ended {left} bytes early")
        pattern.check(data)
        for _ in range(rounds):
            await asyncio.sleep(0)


class Stalled:
    """Reads nothing until ``resume`` is set, then passes the connection to another handler."""

    def __init__(self, then: Handler) -> None:
        self.resume = asyncio.Event()
        self._then = then

    async def __call__(self, connection: DCConnection) -> None:
        """Wait, then run the handler."""
        await self.resume.wait()
        await self._then(connection)


def reset_after(count_bytes: int, *, answer: bytes = b"") -> Handler:
    """Read `count_bytes`, send an answer, then close with a RST."""

    async def handle(connection: DCConnection) -> None:
        await connection.recv_exactly(count_bytes)
        await connection.send(answer)
        connection.reset()

    return handle


def half_close_after(count_bytes: int, *, answer: bytes = b"") -> Handler:
    """Read `count_bytes`, send an answer and a FIN, then read until the client ends."""

    async def handle(connection: DCConnection) -> None:
        await connection.recv_exactly(count_bytes)
        await connection.send(answer)
        connection.send_eof()
        await connection.recv_until_end()

    return handle


def answer_after_eof(make_answer: Callable[[DCConnection], bytes]) -> Handler:
    """Answer only after the client's FIN: a relay that doesn't half-close loses the answer."""

    async def handle(connection: DCConnection) -> None:
        await connection.recv_until_end()
        await connection.send(make_answer(connection))

    return handle
