"""Schedules the reading of the sources."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

from .list_error import presentable
from .merged import MergedPrefixes
from .report import Report
from .source import Source

_JITTER = 0.1


class Refresh:
    """Reads sources in parallel. It raises nothing: a failure becomes the `problem` of its source.

    Args:
        sources: At least one.
        report: Gets reports about the sources.

    Attributes:
        sources: As given.
        merged: The merged contents.
    """

    def __init__(self, sources: Sequence[Source], report: Report) -> None:
        self.merged = MergedPrefixes(sources, report)
        self.sources = sources
        self._report = report
        self._taken_over: set[Source] = set()

    async def load(self) -> None:
        """Load the data on this machine."""
        await asyncio.gather(*(self._load_one(source) for source in self.sources))

    async def take_over(self, earlier: Refresh) -> None:
        """Begin with the contents of sources that another object has, too; they are read again when it is time to."""
        known = {source.name: source for source in earlier.sources}
        for source in self.sources:
            if (same := known.get(source.name)) is not None and type(same) is type(source):
                source.take_over(same)
                self._taken_over.add(source)
                try:
                    await self.merged.renew(source)
                except Exception as error:
                    self._failed(source, "list can't be loaded", error)

    async def update_missing(self) -> None:
        """Read the sources that have no contents yet."""
        await asyncio.gather(*(self._update_one(source) for source in self.sources if not source.digest))

    async def update(self) -> None:
        """Read all sources again."""
        await asyncio.gather(*(self._update_one(source) for source in self.sources))

    async def keep_fresh(self, period_seconds: float, retry_seconds: float) -> None:
        """Load, then update each source at its own times, forever."""
        await self.load()
        async with asyncio.TaskGroup() as tasks:
            for source in self.sources:
                keeping = self._keep_one_fresh(source, period_seconds, retry_seconds)
                tasks.create_task(keeping, name="mtg-ip-list-source")

    async def _keep_one_fresh(self, source: Source, period_seconds: float, retry_seconds: float) -> None:
        failures = 0
        if source in self._taken_over and source.read_mono is not None:
            await asyncio.sleep(source.read_mono + period_seconds - time.monotonic())
        while True:
            await self._update_one(source)
            failures = failures + 1 if source.problem else 0
            spread = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - it spreads load
            await asyncio.sleep(_pause_seconds(period_seconds, retry_seconds, failures) * spread)

    async def _load_one(self, source: Source) -> None:
        async with source.busy:
            try:
                await source.load()
                await self.merged.renew(source)
            except Exception as error:
                self._failed(source, "list can't be loaded", error)

    async def _update_one(self, source: Source) -> None:
        async with source.busy:
            try:
                await source.update()
                await self.merged.renew(source)
            except Exception as error:  # the network and its client may be the user's, and raise anything
                self._failed(source, "list can't be updated", error)
            else:
                source.problem = ""
                source.read_mono = time.monotonic()
                self._report.available(source)
            self._report.copies(self.sources)

    def _failed(self, source: Source, what: str, error: Exception) -> None:
        shown = presentable(error, source.secrets)
        source.problem = str(shown) or type(shown).__name__
        self._report.failed(source, what, shown)


def _pause_seconds(period_seconds: float, retry_seconds: float, failures: int) -> float:
    """Return how long to wait after so many failures in a row; 0 is a success."""
    if failures == 0:
        return period_seconds
    return min(period_seconds, retry_seconds * 2.0 ** min(failures - 1, 60))
