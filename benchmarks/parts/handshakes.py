"""What all parts together cost a connection: the same program with everything switched on and off."""

from __future__ import annotations

import os
import random
import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

from benchmarks.folder import bench_folder
from benchmarks.parts.interleaved import interleaved
from benchmarks.parts.line import Line
from benchmarks.parts.udp_sink import udp_sink
from benchmarks.peers.dc import running_dc
from benchmarks.rows.connection import CONNECTION, HANDSHAKE
from benchmarks.rows.row import Load, Row
from benchmarks.sizes import FULL, QUICK
from benchmarks.subjects.ours import DEFAULT_COMMAND, running_ours
from benchmarks.subjects.process import free_port

_TARGET = 1.1
# A tenth is a small difference: with the table's 2000 connections a run, the ratio of two runs varies as much.
_RUNS = 9
_SIZES = replace(FULL, connections=4 * FULL.connections)
_LISTED = 100_000
_SERIES_WHEN_ON = (
    "connections_finished",
    'iplist_size{ip_list="allowlist"}',
    'iplist_size{ip_list="blocklist"}',
    "replay_memory_entries",
)

_OFF = """
[network]
dns = ""
[network.keep-alive]
disabled = true
[defense.anti-replay]
enabled = false
"""
_ON = """
[network]
dns = "https://127.0.0.1"
[defense]
cache-directory = "{folder}/cache"
[defense.blocklist]
enabled = true
urls = ["{folder}/block.netset"]
[defense.allowlist]
enabled = true
urls = ["{folder}/allow.netset"]
[stats.prometheus]
enabled = true
bind-to = "127.0.0.1:{prometheus_port}"
[stats.statsd]
enabled = true
address = "127.0.0.1:{statsd_port}"
"""


def measure_handshakes(quick: bool) -> Iterator[Line]:
    """The ratio of CPU times, median of interleaved runs; a handshake ends after our answer."""
    for row in (HANDSHAKE, CONNECTION):
        values = _compare(row, runs=1 if quick else _RUNS, quick=quick)
        off, on = (statistics.median(value[index] for value in values) for index in (0, 1))
        yield Line(f"{row.key}s per CPU second, all parts off", 1e6 / off, "1/s")
        yield Line(f"{row.key}s per CPU second, all parts on", 1e6 / on, "1/s")
        ratio = statistics.median(value[1] / value[0] for value in values)
        target = _TARGET if row is HANDSHAKE else None
        yield Line(f"{row.key}, CPU time with all parts on divided by off", ratio, "x", target)


def _compare(row: Row, *, runs: int, quick: bool) -> list[list[float]]:
    sizes = QUICK if quick else _SIZES
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        folder = stack.enter_context(bench_folder())
        dc = stack.enter_context(running_dc(row.serve))
        statsd = stack.enter_context(udp_sink())
        _write_lists(folder)
        prometheus_port = free_port()
        on = _ON.format(folder=folder, prometheus_port=prometheus_port, statsd_port=statsd.port)
        proxies = [
            stack.enter_context(running_ours(DEFAULT_COMMAND, True, folder, dc.port, more_settings=settings))
            for settings in (_OFF, on)
        ]
        values = interleaved(row, proxies, load, sizes, runs)
        dc.check()
        statsd.check()
        _check_that_all_is_on(prometheus_port)
        return values


def _write_lists(folder: Path) -> None:
    chance = random.Random(3)
    blocked = "".join(f"{chance.randrange(128, 224)}.{os.urandom(1)[0]}.{n % 256}.0/24\n" for n in range(_LISTED))
    (folder / "block.netset").write_text(blocked)
    (folder / "allow.netset").write_text("127.0.0.0/8\n::1\n")


def _check_that_all_is_on(prometheus_port: int) -> None:
    """Raise unless the metrics page says that the program counts, has both lists and remembers hellos."""
    with urlopen(f"http://127.0.0.1:{prometheus_port}/") as page:
        lines = page.read().decode().splitlines()
    for series in _SERIES_WHEN_ON:
        if not any(line.startswith(f"mtg_{series}") and float(line.rpartition(" ")[2]) > 0 for line in lines):
            raise RuntimeError(f"not all parts were on: the metrics page has no {series}")
