"""What it costs to ask an anti-replay cache about a hello that it doesn't know."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.parts.line import Line, nanoseconds_each
from mtglib import AntiReplayCache
from mtglib.antireplay import Redis, StableBloom, Window

_START_TIMEOUT_SECONDS = 10.0


def measure_replay_checks(quick: bool) -> Iterator[Line]:
    """In memory one after the other; Redis with eight at once, as a proxy would ask."""
    count = 1_000 if quick else 100_000
    for name, cache in (("window", Window(3600)), ("bloom", StableBloom())):
        yield Line(f"replay check, {name}", _checks(cache, count), "ns")
    if shutil.which("redis-server"):
        with _redis_server() as url:
            yield Line("replay check, redis, 8 at once", _redis_checks(url, count // 20), "us")


def _checks(cache: AntiReplayCache, count: int) -> float:
    async def all_of_them() -> None:
        for _ in range(count):
            await cache.seen_before(os.urandom(32))

    async def only_the_entropy() -> None:
        for _ in range(count):
            os.urandom(32)

    asked = nanoseconds_each(lambda: asyncio.run(all_of_them()), count)
    return asked - nanoseconds_each(lambda: asyncio.run(only_the_entropy()), count)


def _redis_checks(url: str, count: int) -> float:
    """CPU time of this process for each, without the server's."""

    async def ask(cache: Redis) -> None:
        for _ in range(count // 8):
            if await cache.seen_before(os.urandom(32)):
                raise RuntimeError("redis took a new hello for a replay")

    async def all_of_them() -> None:
        cache = Redis(url, 3600)
        await asyncio.gather(*(ask(cache) for _ in range(8)))
        await cache.close()

    return nanoseconds_each(lambda: asyncio.run(all_of_them()), count) / 1000


@contextmanager
def _redis_server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="mtg-bench-") as folder:
        path = Path(folder) / "redis.sock"
        command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder]
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
