"""Waiting for what has no event to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_POLL_SECONDS = 0.002


async def eventually(condition: Callable[[], object], limit_seconds: float = 20.0) -> None:
    """Wait until something is true; a TimeoutError if it never is."""
    async with asyncio.timeout(limit_seconds):
        while not condition():
            await asyncio.sleep(_POLL_SECONDS)
