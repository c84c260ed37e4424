"""What connections cost whose data centre is gone, and whose client doesn't take what is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

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
_CALM_SECONDS = 8.0  # until the proxy looks as seldom as it ever does; all in all less than its patience of 30 s
_TARGET_PERCENT = 5.0


def measure_deliveries(quick: bool) -> Iterator[Line]:
    """The proxy's share of a core while it waits for all of these clients; both relays."""
    divisor = _QUICK_DIVISOR if quick else 1
    for name, command in RELAYS.items():
        share = _share(command, _CONNECTIONS // divisor, _SECONDS / divisor, _CALM_SECONDS / divisor)
        what = f"{_CONNECTIONS // divisor} deliveries to clients who never read, {name}"
        yield Line(f"{what}: share of a core", share * 100, "%", _TARGET_PERCENT)


def _share(command: str, connections: int, seconds: float, calm_seconds: float) -> float:
    with ExitStack() as stack:
        clients = stack.enter_context(Load())
        folder = stack.enter_context(bench_folder())
        dc = stack.enter_context(running_dc(deliveries.send_and_vanish))
        proxy = stack.enter_context(running_ours(command, True, folder, dc.port))
        clients(deliveries.open_clients, proxy.address, connections)
        time.sleep(calm_seconds)
        start_mono, start_cpu = time.monotonic(), proxy.cpu_seconds()
        time.sleep(seconds)
        share = (proxy.cpu_seconds() - start_cpu) / (time.monotonic() - start_mono)
        if ended := clients(deliveries.close_clients):
            raise RelayError(f"{ended} of {connections} deliveries ended while they were measured")
        dc.check()
    return share
