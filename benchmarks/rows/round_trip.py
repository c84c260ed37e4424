"""CPU microseconds for each 256-byte message that goes to the DC and comes back."""

from __future__ import annotations

from benchmarks.peers import clients
from benchmarks.peers.dc import serve_echo
from benchmarks.rows.row import Load, Measure, Measurement, Row, cpu_cost
from benchmarks.sizes import Sizes
from benchmarks.subjects.process import ProxyProcess

_CONNECTIONS = 50


def _round_trips(connections: int) -> Measure:
    def measure(proxy: ProxyProcess, load: Load, sizes: Sizes) -> Measurement:
        trips = sizes.trips * _CONNECTIONS // connections
        load(clients.open_and_keep, proxy.address, 1, connections)
        proxy.settle()
        cost = cpu_cost(proxy, lambda: load(clients.round_trips, trips), connections * trips / 1e6)
        load(clients.close_kept)
        return cost

    return measure


ROUND_TRIP = Row(
    "round-trip",
    f"256-byte round trip, {_CONNECTIONS} connections",
    "CPU us",
    _round_trips(_CONNECTIONS),
    serve_echo,
    target=1.0,
)
ROUND_TRIP_ALONE = Row("round-trip-alone", "256-byte round trip, 1 connection", "CPU us", _round_trips(1), serve_echo)
