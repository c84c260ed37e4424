"""What a cache takes over from another one of any kind, and what of that survives a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from mtglib.antireplay import Exact, Redis, StableBloom

pytestmark = pytest.mark.asyncio

Cache: TypeAlias = Exact | StableBloom | Redis
Make: TypeAlias = Callable[[Path | None], Cache]


def exact(directory: Path | None) -> Exact:
    return Exact(directory=directory, max_entries=1000)


def larger(directory: Path | None) -> Exact:
    return Exact(directory=directory, max_entries=50_000)


def bloom(directory: Path | None) -> StableBloom:
    return StableBloom(directory=directory)


def redis(directory: Path | None) -> Redis:
    pytest.importorskip("redis")
    return Redis("redis://127.0.0.1:1", directory=directory)


def hellos(first: int, last: int) -> list[bytes]:
    return [b"hello %d" % number for number in range(first, last)]


async def see(cache: Cache, data: list[bytes]) -> None:
    assert [await cache.seen_before(each) for each in data] == [False] * len(data)


async def check_known(cache: Cache, data: list[bytes]) -> None:
    assert [await cache.seen_before(each) for each in data] == [True] * len(data)


@pytest.mark.parametrize("after", [exact, larger, bloom, redis])
@pytest.mark.parametrize("before", [exact, bloom, redis])
async def test_all_that_was_seen_is_known_also_after_a_restart(before: Make, after: Make, tmp_path: Path) -> None:
    old, new = before(tmp_path), after(tmp_path)
    await old.load()
    await see(old, hellos(0, 100))
    taking_over = asyncio.create_task(new.take_over(old))
    await asyncio.sleep(0)
    await see(old, hellos(100, 150))  # the old one is still in use
    await taking_over

    await check_known(new, hellos(0, 150))
    await check_known(old, hellos(0, 150))
    await see(old, hellos(150, 200))
    await check_known(new, hellos(150, 200))
    await old.close()
    await new.close()

    later = exact(tmp_path)
    await later.load()
    await check_known(later, hellos(0, 200))
    await later.close()


@pytest.mark.parametrize("after", [larger, bloom, redis])
@pytest.mark.parametrize("before", [exact, redis])
async def test_without_a_directory_it_goes_from_memory_to_memory(before: Make, after: Make) -> None:
    old, new = before(None), after(None)
    await see(old, hellos(0, 100))
    await new.take_over(old)

    await check_known(new, hellos(0, 100))
    await check_known(old, hellos(0, 100))
    await new.close()


async def test_a_smaller_one_keeps_the_latest(tmp_path: Path) -> None:
    old, new = larger(tmp_path), exact(tmp_path)
    await old.load()
    await see(old, hellos(0, 3000))
    await new.take_over(old)

    await check_known(new, hellos(2200, 3000))
    assert len(new) <= 1000
    await new.close()


async def test_nothing_is_taken_from_one_that_has_nothing(tmp_path: Path) -> None:
    old, new = bloom(None), exact(tmp_path)
    await see(old, hellos(0, 10))
    await new.take_over(old)

    await see(new, hellos(0, 10))
    await new.close()
    later = exact(tmp_path)
    await later.load()
    await check_known(later, hellos(0, 10))
    await later.close()


async def test_hellos_that_come_while_others_are_copied_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = exact(None), larger(None)
    await see(old, hellos(0, 10))

    async def then_more(function: Callable[..., int], *arguments: object) -> int:
        copied = function(*arguments)
        await see(old, hellos(10, 20))
        return copied

    monkeypatch.setattr("asyncio.to_thread", then_more)
    await new.take_over(old)
    await check_known(new, hellos(0, 20))
