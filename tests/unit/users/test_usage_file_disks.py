"""Usage on disks that are full, read-only, away or slow: counting goes on, and nothing of it is lost."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.recording_logger import RecordingLogger
from mtglib.users import usage_file
from unit.recorders import said
from unit.users.usages import count, file_of, opened, used, users


async def test_without_a_place_counting_goes_on(tmp_path: Path) -> None:
    (tmp_path / "usage").write_text("a file where a directory should be")
    of, logger = users(), RecordingLogger()
    async with opened(of, tmp_path, logger=logger) as file:
        count(of, "ann", 5)
        await file.save()
        await file.save()
        assert [level for level, _ in said(logger)] == ["warning"]
        os.unlink(tmp_path / "usage")
        await file.save()
        assert [level for level, _ in said(logger)] == ["warning", "info"]
    after = users()
    async with opened(after, tmp_path):
        assert used(after, "ann") == (5, 0, 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


async def test_a_full_disk_costs_one_warning_and_nothing_that_was_counted(small_disk: Path) -> None:
    of, after, logger = users(*(f"user{number}" for number in range(500))), users("user7"), RecordingLogger()
    async with opened(of, small_disk, logger=logger) as file:
        with pytest.raises(OSError, match="No space"), open(small_disk / "ballast", "wb") as ballast:
            ballast.write(bytes(256 * 1024))
        for user in of:
            count(of, user.name, 5)
        await file.save()
        await file.save()
        assert [level for level, _ in said(logger)] == ["warning"]
        (small_disk / "ballast").unlink()
        await file.save()
        assert [level for level, _ in said(logger)] == ["warning", "info"]
    async with opened(after, small_disk):
        assert used(after, "user7") == (5, 0, 1)


async def test_a_disk_that_becomes_read_only_costs_one_warning(small_disk: Path) -> None:
    before, of, after, logger = users(), users(), users(), RecordingLogger()
    async with opened(before, small_disk):
        count(before, "ann", 5)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    async with opened(of, small_disk, logger=logger) as file:
        count(of, "ann", 1)
        await file.save()
        await file.save()
        assert [level for level, _ in said(logger)] == ["warning"]
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    async with opened(after, small_disk):
        assert used(after, "ann") == (6, 0, 2)


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """What a disk waits for before it answers; the proxy waits for it no longer than a moment."""
    event, opens = threading.Event(), usage_file._open

    def slow(path: Path, names: frozenset[str], now_unix: float) -> object:
        event.wait()
        return opens(path, names, now_unix)

    monkeypatch.setattr(usage_file, "_LOAD_TIMEOUT", 0.01)
    monkeypatch.setattr(usage_file, "_open", slow)
    yield event
    event.set()


async def test_a_disk_that_does_not_answer_holds_up_neither_the_start_nor_the_end(
    tmp_path: Path, answer: threading.Event
) -> None:
    of, logger = users(), RecordingLogger()
    file = file_of(of, tmp_path, logger=logger)
    await file.load()
    count(of, "ann", 5)
    await file.close()
    assert not answer.is_set()
    assert [level for level, _ in said(logger)] == ["warning", "warning"]


async def test_an_answer_that_comes_late_is_used(tmp_path: Path, answer: threading.Event) -> None:
    before, of = users(), users()
    answer.set()
    async with opened(before, tmp_path):
        count(before, "ann", 5)
    answer.clear()
    file = file_of(of, tmp_path)
    await file.load()
    count(of, "ann", 1)
    answer.set()
    await file.save()
    assert used(of, "ann") == (6, 0, 2)
    await file.close()
