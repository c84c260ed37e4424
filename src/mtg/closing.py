"""Closes parts one after the other, with a time limit for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar

import mtglib

CLOSING_SECONDS = 0.5
"""How long the ends of all parts may take together."""

_LEAST_SECONDS = 0.02

_T = TypeVar("_T")


class Closing:
    """An exit stack with a time limit. An exception in an exit becomes a warning, and the others still run.

    Args:
        logger: Gets warnings about parts that didn't end in time or raised.
        seconds: The limit for all exits together; each gets a moment even if no time is left.
    """

    def __init__(self, logger: mtglib.Logger, seconds: float = CLOSING_SECONDS) -> None:
        self._logger = logger
        self._seconds = seconds
        self._stack = AsyncExitStack()
        self._deadline_mono = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._deadline_mono = asyncio.get_running_loop().time() + self._seconds
        return await self._stack.__aexit__(kind, error, trace)

    def push(self, what: str, close: Callable[[], Awaitable[object]]) -> None:
        """Call and await `close` on the way out."""
        self._stack.push_async_callback(self._bounded, what, close)

    async def enter(self, what: str, part: AbstractAsyncContextManager[_T]) -> _T:
        """Enter a part now and exit it at the end; it doesn't get exceptions from elsewhere."""
        entered = await part.__aenter__()
        self.push(what, lambda: part.__aexit__(None, None, None))
        return entered

    async def _bounded(self, what: str, close: Callable[[], Awaitable[object]]) -> None:
        left_seconds = self._deadline_mono - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(left_seconds, _LEAST_SECONDS)):
                await close()
        except TimeoutError:
            self._logger.warning(f"shutdown: {what} didn't finish in time and was abandoned")
        except Exception as error:
            self._logger.warning(f"shutdown: {what} failed", error=error)
