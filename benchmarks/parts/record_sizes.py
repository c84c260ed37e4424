"""What it costs downloads to come in other records than full ones."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from benchmarks.folder import bench_folder
from benchmarks.parts.interleaved import interleaved
from benchmarks.parts.line import Line
from benchmarks.peers.dc import running_dc
from benchmarks.peers.page_site import PageSite
from benchmarks.rows.bulk import DOWNLOAD_FAST, DOWNLOAD_REENCRYPTED
from benchmarks.rows.row import Load, Row
from benchmarks.sizes import FULL, QUICK, Sizes
from benchmarks.subjects.ours import DEFAULT_COMMAND, FRONTED_HOST, running_ours
from benchmarks.subjects.process import ProxyProcess

_RUNS = 5
# 1 GB over four connections, and over a thousand: each of those ends soon after its records have become full ones.
_SIZES = {"250 MB each": FULL, "1 MB each": replace(FULL, bulk_connections=1000, bulk_blocks=4)}
_QUICK_SIZES = {"8 MB each": QUICK}
_DRS = "[defense.doppelganger]\ndrs = true\n"
_LEARNT = f'[defense.doppelganger]\nurls = ["https://{FRONTED_HOST}/"]\nrepeats-per-raid = 1\n'
_LEARNT += "[defense.front-learning]\nenabled = false\n"  # the site has one visitor only
_LEARNT_PAUSES = {"learnt": 0.0, "learnt, with 1 ms before each record": 0.001}
_NAMES = ("full records", "drs", *_LEARNT_PAUSES)


def measure_record_sizes(quick: bool) -> Iterator[Line]:
    """CPU seconds a GB of each, medians of interleaved runs."""
    for row in (DOWNLOAD_FAST,) if quick else (DOWNLOAD_FAST, DOWNLOAD_REENCRYPTED):
        for what, sizes in (_QUICK_SIZES if quick else _SIZES).items():
            values = _compare(row, sizes, 1 if quick else _RUNS)
            for index, name in enumerate(_NAMES):
                yield Line(
                    f"{row.title}, {what}: {name}", statistics.median(value[index] for value in values), row.unit
                )


def _compare(row: Row, sizes: Sizes, runs: int) -> list[list[float]]:
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        folder = stack.enter_context(bench_folder())
        dc = stack.enter_context(running_dc(row.serve))

        def proxy(settings: str, site_port: int | None = None) -> ProxyProcess:
            running = running_ours(
                DEFAULT_COMMAND, row.fast_mode, folder, dc.port, site_port=site_port, more_settings=settings
            )
            return stack.enter_context(running)

        proxies = [proxy(settings) for settings in ("", _DRS)]
        for pause_seconds in _LEARNT_PAUSES.values():
            site = stack.enter_context(PageSite(FRONTED_HOST, pause_seconds))
            proxies.append(proxy(_LEARNT, site.port))
            row.measure(proxies[-1], load, QUICK)
            site.wait_until_loaded()
        values = interleaved(row, proxies, load, sizes, runs)
        dc.check()
        return values
