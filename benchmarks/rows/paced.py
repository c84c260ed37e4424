"""Bursts of 16 KiB every 50 ms on many connections: their CPU time, and how long the slowest are on their way."""

from __future__ import annotations

import statistics
from dataclasses import replace

from benchmarks.peers import paced
from benchmarks.rows.row import Load, Measurement, Row, cpu_cost
from benchmarks.sizes import Sizes
from benchmarks.subjects.process import ProxyProcess

_PERCENT = 99


def _measure(proxy: ProxyProcess, load: Load, sizes: Sizes) -> tuple[Measurement, list[float]]:
    """Return the CPU microseconds of a burst, and all delays in seconds."""
    load(paced.open_paced, proxy.address, sizes.paced_connections, sizes.paced_bursts)
    proxy.settle()
    delays: list[float] = []

    def work() -> None:
        delays.extend(load(paced.receive_paced))

    cost = cpu_cost(proxy, work, sizes.paced_connections * sizes.paced_bursts / 1e6)
    return cost, delays


def _cpu(proxy: ProxyProcess, load: Load, sizes: Sizes) -> Measurement:
    return _measure(proxy, load, sizes)[0]


def _delay(proxy: ProxyProcess, load: Load, sizes: Sizes) -> Measurement:
    cost, delays = _measure(proxy, load, sizes)
    return cost._replace(value=statistics.quantiles(delays, n=100)[_PERCENT - 1] * 1000)


PACED_CPU = Row("paced-cpu", "paced downloads, a burst", "CPU us", _cpu, paced.serve_paced, target=1.0)
PACED_DELAY = replace(
    PACED_CPU,
    key="paced-delay",
    title=f"paced downloads, {_PERCENT}th percentile of delay",
    unit="ms",
    measure=_delay,
    target=1.5,
)
