"""Schedules the reading of the sources."""

from __future__ import annotations

import asyncio
import random
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
        merged: The merged contents.
    """

    def __init__(self, sources: Sequence[Source], report: Report) -> None:
        self.merged = MergedPrefixes(sources, report)
        self._sources = sources
        self._report = report

    async def load(self) -> None:
        """Load the data on this machine."""
        await asyncio.gather(*(self._load_one(source) for source in self._sources))

    async def update(self) -> None:
        """Read all sources again."""
        await asyncio.gather(*(self._update_one(source) for source in self._sources))

    async def keep_fresh(self, period_seconds: float, retry_seconds: float) -> None:
        """Load, then update each source at its own times, forever."""
        await self.load()
        async with asyncio.TaskGroup() as tasks:
            for source in self._sources:
                keeping = self._keep_one_fresh(source, period_seconds, retry_seconds)
                tasks.create_task(keeping, name="mtg-ip-list-source")

    async def _keep_one_fresh(self, source: Source, period_seconds: float, retry_seconds: float) -> None:
        failures = 0
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
                self._report.available(source)
            self._report.copies(self._sources)

    def _failed(self, source: Source, what: str, error: Exception) -> None:
        shown = presentable(error, source.secrets)
        source.problem = str(shown) or type(shown).__name__
        self._report.failed(source, what, shown)


def _pause_seconds(period_seconds: float, retry_seconds: float, failures: int) -> float:
    """Return how long to wait after so many failures in a row; 0 is a success."""
    if failures == 0:
        return period_seconds
    return min(period_seconds, retry_seconds * 2.0 ** min(failures - 1, 60))
