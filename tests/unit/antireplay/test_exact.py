"""The exact cache, in memory and over restarts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.antireplay import Exact, StableBloom, Window
from unit.antireplay.conftest import Clock

pytestmark = pytest.mark.usefixtures("memory")


async def asks(cache: mtglib.AntiReplayCache, *data: bytes) -> list[bool]:
    return [await cache.seen_before(one) for one in data]


async def test_the_second_time_is_seen_however_late(clock: Clock) -> None:
    cache = Exact(clock=clock)

    assert isinstance(cache, mtglib.AntiReplayCache)
    assert await asks(cache, b"a", b"b", b"a") == [False, False, True]
    clock.now_unix += 10 * 365 * 86400
    assert await asks(cache, b"a", b"b", b"c") == [True, True, False]


async def test_it_says_how_many_it_has_and_how_far_back_they_reach(clock: Clock) -> None:
    cache = Exact(max_entries=8, clock=clock)
    assert (len(cache), cache.reach_seconds, bool(cache)) == (0, 0.0, True)
    for number in range(12):
        await cache.seen_before(b"%d" % number)
        clock.now_unix += 10

    assert (len(cache), cache.reach_seconds) == (8, 80.0)
    clock.now_unix = 0
    assert cache.reach_seconds == 0


async def test_a_clock_set_back_forgets_nothing(clock: Clock) -> None:
    cache = Exact(clock=clock)
    await cache.seen_before(b"a")
    clock.now_unix = -3600.0
    assert await asks(cache, b"a", b"b") == [True, False]


@pytest.mark.parametrize("max_entries", [10, 1000])
async def test_a_restart_forgets_nothing(tmp_path: Path, clock: Clock, max_entries: int) -> None:
    data = [os.urandom(28) for _ in range(max_entries)]
    for start in range(0, max_entries, max_entries // 5):
        async with Exact(max_entries=max_entries, directory=tmp_path / "a" / "b", clock=clock) as cache:
            assert len(cache) == start
            assert all(await asks(cache, *data[:start]))
            assert not any(await asks(cache, *data[start : start + max_entries // 5]))
        clock.now_unix += 1000
    async with Exact(max_entries=max_entries, directory=tmp_path / "a" / "b", clock=clock) as cache:
        assert cache.reach_seconds == 5000
        assert all(await asks(cache, *data))


async def test_files_of_what_is_forgotten_go(tmp_path: Path) -> None:
    for _ in range(20):
        async with Exact(max_entries=80, directory=tmp_path) as cache:
            await asks(cache, *(os.urandom(28) for _ in range(50)))
    assert 1 < len(list(tmp_path.iterdir())) <= 9
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 100 * 8 + 10 * 100


@pytest.mark.parametrize(("before", "after"), [(1000, 100), (100, 1000)])
async def test_another_size_goes_on_with_what_fits(tmp_path: Path, before: int, after: int) -> None:
    data = [os.urandom(28) for _ in range(before)]
    async with Exact(max_entries=before, directory=tmp_path) as cache:
        await asks(cache, *data)
    for _ in range(3):
        async with Exact(max_entries=after, directory=tmp_path) as cache:
            assert all(await asks(cache, *data[-min(before, after) * 7 // 8 :]))
    assert len(list(tmp_path.iterdir())) <= 9


async def test_another_kind_goes_on_with_it(tmp_path: Path) -> None:
    data = [os.urandom(28) for _ in range(100)]
    async with Exact(directory=tmp_path) as exact:
        await asks(exact, *data[:50])
    async with StableBloom(directory=tmp_path) as bloom:
        assert all(await asks(bloom, *data[:50]))
        assert not any(await asks(bloom, *data[50:]))
        assert len(bloom) == 100
    async with Exact(directory=tmp_path) as exact:
        assert all(await asks(exact, *data))


async def test_a_bloom_filter_outlives_restarts(tmp_path: Path, clock: Clock) -> None:
    data = [os.urandom(28) for _ in range(90)]
    for start in range(0, 90, 30):
        async with StableBloom(4096, directory=tmp_path, clock=clock) as bloom:
            assert all(await asks(bloom, *data[:start]))
            assert not any(await asks(bloom, *data[start : start + 30]))
        clock.now_unix += 100
    async with StableBloom(4096, directory=tmp_path, clock=clock) as bloom:
        assert (len(bloom), bloom.reach_seconds) == (90, 300)


async def test_two_cannot_have_one_directory(tmp_path: Path, logger: RecordingLogger) -> None:
    async with Exact(directory=tmp_path) as one:
        await one.seen_before(b"a")
        for other in (Exact(directory=tmp_path, logger=logger), StableBloom(directory=tmp_path, logger=logger)):
            with pytest.raises(mtglib.OptionError, match="directory: expected a directory that no other process uses"):
                await other.load()
            assert await asks(other, b"a", b"a") == [False, True], "in memory only"
            await other.close()
    assert logger.messages == []
    async with Exact(directory=tmp_path) as later:
        assert await later.seen_before(b"a")


async def test_one_that_nobody_has_loaded_says_so_once(tmp_path: Path, logger: RecordingLogger) -> None:
    cache = Exact(directory=tmp_path / "a", logger=logger)
    assert await asks(cache, b"a", b"a") == [False, True]
    await cache.close()

    assert logger.warnings == [f"anti-replay: {tmp_path}/a: not used: load() was never awaited"]
    assert not (tmp_path / "a").exists()


async def test_loading_and_closing_twice_is_as_once(tmp_path: Path) -> None:
    cache = Exact(directory=tmp_path)
    await cache.load()
    await cache.seen_before(b"a")
    await cache.load()
    await cache.close()
    await cache.close()
    assert await asks(cache, b"a", b"b", b"b") == [True, False, True]


async def test_without_a_directory_there_is_nothing_to_load() -> None:
    async with Exact() as cache:
        assert await asks(cache, b"a", b"a") == [False, True]


async def test_the_old_name_goes_on_working(clock: Clock) -> None:
    with pytest.warns(DeprecationWarning, match="Window is deprecated, use Exact"):
        window = Window(7, max_entries=5, clock=clock)
    await window.seen_before(b"a")
    clock.now_unix += 3600
    assert await window.seen_before(b"a"), "a window bounds nothing"
    with pytest.warns(DeprecationWarning, match="use Exact"):
        assert isinstance(Window.for_time_skewness(3), Exact)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("max_entries", value) for value in (0, -5, 1.5, "5", None, 10**10, True)),
        *(("directory", value) for value in (5, b"/x", "/a\0b", ["a"])),
        *(("clock", value) for value in (None, 5.0)),
        *(("logger", value) for value in (object(), RecordingLogger)),
    ],
)
def test_impossible_values_are_refused(field: str, value: Any) -> None:
    for kind in (Exact, StableBloom) if field != "max_entries" else (Exact,):
        with pytest.raises(mtglib.OptionError) as error:
            kind(**{field: value})
        assert error.value.field == field
