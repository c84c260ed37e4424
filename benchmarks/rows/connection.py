"""CPU microseconds for each connection, from connect to close, made by 16 clients at once."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.peers import clients
from benchmarks.peers.dc import serve_echo
from benchmarks.peers.session import ProxyAddress
from benchmarks.rows.row import Load, Measure, Measurement, Row, cpu_cost
from benchmarks.sizes import Sizes
from benchmarks.subjects.process import ProxyProcess


def _connections(behaviour: Callable[[ProxyAddress, int, int], None]) -> Measure:
    def measure(proxy: ProxyProcess, load: Load, sizes: Sizes) -> Measurement:
        def work() -> None:
            load(behaviour, proxy.address, sizes.clients, sizes.connections)

        return cpu_cost(proxy, work, sizes.clients * sizes.connections / 1e6)

    return measure


def _whole_connections_without_ml_kem(address: ProxyAddress, at_once: int, each: int) -> None:
    if address.secret is not None:
        address = address._replace(secret=address.secret._replace(offers_ml_kem=False))
    clients.whole_connections(address, at_once, each)


CONNECTION = Row(
    "connection", "whole connection", "CPU us", _connections(clients.whole_connections), serve_echo, target=3.5
)
CONNECTION_WITHOUT_ML_KEM = Row(
    "connection-x25519",
    "whole connection without ML-KEM",
    "CPU us",
    _connections(_whole_connections_without_ml_kem),
    serve_echo,
    target=3.3,
)
HANDSHAKE = Row(
    "handshake",
    "handshake alone (haproxy: connection)",
    "CPU us",
    _connections(clients.handshakes),
    serve_echo,
)
