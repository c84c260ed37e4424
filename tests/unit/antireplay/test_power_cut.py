"""A power cut takes at most the hellos of the last second: what is written is synced, with its name."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from mtglib.antireplay import Exact, persistence
from unit.antireplay.synced_disk import SyncedDisk, watch
from unit.antireplay.test_journal import FILE_ENTRIES, hellos, life

PIECE = 70  # seen between two writes
REMEMBERED = 7 * FILE_ENTRIES  # the least, once there were more


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty directory, which no power cut takes."""
    root = tmp_path / "disk"
    root.mkdir()
    return root


@pytest.fixture
def disk(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SyncedDisk]:
    with ExitStack() as stack:
        yield watch(root, monkeypatch, stack)


def test_what_is_written_outlives_a_power_cut(root: Path, disk: SyncedDisk, tmp_path: Path) -> None:
    """Over several files, of which the oldest go, and two lives."""
    written = 0
    for end in (700, 1500):
        with life(root / "state" / "replay") as living:
            while written < end:
                living.sees(*hellos(written, written + PIECE))
                living.writes()
                written += PIECE
                left = disk.after_a_power_cut(tmp_path / f"after {written}")
                with life(left / "state" / "replay") as later:
                    assert later.notes == []
                    assert all(later.sees(*hellos(max(written - REMEMBERED, 0), written))), written


def test_a_power_cut_while_it_writes_takes_nothing_that_was_written_before(
    root: Path, disk: SyncedDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each single sync there is all that the writes before had, and nothing to complain of."""
    cuts: list[tuple[int, Path]] = []
    written = 0
    sync = disk.sync

    def sync_and_cut(descriptor: int) -> None:
        sync(descriptor)
        cuts.append((written, disk.after_a_power_cut(tmp_path / f"after sync {disk.syncs}")))

    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(f"os.{name}", sync_and_cut)
    with life(root) as living:
        while written < 1500:
            living.sees(*hellos(written, written + 70))
            living.writes()
            written += 70
    monkeypatch.undo()

    assert len(cuts) > 1500 // PIECE
    for before, left in cuts:
        with life(left) as later:
            assert later.notes == []
            assert all(later.sees(*hellos(max(before + PIECE - REMEMBERED, 0), before))), before


def test_files_that_are_written_anew_outlive_a_power_cut(root: Path, disk: SyncedDisk, tmp_path: Path) -> None:
    """Somebody deletes the directory, and with it what was synced."""
    with life(root / "state") as living:
        living.sees(*hellos(0, 150))
        living.writes()
        for path in (root / "state").iterdir():
            path.unlink()
        (root / "state").rmdir()
        living.writes()
        with life(disk.after_a_power_cut(tmp_path / "after") / "state") as later:
            assert all(later.sees(*hellos(0, 150)))


class Ticks:
    """The event that the thread waits for between its writes, and the clock of these waits: the test's."""

    def __init__(self) -> None:
        self.waits_seconds: list[float] = []
        self._waiting = threading.Semaphore(0)
        self._turns: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def wait(self, timeout: float) -> bool:
        """See `threading.Event.wait`."""
        self.waits_seconds.append(timeout)
        self._waiting.release()
        return self._turns.get()

    def set(self) -> None:
        """See `threading.Event.set`."""
        self._turns.put(True)

    def until_it_waits(self) -> None:
        """Wait until the thread waits for its time."""
        assert self._waiting.acquire(timeout=30)

    def over(self) -> None:
        """Let that time be over."""
        self._turns.put(False)


@pytest.mark.usefixtures("memory")
async def test_each_hello_outlives_a_power_cut_a_second_later(
    root: Path, disk: SyncedDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One wait of half a second later it is synced: the other half is the disk's."""
    ticks = Ticks()
    monkeypatch.setattr(persistence, "threading", SimpleNamespace(Event=lambda: ticks, Thread=threading.Thread))
    async with Exact(directory=root / "state") as cache:
        await asyncio.to_thread(ticks.until_it_waits)
        for number, hello in enumerate(hellos(0, 5)):
            assert not await cache.seen_before(hello)
            ticks.over()
            await asyncio.to_thread(ticks.until_it_waits)
            with life(disk.after_a_power_cut(tmp_path / f"after {number}") / "state") as later:
                assert all(later.sees(*hellos(0, number + 1)))
    assert set(ticks.waits_seconds) == {0.5}
