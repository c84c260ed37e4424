"""Loading an IP list and looking addresses up in it, at three sizes."""

import gc
import os
import random
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from benchmarks import procfs
from benchmarks.parts.line import Line, nanoseconds_each
from mtglib.ipblocklist.prefixes import Prefixes, PrefixSet
from mtglib.ipblocklist.pure import PrefixSet as PurePrefixSet

_SIZES = (10_000, 100_000, 1_000_000)
_V6_SHARE = 0.15
_LOOK_UPS = 200_000
_BARS = {"s": 5.0, "ns": 1500.0, "MiB": 64.0}  # "seconds", "a microsecond or so" and 64 MiB, for the largest list

Make: TypeAlias = Callable[[bytes], Prefixes]


def measure_ip_lists(quick: bool) -> Iterator[Line]:
    """85 % of the prefixes and of the look-ups are IPv4; all are random."""
    for size in _SIZES[:1] if quick else _SIZES:
        text = _netset(size)
        for name, make in (("", PrefixSet), (", pure Python", PurePrefixSet)):
            for what, value, unit in _measure(make, text, size):
                bar = _BARS[unit] if size == _SIZES[-1] else None
                yield Line(f"IP list of {size:,}{name}: {what}", value, unit, bar)


def _measure(make: Make, text: bytes, size: int) -> Iterator[tuple[str, float, str]]:
    gc.collect()
    before_bytes, start = procfs.pss_bytes(os.getpid()), time.process_time()
    prefixes = make(text)
    yield "load", time.process_time() - start, "s"
    gc.collect()
    yield "memory", max(procfs.pss_bytes(os.getpid()) - before_bytes, 0) / 2**20, "MiB"
    if prefixes.count != size or prefixes.broken_lines:
        raise RuntimeError(f"{prefixes.count} prefixes of {size} were loaded")
    yield "look-up", _look_up_ns(prefixes), "ns"


def _look_up_ns(prefixes: Prefixes) -> float:
    addresses = [
        IPv6Address(random.randbytes(16)) if random.random() < _V6_SHARE else IPv4Address(random.randbytes(4))
        for _ in range(1000)
    ]
    numbers = [(address.version, int(address)) for address in addresses]

    def look_up() -> None:
        for _ in range(_LOOK_UPS // len(numbers)):
            for version, number in numbers:
                if version == 4:
                    prefixes.contains_v4(number)
                else:
                    prefixes.contains_v6(number)

    return nanoseconds_each(look_up, _LOOK_UPS)


def _netset(size: int) -> bytes:
    chance = random.Random(4)
    v6_count = round(size * _V6_SHARE)
    lines = [f"{IPv4Address(chance.randbytes(4))}/{chance.randint(24, 32)}" for _ in range(size - v6_count)]
    lines += [f"{IPv6Address(chance.randbytes(16))}/{chance.randint(48, 128)}" for _ in range(v6_count)]
    return "\n".join(lines).encode()
