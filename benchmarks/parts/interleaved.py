"""A row's value for several settings of the proxy, measured side by side."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.rows.row import Load, Row
from benchmarks.sizes import QUICK, Sizes
from benchmarks.subjects.process import ProxyProcess


def interleaved(row: Row, proxies: Sequence[ProxyProcess], load: Load, sizes: Sizes, runs: int) -> list[list[float]]:
    """Measure each proxy once a run, in turns from either end; return each run's values, in the proxies' order."""
    for proxy in proxies:
        row.measure(proxy, load, QUICK)
    values = []
    for run in range(runs):
        value = [0.0] * len(proxies)
        for index in range(len(proxies)) if run % 2 else reversed(range(len(proxies))):
            proxies[index].settle()
            value[index] = row.measure(proxies[index], load, sizes).value
        values.append(value)
    return values
