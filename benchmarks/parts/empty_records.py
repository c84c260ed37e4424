"""What a client notices while others with the secret send empty records at full speed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from benchmarks.folder import bench_folder
from benchmarks.parts.line import Line
from benchmarks.peers import empty_records
from benchmarks.peers.dc import running_dc, serve_echo
from benchmarks.rows.row import Load
from benchmarks.subjects.ours import RELAYS, running_ours

_SENDERS = 60
_SECONDS = 8.0
_QUICK_SENDERS, _QUICK_SECONDS = 6, 1.0
_LEAD_SECONDS = 0.5  # until all of them send
_WORST_TARGET_MS = 1000.0


def measure_empty_records(quick: bool) -> Iterator[Line]:
    """Round trips of one client, first alone, then beside the senders; both relays."""
    senders, seconds = (_QUICK_SENDERS, _QUICK_SECONDS) if quick else (_SENDERS, _SECONDS)
    for name, command in RELAYS.items():
        alone, beside, records = _round_trips(command, senders, seconds)
        for what, taken, target in (("alone", alone, None), (f"beside {senders} senders", beside, _WORST_TARGET_MS)):
            yield Line(f"round trip, {name}, {what}: median", statistics.median(taken) * 1e3, "ms")
            yield Line(f"  worst of {len(taken)}", max(taken) * 1e3, "ms", target)
        yield Line("  empty records that the proxy takes meanwhile", records / seconds / 1e6, "M/s")


def _round_trips(command: str, senders: int, seconds: float) -> tuple[list[float], list[float], int]:
    with ExitStack() as stack:
        client, crowd = stack.enter_context(Load()), stack.enter_context(Load())
        folder = stack.enter_context(bench_folder())
        dc = stack.enter_context(running_dc(serve_echo))
        proxy = stack.enter_context(running_ours(command, True, folder, dc.port))
        alone = client(empty_records.timed_round_trips, proxy.address, seconds)
        crowd(empty_records.open_senders, proxy.address, senders)
        threads = stack.enter_context(ThreadPoolExecutor(1))
        sending = threads.submit(crowd, empty_records.send_empty_records, _LEAD_SECONDS, seconds)
        time.sleep(_LEAD_SECONDS)
        beside = client(empty_records.timed_round_trips, proxy.address, seconds)
        records = sending.result()
        crowd(empty_records.close_senders)
        dc.check()
    return alone, beside, records
