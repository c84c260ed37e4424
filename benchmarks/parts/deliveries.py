"""What connections cost while their data centre is gone and their client doesn't read the rest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks import procfs
from benchmarks.folder import bench_folder
from benchmarks.parts.line import Line
from benchmarks.peers import deliveries
from benchmarks.peers.dc import running_dc
from benchmarks.peers.errors import RelayError
from benchmarks.rows.row import Load
from benchmarks.subjects.ours import RELAYS, running_ours

_CONNECTIONS = 4000
_SECONDS = 6.0
_QUICK_DIVISOR = 20
_START_TIMEOUT_SECONDS = 10.0
_POLL_SECONDS = 0.1
_CALM_SECONDS = 8.0  # until the proxy polls at its lowest rate; in all, less than its time-out of 30 s
_TARGET_PERCENT = 5.0


def measure_deliveries(quick: bool) -> Iterator[Line]:
    """The proxy's share of a core while it waits for all of these clients; both relays."""
    divisor = _QUICK_DIVISOR if quick else 1
    for name, command in RELAYS.items():
        share = _share(command, _CONNECTIONS // divisor, _SECONDS / divisor, _CALM_SECONDS / divisor)
        what = f"{_CONNECTIONS // divisor} deliveries to clients that never read, {name}"
        yield Line(f"{what}: share of a core", share * 100, "%", _TARGET_PERCENT)


def _share(command: str, connections: int, seconds: float, calm_seconds: float) -> float:
    with ExitStack() as stack:
        clients = stack.enter_context(Load())
        folder = stack.enter_context(bench_folder())
        dc = stack.enter_context(running_dc(deliveries.send_and_vanish))
        proxy = stack.enter_context(running_ours(command, True, folder, dc.port))
        idle_proxy_sockets, idle_dc_sockets = procfs.open_sockets(proxy.pid), procfs.open_sockets(dc.pid)

        def in_progress() -> int:
            """Clients with something to read, without those whose DC is still there or whose stream the proxy ended."""
            dc.check()
            unread = clients(deliveries.count_unread)
            streams = (procfs.open_sockets(proxy.pid) - idle_proxy_sockets) // 2
            dc_streams = procfs.open_sockets(dc.pid) - idle_dc_sockets
            return max(min(unread, streams) - dc_streams, 0)

        clients(deliveries.open_clients, proxy.address, connections)
        deadline_mono = time.monotonic() + _START_TIMEOUT_SECONDS
        while in_progress() < connections and time.monotonic() < deadline_mono:
            time.sleep(_POLL_SECONDS)
        time.sleep(calm_seconds)
        start_mono, start_cpu = time.monotonic(), proxy.cpu_seconds()
        time.sleep(seconds)
        share = (proxy.cpu_seconds() - start_cpu) / (time.monotonic() - start_mono)
        if (count := in_progress()) != connections:
            raise RelayError(f"{count} of {connections} deliveries were in progress when they had been measured")
        clients(deliveries.close_clients)
    return share
