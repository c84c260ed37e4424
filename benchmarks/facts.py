"""The facts about the machine that a reader needs to compare two results."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.subjects.haproxy import haproxy_version
from benchmarks.subjects.ours import our_version


def machine_facts(command: str) -> dict[str, str | int | float | None]:
    """Machine, system and versions, and how busy the machine was before the benchmark began."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "haproxy": haproxy_version(),
        "proxy": our_version(command),
        "load_average_before": os.getloadavg()[0],
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
