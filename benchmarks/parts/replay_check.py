"""What it costs to ask an anti-replay cache about a new hello, and to remember a million of them."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest import mock

from benchmarks import procfs
from benchmarks.folder import bench_folder
from benchmarks.parts.line import Line, nanoseconds_each
from mtglib import AntiReplayCache
from mtglib.antireplay import Exact, Redis, StableBloom, exact
from mtglib.antireplay.pure import PureReplayMemory

_START_TIMEOUT_SECONDS = 10.0
_TARGETS = {"ns": 1000.0, "MiB": 24.0, "s": 1.0}  # of the engine; in pure Python only loading has one


def measure_replay_checks(quick: bool) -> Iterator[Line]:
    """In memory one after the other; Redis with eight at once, as a proxy would ask."""
    remembered = 10_000 if quick else 1_000_000
    count = 1_000 if quick else 100_000
    for name, is_pure in (("", False), (", pure Python", True)):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            for what, value, unit in process.submit(_measure_exact, is_pure, remembered, count).result():
                target = None if is_pure and unit != "s" else _TARGETS[unit]
                yield Line(f"replay memory of {remembered:,}{name}: {what}", value, unit, target)
    yield Line("replay check, bloom", _checks(StableBloom(), count), "ns")
    if shutil.which("redis-server"):
        with _redis_server() as url:
            yield Line("replay check, redis, 8 at once", _redis_checks(url, count // 20), "us")


def _measure_exact(is_pure: bool, remembered: int, count: int) -> list[tuple[str, float, str]]:
    """Fill a memory, ask it, and load it again from its directory."""
    pure = mock.patch.object(exact, "ReplayMemory", PureReplayMemory) if is_pure else nullcontext()
    with pure, bench_folder() as folder:
        return asyncio.run(_fill_ask_and_load(folder, remembered, count))


async def _fill_ask_and_load(folder: Path, remembered: int, count: int) -> list[tuple[str, float, str]]:
    gc.collect()
    before_bytes = procfs.pss_bytes(os.getpid())
    async with Exact(max_entries=remembered, directory=folder) as cache:
        for _ in range(remembered):
            await cache.seen_before(os.urandom(28))
        gc.collect()
        memory_mib = (procfs.pss_bytes(os.getpid()) - before_bytes) / 2**20
    ns_each = await asyncio.to_thread(_checks, cache, count)
    loaded = Exact(max_entries=remembered, directory=folder)
    start = time.perf_counter()
    await loaded.load()
    load_seconds = time.perf_counter() - start
    if len(loaded) != remembered:
        raise RuntimeError(f"{len(loaded)} hellos of {remembered} were loaded")
    await loaded.close()
    return [("memory", memory_mib, "MiB"), ("a new hello", ns_each, "ns"), ("load from disk", load_seconds, "s")]


def _checks(cache: AntiReplayCache, count: int) -> float:
    async def all_of_them() -> None:
        for _ in range(count):
            await cache.seen_before(os.urandom(28))

    async def only_the_entropy() -> None:
        for _ in range(count):
            os.urandom(28)

    async def remembers() -> bool:
        hello = os.urandom(28)
        return not await cache.seen_before(hello) and await cache.seen_before(hello)

    asked = nanoseconds_each(lambda: asyncio.run(all_of_them()), count)
    if not asyncio.run(remembers()):
        raise RuntimeError(f"{type(cache).__name__} doesn't tell a new hello from one that it has seen")
    return asked - nanoseconds_each(lambda: asyncio.run(only_the_entropy()), count)


def _redis_checks(url: str, count: int) -> float:
    """CPU time of this process for each check, without the server's."""

    async def ask(cache: Redis) -> None:
        for _ in range(count // 8):
            if await cache.seen_before(os.urandom(28)):
                raise RuntimeError("redis took a new hello for a replay")

    async def all_of_them() -> None:
        cache = Redis(url)
        await asyncio.gather(*(ask(cache) for _ in range(8)))
        if cache.unsent:
            raise RuntimeError(f"redis was away: {cache.unsent} hellos of {count} wait for it")
        await cache.close()

    return nanoseconds_each(lambda: asyncio.run(all_of_them()), count) / 1000


@contextmanager
def _redis_server() -> Iterator[str]:
    with bench_folder() as folder:
        path = folder / "redis.sock"
        command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline_mono = time.monotonic() + _START_TIMEOUT_SECONDS
            while not path.exists():
                if time.monotonic() > deadline_mono:
                    raise RuntimeError("redis-server doesn't start")
                time.sleep(0.01)
            yield f"unix://{path}"
        finally:
            server.terminate()
            server.wait()
