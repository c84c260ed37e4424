"""What a row is, and how CPU time is taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Literal, NamedTuple, ParamSpec, Self, TypeVar

from benchmarks import procfs
from benchmarks.peers.dc import Serve
from benchmarks.peers.errors import RelayError
from benchmarks.peers.session import STALL_TIMEOUT_SECONDS
from benchmarks.sizes import Sizes
from benchmarks.subjects.process import ProxyProcess

P = ParamSpec("P")
R = TypeVar("R")


class Measurement(NamedTuple):
    """One run of one row through one proxy."""

    value: float  # in the row's unit
    wall_seconds: float
    cpu_seconds: float
    cpu_seconds_in_ticks: float  # the same from /proc/PID/stat, up to 20 ms off


class Load:
    """The process of the clients. All calls use the same process, so that its connections stay open."""

    def __init__(self) -> None:
        """The process is started by the first call."""
        self._pool = _one_process()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __call__(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function of `peers` there and wait for it; return its result, or raise its error."""
        try:
            return self._pool.submit(work, *args, **kwargs).result()
        except BlockingIOError:  # means that a socket's time-out in the kernel has passed
            raise RelayError(f"nothing moved for {STALL_TIMEOUT_SECONDS} s") from None

    def restart(self) -> None:
        """Start a new process: a failed row may have left connections open."""
        self.close()
        self._pool = _one_process()

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown()


def _one_process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))


Measure = Callable[[ProxyProcess, Load, Sizes], Measurement]


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    key: str
    title: str
    unit: str
    measure: Measure
    serve: Serve
    target: float | None = None
    # "ratio": the target is a multiple of haproxy's value; "absolute": a value in the row's unit.
    target_kind: Literal["ratio", "absolute"] = "ratio"
    fast_mode: bool = True
    # A process that once held the connections keeps their memory, so the next run would see no growth.
    fresh_process: bool = False


def cpu_cost(proxy: ProxyProcess, work: Callable[[], None], units: float) -> Measurement:
    """Measure the proxy's CPU time for each unit, from before the work until it has closed everything."""
    start_mono, start_cpu = time.monotonic(), proxy.cpu_seconds()
    start_ticks = procfs.cpu_seconds_in_ticks(proxy.pid)
    work()
    wall_seconds = time.monotonic() - start_mono
    proxy.settle()
    cpu_seconds = proxy.cpu_seconds() - start_cpu
    in_ticks = procfs.cpu_seconds_in_ticks(proxy.pid) - start_ticks
    return Measurement(cpu_seconds / units, wall_seconds, cpu_seconds, in_ticks)
