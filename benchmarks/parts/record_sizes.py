"""What dynamic record sizing costs downloads."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from benchmarks.folder import bench_folder
from benchmarks.parts.interleaved import interleaved
from benchmarks.parts.line import Line
from benchmarks.peers.dc import running_dc
from benchmarks.rows.bulk import DOWNLOAD_FAST, DOWNLOAD_REENCRYPTED
from benchmarks.rows.row import Load, Row
from benchmarks.sizes import FULL, QUICK, Sizes
from benchmarks.subjects.ours import DEFAULT_COMMAND, running_ours

_RUNS = 5
# 1 GB over four connections, and over a thousand: each of those ends soon after its records have become full ones.
_SIZES = {"250 MB each": FULL, "1 MB each": replace(FULL, bulk_connections=1000, bulk_blocks=4)}
_QUICK_SIZES = {"8 MB each": QUICK}
_DRS = "[defense.doppelganger]\ndrs = true\n"


def measure_record_sizes(quick: bool) -> Iterator[Line]:
    """CPU seconds a GB without and with it, medians of interleaved runs."""
    for row in (DOWNLOAD_FAST, DOWNLOAD_REENCRYPTED):
        for what, sizes in (_QUICK_SIZES if quick else _SIZES).items():
            values = _compare(row, sizes, 1 if quick else _RUNS)
            without, with_drs = (statistics.median(value[index] for value in values) for index in (0, 1))
            yield Line(f"{row.title}, {what}: full records", without, row.unit)
            yield Line(f"{row.title}, {what}: drs", with_drs, row.unit)


def _compare(row: Row, sizes: Sizes, runs: int) -> list[list[float]]:
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        folder = stack.enter_context(bench_folder())
        dc = stack.enter_context(running_dc(row.serve))
        proxies = [
            stack.enter_context(running_ours(DEFAULT_COMMAND, row.fast_mode, folder, dc.port, more_settings=settings))
            for settings in ("", _DRS)
        ]
        values = interleaved(row, proxies, load, sizes, runs)
        dc.check()
        return values
