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
from .page_file import MOST_PAGES, name_of
from .site_store import SiteStore

_PAUSE_SECONDS: Final = (0.5, 3.0)
_JITTER: Final = (0.8, 1.2)
_AFTER_A_FAILURE_SECONDS: Final = (600.0, 1200.0)
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
        store: Keeps what was learnt; None: a restart forgets it.
        clock: Returns monotonic seconds.

    Attributes:
        dial: Connects to the site.
        learnt: What was learnt, the latest at the end.
        shape: The same; None as long as there is nothing.
        learning: What is being done, if anything.
        settings: What it was made with, as far as its owner compares that.
        loading: Reads what was kept; None once that is over, within a second or so.
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[socket.socket]],
        pages: Sequence[Page],
        repeats: int,
        refresh_seconds: float,
        logger: GuardedLogger,
        warnings: Warnings,
        store: SiteStore[PageRecords] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dial = dial
        self._is_closed = False
        self._pages = tuple(pages)
        self._repeats = repeats
        self._refresh_seconds = refresh_seconds
        self._logger = logger
        self._warnings = warnings
        self._store = store
        self._clock = clock
        self._due_mono = clock()
        self.learnt: deque[PageRecords] = deque(maxlen=MOST_PAGES)
        self.shape: Shape | None = None
        self.settings: tuple[object, ...] = ()
        self.learning: asyncio.Task[None] | None = None
        self.loading: asyncio.Task[None] | None = None

    def load(self) -> None:
        """Begin to read what was kept on disk."""
        if self._store is not None and self._pages:
            self.loading = asyncio.get_running_loop().create_task(self._restore(self._store), name="mtg-pages")

    def take_over(self, earlier: RecordLearner) -> None:
        """Use what another one has learnt, until there is more."""
        if earlier.learnt:
            self._use(*earlier.learnt)

    def saw_client(self, preamble: bytes) -> None:
        """Load the pages, if it is time to.

        Args:
            preamble: What the site gets before each request.
        """
        if self._pages and not self._is_closed and self.learning is None and self._clock() >= self._due_mono:
            self.learning = asyncio.get_running_loop().create_task(self._learn(preamble), name="mtg-learn-records")

    async def close(self) -> None:
        """Stop loading, for ever, and wait for the disk, but not for long."""
        self._is_closed = True
        if self.loading is not None:
            self.loading.cancel()
        if self.learning is not None:
            self.learning.cancel()
            await asyncio.wait([self.learning], timeout=_CANCEL_TIMEOUT)
        if self._store is not None:
            await self._store.close()

    async def _restore(self, store: SiteStore[PageRecords]) -> None:
        try:
            if kept := await store.load(name_of(self._pages)):
                self._use(*kept, *self.learnt)
        finally:
            self.loading = None

    def _use(self, *learnt: PageRecords) -> None:
        """Use all these, or the latest of them."""
        self.learnt = deque(learnt, maxlen=MOST_PAGES)
        self.shape = Shape(pages=tuple(self.learnt))

    async def _learn(self, preamble: bytes) -> None:
        pause_seconds = random.uniform(*_AFTER_A_FAILURE_SECONDS)  # noqa: S311 - no secret
        page = self._pages[0]
        try:
            for page in random.sample(self._pages * self._repeats, len(self._pages) * self._repeats):
                loaded = await self._load(preamble, page)
                self._tell_of(page, loaded)
                self._use(*self.learnt, loaded)
                if self._store is not None:
                    self._store.keep(name_of(self._pages), self.learnt)
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
