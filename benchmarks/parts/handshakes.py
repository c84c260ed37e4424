"""What all parts together cost a connection: the same program with everything switched on, and off."""

from __future__ import annotations

import os
import random
import socket
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.folder import bench_folder
from benchmarks.parts.interleaved import interleaved
from benchmarks.parts.line import Line
from benchmarks.peers.dc import running_dc
from benchmarks.rows.connection import CONNECTION, HANDSHAKE
from benchmarks.rows.row import Load, Row
from benchmarks.sizes import FULL, QUICK
from benchmarks.subjects.ours import DEFAULT_COMMAND, running_ours
from benchmarks.subjects.process import free_port

_BAR = 1.1
# A tenth is little: with the table's 2000 connections a run, the ratio of two runs varies by as much.
_RUNS = 9
_SIZES = replace(FULL, connections=4 * FULL.connections)
_LISTED = 100_000

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
        yield Line(f"{row.key}s a CPU second, all parts off", 1e6 / off, "1/s")
        yield Line(f"{row.key}s a CPU second, all parts on", 1e6 / on, "1/s")
        ratio = statistics.median(value[1] / value[0] for value in values)
        yield Line(f"{row.key}, CPU time of on by that of off", ratio, "x", bar=_BAR if row is HANDSHAKE else None)


def _compare(row: Row, *, runs: int, quick: bool) -> list[list[float]]:
    sizes = QUICK if quick else _SIZES
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        folder = stack.enter_context(bench_folder())
        dc = stack.enter_context(running_dc(row.serve))
        statsd_port = stack.enter_context(_udp_sink())
        _write_lists(folder)
        on = _ON.format(folder=folder, prometheus_port=free_port(), statsd_port=statsd_port)
        proxies = [
            stack.enter_context(running_ours(DEFAULT_COMMAND, True, folder, dc.port, more_settings=settings))
            for settings in (_OFF, on)
        ]
        values = interleaved(row, proxies, load, sizes, runs)
        dc.check()
        return values


def _write_lists(folder: Path) -> None:
    chance = random.Random(3)
    blocked = "".join(f"{chance.randrange(128, 224)}.{os.urandom(1)[0]}.{n % 256}.0/24\n" for n in range(_LISTED))
    (folder / "block.netset").write_text(blocked)
    (folder / "allow.netset").write_text("127.0.0.0/8\n::1\n")


@contextmanager
def _udp_sink() -> Iterator[int]:
    """A statsd server that takes everything and looks at nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        yield sink.getsockname()[1]
