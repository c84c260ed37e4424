"""How much a relay holds that it has read and not delivered: the one place that looks into the proxy for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import mtglib

LIMIT_BYTES = 256 * 1024
"""What one direction of a relay may hold."""


@dataclass
class Held:
    """Bytes held now over all connections, and the most that one direction had so far."""

    now_bytes: int = 0
    peak_bytes: int = 0


def held(proxy: mtglib.Proxy) -> Held:
    """Ask the relay: the engine counts, of the pure relay's sessions this is a look at this moment."""
    relay: Any = proxy._relay._relay
    if relay is None:
        return Held()
    if proxy.relay_engine == "native":
        return Held(*relay._engine.buffered_bytes())
    pending = [len(d.pending) for session in relay._sessions for d in (session._up, session._down)]
    return Held(sum(pending), max(pending, default=0))


@contextlib.asynccontextmanager
async def watched(proxy: mtglib.Proxy) -> AsyncIterator[Held]:
    """Look again and again inside the context, and keep the peak."""
    seen = Held()

    async def look() -> None:
        while True:
            found = held(proxy)
            seen.now_bytes, seen.peak_bytes = found.now_bytes, max(seen.peak_bytes, found.peak_bytes)
            await asyncio.sleep(0)

    looking = asyncio.create_task(look(), name="test-look")
    try:
        yield seen
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
