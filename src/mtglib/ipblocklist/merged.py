"""All sources merged for lookups, each as soon as it is loaded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from .prefixes import Prefixes, PrefixSet
from .report import Report
from .source import Source


class MergedPrefixes:
    """The union of all sources.

    One merge runs at a time, in a thread; all changes meanwhile are in the next one. So there are never more merges
    than changes, and none undoes another.

    Args:
        sources: At least one.
        report: Gets reports about each merge.

    Attributes:
        prefixes: The union.
    """

    def __init__(self, sources: Sequence[Source], report: Report) -> None:
        self.prefixes: Prefixes = PrefixSet(b"")
        self._report = report
        self._parts = {source: source.prefixes for source in sources}
        self._one_merge = asyncio.Lock()

    async def renew(self, source: Source) -> None:
        """Return when a source's current contents are merged.

        Raises:
            Exception: There is no memory or no thread for it. The previous merge stays, and the next call tries again.
        """
        async with self._one_merge:
            before = self._parts
            if before[source] is source.prefixes:
                return
            parts = {each: each.prefixes for each in before}
            self.prefixes = await _union(list(parts.values()))
            self._parts = parts
        self._report.size(self.prefixes.count)
        for each in parts:
            if parts[each] is not before[each]:
                self._report.changed(each)


async def _union(sets: Sequence[Prefixes]) -> Prefixes:
    return sets[0] if len(sets) == 1 else await asyncio.to_thread(PrefixSet.union, sets)
