"""The program's resources after all visitors have left, and whether they stay the same."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from tools.flood.program import Program

SETTLE_TIMEOUT_SECONDS = 60.0
GROWTH_LIMIT_BYTES = 8 * 1024 * 1024
"""Allocators keep some memory; a leak of a few hundred bytes per connection exceeds this within minutes."""
MORE_THREADS = min(32, (os.cpu_count() or 1) + 4)
"""The event loop's thread pool grows to this size when needed (concurrent.futures), and never shrinks."""
BYTES_PER_HELLO = 24
REPLAY_MEMORY_LIMIT_BYTES = 24 * 1024 * 1024
"""The replay memory grows with each hello with our secret, up to this promise."""


@dataclass(frozen=True)
class Sample:
    """The program's resources while nobody is connected.

    Attributes:
        files, threads, pss_bytes: Of its process.
        tasks: Of its event loop.
        connections: The sum of its gauges of connections.
        hellos: The number of hellos with our secret that it has seen by then.
    """

    files: int
    threads: int
    pss_bytes: int
    tasks: int
    connections: float
    hellos: int

    def __str__(self) -> str:
        return (
            f"{self.files} files, {self.threads} threads, {self.tasks} tasks, {self.pss_bytes / 1024:.0f} KiB, "
            f"{self.connections:g} connections in the gauges"
        )


async def settled_sample(program: Program, least: Sample | None, hellos: int) -> Sample:
    """Wait, at most a minute, until no more is open than in `least`; None: until the gauges are at zero."""
    deadline_mono = time.monotonic() + SETTLE_TIMEOUT_SECONDS
    while True:
        sample = None
        with suppress(OSError):
            connections = sum((await program.gauges()).values())
            counts = program.counts()
            tasks = await program.tasks()
            sample = Sample(counts.files, counts.threads, program.pss_bytes(), tasks, connections, hellos)
        if sample is not None and not sample.connections and (least is None or _is_as_little(sample, least)):
            return sample
        if time.monotonic() > deadline_mono:
            if sample is None:
                raise TimeoutError("the metrics can't be fetched although all have gone")
            return sample
        await asyncio.sleep(0.2)


def _is_as_little(sample: Sample, least: Sample) -> bool:
    return sample.files <= least.files and sample.tasks <= least.tasks


def leaks(samples: Sequence[Sample]) -> list[str]:
    """Return the resources that have grown, and connections that stayed in a gauge after any round.

    Memory is compared by its peaks in the first half and in the last quarter: an allocator keeps some of a peak, and
    the highest peak may come late in the first half, but not again and again.
    """
    first, last = samples[0], samples[-1]
    half, last_quarter = samples[: (len(samples) + 1) // 2], samples[len(samples) * 3 // 4 :]
    hello_bytes = (last.hellos - half[0].hellos) * BYTES_PER_HELLO
    allowed_bytes = min(hello_bytes, REPLAY_MEMORY_LIMIT_BYTES) + GROWTH_LIMIT_BYTES
    grown_bytes = max(sample.pss_bytes for sample in last_quarter) - max(sample.pss_bytes for sample in half)
    found = [f"{last.files - first.files} files"] if last.files > first.files else []
    found += [f"{last.tasks - first.tasks} tasks"] if last.tasks > first.tasks else []
    found += [f"{last.threads - first.threads} threads"] if last.threads > first.threads + MORE_THREADS else []
    found += [f"{grown_bytes / 1024:.0f} KiB"] if grown_bytes > allowed_bytes else []
    found += [f"{sample.connections:g} connections in the gauges" for sample in samples if sample.connections]
    return found
