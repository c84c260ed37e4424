"""What the system says about this process: numbers that move as they should."""

from __future__ import annotations

import mmap
import os
import resource
from typing import Any

import pytest

from mtglib.stats import process_samples
from mtglib.stats.metrics import SAMPLED

MIB = 1024 * 1024


def read(name: str) -> float:
    value = process_samples()[name]()
    assert isinstance(value, int)
    return value


def test_each_is_a_metric_of_the_table() -> None:
    assert process_samples().keys() == {metric.name for metric in SAMPLED if metric.is_standard}


@pytest.mark.parametrize("tells", [True, False])
def test_descriptors_are_counted(monkeypatch: pytest.MonkeyPatch, tells: bool) -> None:
    """Older kernels don't tell how many there are, so that they are listed."""
    if not tells:
        stat = os.stat

        def without_size(path: Any, *arguments: Any, **named: Any) -> Any:
            found = stat(path, *arguments, **named)
            return os.stat_result((*found[:6], 0, *found[7:10]))

        monkeypatch.setattr(os, "stat", without_size)
    before = read("process_open_fds")
    pipe = os.pipe()
    try:
        assert read("process_open_fds") == before + 2
        assert read("process_max_fds") == resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= before + 2
    finally:
        for end in pipe:
            os.close(end)
    assert read("process_open_fds") == before == len(os.listdir("/proc/self/fd")) - 1


def test_memory_is_counted_in_bytes() -> None:
    before = read("process_resident_memory_bytes")
    with mmap.mmap(-1, 64 * MIB) as kept:  # new pages, whatever the process has freed
        for page in range(0, len(kept), mmap.PAGESIZE):
            kept[page] = 1
        assert 60 * MIB < read("process_resident_memory_bytes") - before < 200 * MIB
