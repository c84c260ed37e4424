"""Learns in which records the site sends its pages, by loading some of them.

It loads when a client has come, as if that were a visitor: each page a few times with pauses of some seconds, one at a
time, and the same again every few hours.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from ..errors import UpstreamError
from ..ground.guarded_logger import GuardedLogger, Warnings
from ..page_urls import Page
from ..relay.job import PageRecords, Shape

_PAUSE_SECONDS: Final = (0.5, 3.0)
_JITTER: Final = (0.8, 1.2)
_AFTER_A_FAILURE_SECONDS: Final = (600.0, 1200.0)
_MOST_KEPT: Final = 16
_CANCEL_TIMEOUT: Final = 0.1  # a user's network may swallow its cancellation


class RecordLearner:
    """Loads pages.

    Args:
        dial: See below.
        pages: What to load; if there is nothing, it does nothing.
        repeats: How often each page is loaded.
        refresh_seconds: How long after that they are loaded again, give or take a fifth.
        logger: Gets a message about each page that was loaded.
        warnings: Gets reports about a site that can't be learnt from.
        clock: Returns monotonic seconds.

    Attributes:
        dial: Connects to the site.
        shape: What was learnt; None as long as there is nothing.
        learning: What is being done, if anything.
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[socket.socket]],
        pages: Sequence[Page],
        repeats: int,
        refresh_seconds: float,
        logger: GuardedLogger,
        warnings: Warnings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dial = dial
        self._is_closed = False
        self._pages = tuple(pages)
        self._repeats = repeats
        self._refresh_seconds = refresh_seconds
        self._logger = logger
        self._warnings = warnings
        self._clock = clock
        self._due_mono = clock()
        self._learnt: deque[PageRecords] = deque(maxlen=_MOST_KEPT)
        self.shape: Shape | None = None
        self.learning: asyncio.Task[None] | None = None

    def goes_on(self, pages: Sequence[Page], repeats: int, refresh_seconds: float) -> bool:
        """Whether it loads these pages, as often as that."""
        return (self._pages, self._repeats, self._refresh_seconds) == (tuple(pages), repeats, refresh_seconds)

    def take_over(self, earlier: RecordLearner) -> None:
        """Use what another one has learnt, until there is more."""
        self._learnt.extend(earlier._learnt)
        self.shape = earlier.shape

    def saw_client(self, preamble: bytes) -> None:
        """Load the pages, if it is time to.

        Args:
            preamble: What the site gets before each request.
        """
        if self._pages and not self._is_closed and self.learning is None and self._clock() >= self._due_mono:
            self.learning = asyncio.get_running_loop().create_task(self._learn(preamble), name="mtg-learn-records")

    async def close(self) -> None:
        """Stop loading, for ever."""
        self._is_closed = True
        if self.learning is not None:
            self.learning.cancel()
            await asyncio.wait([self.learning], timeout=_CANCEL_TIMEOUT)

    async def _learn(self, preamble: bytes) -> None:
        pause_seconds = random.uniform(*_AFTER_A_FAILURE_SECONDS)  # noqa: S311 - no secret
        page = self._pages[0]
        try:
            for page in random.sample(self._pages * self._repeats, len(self._pages) * self._repeats):
                loaded = await self._load(preamble, page)
                self._tell_of(page, loaded)
                self._learnt.append(loaded)
                self.shape = Shape(pages=tuple(self._learnt))
                await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - no secret
            pause_seconds = self._refresh_seconds * random.uniform(*_JITTER)  # noqa: S311 - no secret
        except (OSError, UpstreamError) as error:
            why = str(error) or "time-out"
            self._warnings.warn("records", f"the records of the fronting site's {page.path} can't be learnt: {why}")
        finally:
            self.learning = None
            self._due_mono = self._clock() + pause_seconds

    def _tell_of(self, page: Page, loaded: PageRecords) -> None:
        size_bytes = sum(record.size_bytes for record in loaded.records)
        self._logger.debug(
            f"the records of the fronting site's {page.path} were learnt: {len(loaded.records)} of {size_bytes} bytes"
        )

    async def _load(self, preamble: bytes, page: Page) -> PageRecords:
        from .page import load_page  # imported here: few need it, and the HTTP/2 library behind it takes memory

        with await self.dial() as sock:
            return await load_page(sock, preamble, page, self._clock)
