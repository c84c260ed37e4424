"""What honest clients notice while new visitors keep coming, send one byte and stay."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks import procfs
from benchmarks.folder import bench_folder
from benchmarks.parts.line import Line
from benchmarks.peers import visitors
from benchmarks.peers.dc import running_dc, serve_echo
from benchmarks.peers.errors import RelayError
from benchmarks.peers.session import MESSAGE
from benchmarks.rows.row import Load
from benchmarks.subjects.ours import DEFAULT_COMMAND, running_ours
from benchmarks.subjects.process import ProxyProcess

_RUNS = 5
_HELD = 2000  # below all limits of the proxy
_PER_SECOND = 500.0
_CONNECTIONS = 400
_QUICK_DIVISOR = 20


@dataclass(frozen=True)
class _Measured:
    median_seconds: float
    worst_seconds: float
    cpu_seconds: float
    clock_seconds: float


def measure_visitors(quick: bool) -> Iterator[Line]:
    """Medians over interleaved runs; "beside" includes the visitors' CPU time in that of the connections."""
    divisor = _QUICK_DIVISOR if quick else 1
    held, connections = _HELD // divisor, _CONNECTIONS // divisor
    alone, beside = _runs(1 if quick else _RUNS, held, connections)
    flood = f"beside {held} visitors of one byte and {_PER_SECOND:g}/s more"
    for what, measured in (("alone", alone), (flood, beside)):
        yield Line(f"connection {what}: median time", _median(run.median_seconds for run in measured) * 1e3, "ms")
        yield Line("  worst time", _median(run.worst_seconds for run in measured) * 1e3, "ms")
        yield Line("  CPU time", _median(run.cpu_seconds for run in measured) / connections * 1e6, "us")
    shares = (on.cpu_seconds / on.clock_seconds for on in beside)
    yield Line("  the proxy's share of a core meanwhile", _median(shares) * 100, "%")
    extra = (
        (on.cpu_seconds - off.cpu_seconds) / (_PER_SECOND * on.clock_seconds)
        for off, on in zip(alone, beside, strict=True)
    )
    yield Line("a visitor of one byte: CPU time", _median(extra) * 1e6, "us")


def _runs(runs: int, held: int, connections: int) -> tuple[list[_Measured], list[_Measured]]:
    alone, beside = [], []
    with ExitStack() as stack:
        clients, crowd = stack.enter_context(Load()), stack.enter_context(Load())
        folder = stack.enter_context(bench_folder())
        dc = stack.enter_context(running_dc(serve_echo))
        site = stack.enter_context(running_dc(visitors.serve_silently))
        proxy = stack.enter_context(running_ours(DEFAULT_COMMAND, True, folder, dc.port, site_port=site.port))
        _connect(proxy, clients, connections)
        proxy.settle()
        idle_sockets = procfs.open_sockets(proxy.pid)
        threads = stack.enter_context(ThreadPoolExecutor(1))
        for _ in range(runs):
            alone.append(_connect(proxy, clients, connections))
            crowd(visitors.open_visitors, proxy.address.port, held)
            proxy.settle()
            # Beside visitors, connections may take several times longer. Visitors have to come for at least that time.
            seconds = 3 * alone[-1].clock_seconds + 2.0
            coming = threads.submit(crowd, visitors.keep_coming, proxy.address.port, _PER_SECOND, seconds)
            beside.append(_connect(proxy, clients, connections))
            if coming.done():
                raise RelayError("the visitors stopped coming while connections were measured beside them")
            coming.result()
            if (sockets := procfs.open_sockets(proxy.pid) - idle_sockets) < held:
                raise RelayError(f"the proxy holds {sockets} sockets of {held} visitors, expected one or two of each")
            crowd(visitors.close_visitors)
            proxy.settle()
        dc.check()
    return alone, beside


def _connect(proxy: ProxyProcess, load: Load, connections: int) -> _Measured:
    start_mono, start_cpu = time.monotonic(), proxy.cpu_seconds()
    taken = load(visitors.timed_connections, proxy.address, MESSAGE, connections)
    cpu_seconds, clock_seconds = proxy.cpu_seconds() - start_cpu, time.monotonic() - start_mono
    return _Measured(statistics.median(taken), max(taken), cpu_seconds, clock_seconds)


def _median(values: Iterator[float]) -> float:
    return statistics.median(values)
