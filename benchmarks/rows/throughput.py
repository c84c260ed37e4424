"""Seconds of the clock for each GB (10**9 bytes of payload) of a few downloads together, or of many."""

from __future__ import annotations

from benchmarks.peers import clients
from benchmarks.peers.dc import serve_bulk
from benchmarks.peers.streams import BLOCK_BYTES
from benchmarks.rows.row import Load, Measurement, Row, cpu_cost
from benchmarks.sizes import Sizes
from benchmarks.subjects.process import ProxyProcess

# 0.9 times haproxy's throughput takes so many times its time.
_TARGET = 1 / 0.9


def _few(proxy: ProxyProcess, load: Load, sizes: Sizes) -> Measurement:
    return _download(proxy, load, sizes.bulk_connections, sizes.bulk_blocks)


def _many(proxy: ProxyProcess, load: Load, sizes: Sizes) -> Measurement:
    return _download(proxy, load, sizes.parallel_connections, sizes.parallel_blocks)


def _download(proxy: ProxyProcess, load: Load, connections: int, blocks: int) -> Measurement:
    gigabytes = connections * blocks * BLOCK_BYTES / 1e9
    cost = cpu_cost(proxy, lambda: load(clients.download, proxy.address, connections, blocks), gigabytes)
    return cost._replace(value=cost.wall_seconds / gigabytes)


THROUGHPUT_FEW = Row("throughput-4", "time of 4 downloads at once", "s/GB", _few, serve_bulk, target=_TARGET)
THROUGHPUT_MANY = Row("throughput-64", "time of 64 downloads at once", "s/GB", _many, serve_bulk, target=_TARGET)
