"""Metrics of this process, from the system. Source: proc(5)."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from .samples import Sample

_DESCRIPTORS = "/proc/self/fd"
_MEMORY = Path("/proc/self/statm")
_PAGE_BYTES = resource.getpagesize()


def process_samples() -> dict[str, Sample]:
    """Return the functions for the `process_` metrics, by name; without those that this system doesn't provide."""
    samples: dict[str, Sample] = {"process_max_fds": _max_fds}
    if os.path.isdir(_DESCRIPTORS):
        samples["process_open_fds"] = _open_fds
    if _MEMORY.exists():
        samples["process_resident_memory_bytes"] = _resident_memory_bytes
    return samples


def _resident_memory_bytes() -> int:
    return int(_MEMORY.read_bytes().split()[1]) * _PAGE_BYTES


def _open_fds() -> int:
    # Linux 6.2 and later report their number; listing thousands of them takes milliseconds.
    return os.stat(_DESCRIPTORS).st_size or len(os.listdir(_DESCRIPTORS)) - 1  # without the one of the listing itself


def _max_fds() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
