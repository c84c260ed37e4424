"""KiB of a proxy's memory for each connection that has had one message echoed and is now idle; MiB after its start."""

from __future__ import annotations

import time

from benchmarks.peers import clients
from benchmarks.peers.dc import serve_echo
from benchmarks.rows.row import Load, Measurement, Row
from benchmarks.sizes import Sizes
from benchmarks.subjects.process import ProxyProcess

_WARM_UP_CONNECTIONS = 16


def _memory(proxy: ProxyProcess, load: Load, sizes: Sizes) -> Measurement:
    # Code that the first connections load once isn't counted.
    load(clients.whole_connections, proxy.address, 1, _WARM_UP_CONNECTIONS)
    proxy.settle()
    start_mono, start_cpu, start_bytes = time.monotonic(), proxy.cpu_seconds(), proxy.pss_bytes()
    load(clients.open_and_keep, proxy.address, sizes.clients, sizes.idle)
    proxy.settle()
    grown_bytes = proxy.pss_bytes() - start_bytes
    load(clients.close_kept)
    cpu_seconds = proxy.cpu_seconds() - start_cpu
    kib_each = grown_bytes / 1024 / (sizes.clients * sizes.idle)
    return Measurement(kib_each, time.monotonic() - start_mono, cpu_seconds, cpu_seconds)


def _memory_at_start(proxy: ProxyProcess, load: Load, _sizes: Sizes) -> Measurement:
    # Not the proportional size: what is shared with the load's processes, which are Python, would count less.
    load(clients.whole_connections, proxy.address, 1, 1)
    proxy.settle()
    return Measurement(proxy.resident_bytes() / 1024**2, 0.0, 0.0, 0.0)


IDLE_MEMORY = Row(
    "idle-memory",
    "idle connection",
    "KiB",
    _memory,
    serve_echo,
    target=6.0,
    target_kind="absolute",
    fresh_process=True,
)
START_MEMORY = Row("start-memory", "memory after the start", "MiB", _memory_at_start, serve_echo, fresh_process=True)
