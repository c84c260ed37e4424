"""What was learnt is there after a restart, and a disk that fails costs no more than that."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from integration.recording_logger import RecordingLogger
from mtglib.answers import LearntAnswer
from mtglib.front import site_store
from mtglib.front.answer_file import ANSWERS
from mtglib.front.site_store import SiteStore
from mtglib.ground.files import open_regular
from mtglib.ground.guarded_logger import GuardedLogger
from support.eventually import eventually
from unit.front.test_answer_file import HOST, learnt


def store(directory: Path, logger: RecordingLogger) -> SiteStore[LearntAnswer]:
    return SiteStore(directory, ANSWERS, GuardedLogger(logger))


async def kept(directory: Path, logger: RecordingLogger, *answers: LearntAnswer, host: str = HOST) -> Path:
    """Keep them, and return the file."""
    writing = store(directory, logger)
    writing.keep(host, answers)
    await writing.close()
    (path,) = directory.glob("*.jsonl")
    return path


async def test_what_was_kept_is_read_by_the_next_process(tmp_path: Path, logger: RecordingLogger) -> None:
    directory = tmp_path / "state" / "answers"
    assert await store(directory, logger).load(HOST) == []

    path = await kept(directory, logger, learnt("old"), learnt())

    assert await store(directory, logger).load(HOST) == [learnt("old"), learnt()]
    assert await store(directory, logger).load("other.example") == []
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(directory.stat().st_mode)) == (0o600, 0o700)
    assert os.listdir(directory) == [path.name], "nothing is left of the write"
    assert logger.messages == []


async def test_sites_have_a_file_each_so_proxies_may_share_a_directory(tmp_path: Path, logger: RecordingLogger) -> None:
    one, other = store(tmp_path, logger), store(tmp_path, logger)
    one.keep(HOST, [learnt("old")])
    other.keep("other.example", [learnt()])
    other.keep("other.example", [learnt("modern", 2000)])
    await asyncio.gather(one.close(), other.close())

    assert await one.load("other.example") == [learnt("modern", 2000)]
    assert await other.load(HOST) == [learnt("old")]


@pytest.mark.parametrize(
    ("cut", "what", "left"),
    [(-20, "is damaged; answers that could be read, and are used: 1", 1), (9, "is damaged, and not used", 0)],
)
async def test_a_damaged_copy_is_told_of_and_the_rest_is_used(
    tmp_path: Path, logger: RecordingLogger, cut: int, what: str, left: int
) -> None:
    path = await kept(tmp_path, logger, learnt("old"), learnt())
    path.write_bytes(path.read_bytes()[:cut])

    assert await store(tmp_path, logger).load(HOST) == [learnt("old")][:left]
    (warning,) = logger.warnings
    assert f"front-learning: {path}: {what}" in str(warning)


async def test_a_pipe_in_place_of_the_copy_keeps_nobody_waiting(tmp_path: Path, logger: RecordingLogger) -> None:
    path = await kept(tmp_path, logger, learnt())
    path.unlink()
    os.mkfifo(path)

    assert await store(tmp_path, logger).load(HOST) == []
    (warning,) = logger.warnings
    assert "can't be read" in str(warning)


async def test_a_disk_that_takes_nothing_is_told_of_once_and_when_it_is_over(
    tmp_path: Path, logger: RecordingLogger
) -> None:
    directory = tmp_path / "answers"
    directory.write_text("a file is in the way")
    writing = store(directory, logger)
    for _ in range(3):
        writing.keep(HOST, [learnt()])
        await writing.close()
    (warning,) = logger.warnings
    assert "can't be written: a restart forgets what was learnt" in str(warning)

    directory.unlink()
    writing.keep(HOST, [learnt()])
    await eventually(lambda: len(logger.messages) == 2)
    assert "can be written again" in str(logger.messages[-1])
    assert await writing.load(HOST) == [learnt()]


@pytest.mark.parametrize("is_closed", [True, False])
async def test_what_a_full_disk_did_not_take_is_written_later_without_another_answer(
    tmp_path: Path, logger: RecordingLogger, is_closed: bool
) -> None:
    directory = tmp_path / "answers"
    directory.write_text("a file is in the way")
    writing = SiteStore(directory, ANSWERS, GuardedLogger(logger), 60.0 if is_closed else 0.001)
    writing.keep(HOST, [learnt("old")])
    writing.keep(HOST, [learnt()])
    await eventually(lambda: len(logger.messages) == 1)

    directory.unlink()
    if is_closed:
        await writing.close()
    await eventually(lambda: len(logger.messages) == 2)
    assert "can be written again" in str(logger.messages[-1])
    assert await store(directory, logger).load(HOST) == [learnt()]
    await writing.close()


async def test_a_disk_that_does_not_answer_is_told_of(
    tmp_path: Path, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = threading.Event()

    def open_when_the_disk_answers(path: Path) -> Any:
        disk.wait(10)
        return open_regular(path)

    monkeypatch.setattr(site_store, "open_regular", open_when_the_disk_answers)
    monkeypatch.setattr(site_store, "_LOAD_TIMEOUT", 0.01)
    reading = store(tmp_path, logger)

    assert await reading.load(HOST) == []
    (warning,) = logger.warnings
    assert "can't be read" in str(warning)
    disk.set()
    await reading.close()
