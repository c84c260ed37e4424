"""Loading an IP list and looking up addresses in it, in three sizes; each in its own process, to measure its memory."""

from __future__ import annotations

import asyncio
import functools
import gc
import http.server
import multiprocessing
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import TypeVar

from benchmarks import procfs
from benchmarks.parts.line import Line, nanoseconds_each
from mtglib.ipblocklist import FireHOL
from mtglib.ipblocklist.prefixes import Prefixes, PrefixSet
from mtglib.ipblocklist.pure_prefixes import PrefixSet as PurePrefixSet
from mtglib.network import Direct

_SIZES = (10_000, 100_000, 1_000_000)
_V6_SHARE = 0.15
_LOOK_UPS = 200_000
_TARGETS = {"s": 5.0, "ns": 1500.0, "MiB": 64.0}  # "seconds", "a microsecond or so" and 64 MiB, for the largest list
_UPDATES = 5

_T = TypeVar("_T")


def measure_ip_lists(quick: bool) -> Iterator[Line]:
    """85 % of the prefixes and of the look-ups are IPv4; all are random."""
    for size in _SIZES[:1] if quick else _SIZES:
        for name, is_pure in (("", False), (", pure Python", True)):
            for what, value, unit in _in_new_process(_measure_set, is_pure, size):
                target = _TARGETS[unit] if size == _SIZES[-1] else None
                yield Line(f"IP list of {size:,}{name}: {what}", value, unit, target)
        target = _TARGETS["MiB"] if size == _SIZES[-1] else None
        yield Line(f"IP list of {size:,}: peak memory while it is downloaded again", _peak_mib(size), "MiB", target)


def _in_new_process(work: Callable[..., _T], *arguments: object) -> _T:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(work, *arguments).result()


def _measure_set(is_pure: bool, size: int) -> list[tuple[str, float, str]]:
    text = _netset(size)
    make = PurePrefixSet if is_pure else PrefixSet
    gc.collect()
    before_bytes, start = procfs.pss_bytes(os.getpid()), time.process_time()
    prefixes: Prefixes = make(text)
    load_seconds = time.process_time() - start
    gc.collect()
    memory_bytes = procfs.pss_bytes(os.getpid()) - before_bytes
    if prefixes.count != size or prefixes.broken_lines:
        raise RuntimeError(f"{prefixes.count} prefixes of {size} were loaded")
    first_v4, first_v6 = (ip_network(text.split(b"\n")[index].decode(), strict=False)[0] for index in (0, -1))
    if not prefixes.contains_v4(int(first_v4)) or not prefixes.contains_v6(int(first_v6)):
        raise RuntimeError("an address of the list wasn't found in it")
    return [
        ("load", load_seconds, "s"),
        ("memory", memory_bytes / 2**20, "MiB"),
        ("look-up", _look_up_ns(prefixes), "ns"),
    ]


def _peak_mib(size: int) -> float:
    """Update a `FireHOL` several times from a server whose list changes."""
    with tempfile.TemporaryDirectory() as folder, _served(folder) as address:
        path = Path(folder, "list")
        path.write_bytes(_netset(size))
        return _in_new_process(_run_updates, path, f"http://{address}/list", size)


def _run_updates(path: Path, url: str, size: int) -> float:
    return asyncio.run(_update_repeatedly(path, url, size))


async def _update_repeatedly(path: Path, url: str, size: int) -> float:
    network = Direct()
    async with network.http_client():  # what it imports isn't counted
        pass
    blocklist = FireHOL([url], network=network, cache_directory=path.parent / "copies")
    gc.collect()
    before_bytes = procfs.rss_bytes()
    procfs.forget_peak()
    for number in range(_UPDATES):
        with path.open("ab") as file:
            file.write(f"\n10.0.0.{number}".encode())
        os.utime(path, (number, number))  # the server tells versions apart by their second
        (status,) = await blocklist.update()
        if status.problem or status.prefixes != size + number + 1:
            raise RuntimeError(f"{status.prefixes} prefixes of {size} were loaded: {status.problem}")
    return (procfs.peak_rss_bytes() - before_bytes) / 2**20


@contextmanager
def _served(folder: str) -> Iterator[str]:
    """Serve a folder over HTTP; gives the server's address."""
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""


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
