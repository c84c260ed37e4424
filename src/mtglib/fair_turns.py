"""Turns for work of which only one piece is done at a time: networks take them by turns, too."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairTurns:
    """A lock whose waiters are served network by network, so that a crowd from one of them delays no other."""

    def __init__(self) -> None:
        self._is_taken = False
        self._waiting: OrderedDict[int | None, deque[asyncio.Future[None]]] = OrderedDict()  # the next network first

    @asynccontextmanager
    async def turn(self, network: int | None) -> AsyncIterator[None]:
        """Wait for a turn, and have it for the length of the context.

        Args:
            network: Who waits, as in `Visitor.network`.
        """
        await self._take(network)
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self, network: int | None) -> None:
        if not self._is_taken:
            self._is_taken = True
            return
        called = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(network, deque()).append(called)
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():  # its turn had come
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            network, queue = self._waiting.popitem(last=False)
            called = queue.popleft()
            if queue:
                self._waiting[network] = queue
            if not called.done():
                called.set_result(None)
                return
        self._is_taken = False
