"""CPU seconds for each GB (10**9 bytes of payload) that four connections move at once, one way."""

from __future__ import annotations

from benchmarks.peers import clients
from benchmarks.peers.dc import serve_bulk
from benchmarks.peers.streams import BLOCK_BYTES, RECORD_BYTES
from benchmarks.rows.row import Load, Measure, Measurement, Row, cpu_cost
from benchmarks.sizes import Sizes
from benchmarks.subjects.process import ProxyProcess

# Telegram's TDLib sends smaller records than TLS allows: MAX_TLS_PACKET_LENGTH in td/mtproto/TcpTransport.h.
_TDLIB_RECORD_BYTES = 2878


def _gigabytes(sizes: Sizes) -> float:
    return sizes.bulk_connections * sizes.bulk_blocks * BLOCK_BYTES / 1e9


def _download(proxy: ProxyProcess, load: Load, sizes: Sizes) -> Measurement:
    def work() -> None:
        load(clients.download, proxy.address, sizes.bulk_connections, sizes.bulk_blocks)

    return cpu_cost(proxy, work, _gigabytes(sizes))


def _upload(record_bytes: int) -> Measure:
    def measure(proxy: ProxyProcess, load: Load, sizes: Sizes) -> Measurement:
        def work() -> None:
            load(clients.upload, proxy.address, sizes.bulk_connections, sizes.bulk_blocks, record_bytes)

        return cpu_cost(proxy, work, _gigabytes(sizes))

    return measure


DOWNLOAD_FAST = Row("download-fast", "download, fast mode", "CPU s/GB", _download, serve_bulk, target=0.9)
DOWNLOAD_REENCRYPTED = Row(
    "download-reencrypted",
    "download, re-encrypted",
    "CPU s/GB",
    _download,
    serve_bulk,
    target=1.5,
    fast_mode=False,
)
UPLOAD = Row("upload", "upload", "CPU s/GB", _upload(RECORD_BYTES), serve_bulk, target=1.5)
UPLOAD_SMALL_RECORDS = Row(
    "upload-small-records",
    f"upload in records of {_TDLIB_RECORD_BYTES} bytes",
    "CPU s/GB",
    _upload(_TDLIB_RECORD_BYTES),
    serve_bulk,
)
