"""Reloads a program with many live streams and long IP lists, and prints the longest pause of its event loop.

`python -m tools.reload_pauses --streams 1000 --prefixes 1000000`
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import random
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from integration.reloaded import Reloaded, check_echo, reloaded
from mtg.limits import raise_file_limit
from support.faketls_client import FakeTLSClient

MOST_SECONDS = 0.05


class Pauses:
    """Notes how late a task is that wants to run every millisecond."""

    def __init__(self) -> None:
        self.longest_seconds = 0.0

    async def watch(self) -> None:
        """Watch for ever."""
        last_mono = time.monotonic()
        while True:
            await asyncio.sleep(0.001)
            now_mono = time.monotonic()
            self.longest_seconds = max(self.longest_seconds, now_mono - last_mono - 0.001)
            last_mono = now_mono


async def talk(clients: list[FakeTLSClient]) -> None:
    """Let one client after the other speak."""
    while True:
        for client in clients:
            await check_echo(client)
            await asyncio.sleep(0.001)


def write_list(path: Path, prefixes: int) -> str:
    """Write a list of so many prefixes; return its path."""
    numbers = random.Random(prefixes).sample(range(2**24), prefixes)
    path.write_text("".join(f"{ipaddress.IPv4Address(number << 8)}/24\n" for number in numbers))
    return str(path)


async def measure(around: Reloaded, name: str, changes: Mapping[str, Any]) -> float:
    """Reload with these changes; print and return the longest pause meanwhile."""
    pauses = Pauses()
    watching = asyncio.create_task(pauses.watch())
    await asyncio.sleep(0.2)
    before_seconds, pauses.longest_seconds = pauses.longest_seconds, 0.0
    began_mono = time.monotonic()
    result = await around.reload(changes)
    took_seconds = time.monotonic() - began_mono
    await asyncio.sleep(0.2)
    watching.cancel()
    assert result.is_applied, result
    print(
        f"{name:<32} took {took_seconds * 1000:7.1f} ms, longest pause {pauses.longest_seconds * 1000:6.1f} ms "
        f"(before: {before_seconds * 1000:.1f} ms)"
    )
    return pauses.longest_seconds


async def run(streams: int, prefixes: int, folder: Path) -> bool:
    """Measure some reloads; return whether all pauses were short enough."""
    first, second = write_list(folder / "first", prefixes), write_list(folder / "second", prefixes - 1)
    listed = {"defense.blocklist.enabled": True, "defense.blocklist.urls": [first]}
    longest_seconds = 0.0
    async with reloaded(folder, limit_seconds=1000.0) as around:
        clients = [await around.client() for _ in range(streams)]
        assert around.app.parts.replay_memory is not None
        for number in range(prefixes):  # as many hellos are remembered
            await around.app.parts.replay_memory.seen_before(number.to_bytes(28, "big"))
        talking = asyncio.create_task(talk(clients))
        for name, changes in (
            ("nothing", {}),
            ("another limit", {"concurrency": 4000}),
            (f"a list of {prefixes}", listed),
            ("another limit beside the list", {**listed, "concurrency": 4000}),
            ("a second list", {**listed, "defense.blocklist.urls": [first, second]}),
            ("another memory of hellos", {"defense.anti-replay.max-entries": 2_000_000}),
            ("another kind of it", {"defense.anti-replay.kind": "bloom"}),
        ):
            longest_seconds = max(longest_seconds, await measure(around, name, changes))
        talking.cancel()
    print(f"the longest pause was {longest_seconds * 1000:.1f} ms; expected at most {MOST_SECONDS * 1000:.0f} ms")
    return longest_seconds <= MOST_SECONDS


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.reload_pauses", description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--prefixes", type=int, default=1_000_000)
    arguments = parser.parse_args()
    raise_file_limit()
    with tempfile.TemporaryDirectory() as folder:
        return 0 if asyncio.run(run(arguments.streams, arguments.prefixes, Path(folder))) else 1


if __name__ == "__main__":
    raise SystemExit(main())
