"""How a cache lives with its directory: written soon, off the event loop, and no disk holds anybody up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from integration.recording_logger import RecordingLogger
from mtglib.antireplay import Exact
from mtglib.antireplay.journal import Journal
from mtglib.antireplay.memory import ReplayMemory
from mtglib.antireplay.persistence import Persistence
from mtglib.antireplay.pure import PureReplayMemory
from mtglib.ground.guarded_logger import GuardedLogger
from support.timeless import timeless
from unit.antireplay import endless_visitor
from unit.antireplay.endless_visitor import hello
from unit.antireplay.test_journal import full_at


@asynccontextmanager
async def kept(
    directory: Path, logger: RecordingLogger | None = None, **changes: Any
) -> AsyncIterator[PureReplayMemory]:
    """A memory that is kept there, and written every millisecond unless `changes` have another time."""
    persistence: Persistence[PureReplayMemory] = Persistence(
        directory,
        record_bytes=8,
        file_entries=125_000,
        now_unix=lambda: 0.0,
        logger=GuardedLogger(logger or RecordingLogger()),
        **({"write_each_seconds": 0.001} | changes),
    )
    memory = await persistence.load(lambda key: PureReplayMemory(key, 1_000_000))
    yield memory or PureReplayMemory(bytes(16), 1_000_000)
    await persistence.close()


async def until(what: object, logger: RecordingLogger) -> None:
    """Wait until the log has this last."""
    async with asyncio.timeout(20):
        while not logger.messages or logger.messages[-1].text != what:
            await asyncio.sleep(0.001)


async def known_to_another(directory: Path, count: int) -> bool:
    """Whether a journal of the same files, copied as a crash would leave them, has so many hellos."""
    copy = directory.parent / "copy"
    copy.mkdir(exist_ok=True)
    for path in directory.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    journal = Journal(copy, 8, 125_000, lambda: 0.0)
    try:
        return journal.load(lambda key: ReplayMemory(key, 1_000_000)).added == count
    finally:
        journal.close()


async def test_hellos_are_written_while_the_proxy_runs(tmp_path: Path) -> None:
    async with kept(tmp_path / "a") as memory:
        for number in range(3):
            memory.seen(hello(number), 0)
            async with asyncio.timeout(20):
                while not await known_to_another(tmp_path / "a", number + 1):
                    await asyncio.sleep(0.001)


async def test_a_full_disk_is_told_once_and_that_it_is_over_once(tmp_path: Path, logger: RecordingLogger) -> None:
    lost = f"anti-replay: {tmp_path}: can't be written: after a restart, hellos seen since can be replayed"
    back = f"anti-replay: {tmp_path}: can be written again"
    async with kept(tmp_path, logger) as memory:
        for first in (0, 100):
            with full_at(20):
                for number in range(first, first + 100):
                    assert not memory.seen(hello(number), 0)
                await until(lost, logger)
                await asyncio.sleep(0.01)
            await until(back, logger)
    assert [message.text for message in logger.messages] == [lost, back, lost, back]
    assert [message.level for message in logger.messages] == ["warning", "info", "warning", "info"]
    async with kept(tmp_path) as later:
        assert all(later.seen(hello(number), 0) for number in range(200))


async def test_a_directory_that_cannot_be_made_is_not_usable_again_by_waiting(
    tmp_path: Path, logger: RecordingLogger
) -> None:
    (tmp_path / "file").touch()
    async with kept(tmp_path / "file" / "replay", logger) as memory:
        await asyncio.sleep(0.1)  # the time of many writes
        assert [message.level for message in logger.messages] == ["warning"]
        memory.seen(b"a", 0)
    assert "info" not in [message.level for message in logger.messages]


async def test_what_is_wrong_with_a_file_is_a_warning(tmp_path: Path, logger: RecordingLogger) -> None:
    (tmp_path / "hellos-0000000001.seen").write_text("shopping list")
    async with Exact(directory=tmp_path, logger=logger) as cache:
        await cache.seen_before(b"a")
    assert logger.warnings == [
        f"anti-replay: {tmp_path}/hellos-0000000001.seen: wasn't written by this program, or its beginning is damaged"
    ]
    async with Exact(directory=tmp_path) as cache:
        assert await cache.seen_before(b"a")


@pytest.fixture
def stalled(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A disk that answers when this is set, at the end of the test."""
    answers = threading.Event()

    def waits(*_arguments: object) -> None:
        answers.wait()

    for name in ("load", "write"):
        monkeypatch.setattr(Journal, name, waits)
    yield answers
    answers.set()


@pytest.mark.usefixtures("stalled")
@timeless
async def test_a_disk_that_does_not_answer_is_done_without(tmp_path: Path, logger: RecordingLogger) -> None:
    async with Exact(directory=tmp_path, logger=logger) as cache:
        assert [await cache.seen_before(data) for data in (b"a", b"b", b"a")] == [False, False, True]
    assert logger.warnings == [f"anti-replay: {tmp_path}: can't be read, so hellos are remembered in memory only"]


async def test_a_disk_that_stops_answering_holds_nobody_up(
    tmp_path: Path, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(Journal, "write", lambda *_: answers.wait())
    async with kept(tmp_path, logger, last_write_timeout=0.02) as memory:
        assert [memory.seen(data, 0) for data in (b"a", b"b", b"a")] == [False, False, True]
    answers.set()
    assert logger.warnings == [f"anti-replay: {tmp_path}: the latest hellos can't be saved: the disk doesn't respond"]


async def test_without_a_thread_it_is_in_memory_only(
    tmp_path: Path, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        async with Exact(directory=tmp_path, logger=logger) as cache:
            assert [await cache.seen_before(data) for data in (b"a", b"a")] == [False, True]
    assert logger.warnings == [f"anti-replay: {tmp_path}: can't be read, so hellos are remembered in memory only"]


def test_an_event_loop_that_ends_without_close_loses_only_what_is_not_written(tmp_path: Path) -> None:
    async def visit() -> None:
        cache = Exact(directory=tmp_path)
        await cache.load()
        await cache.seen_before(b"a")

    asyncio.run(visit())


@pytest.mark.parametrize("kills", [5])
def test_a_process_killed_in_mid_append_loses_nothing_that_it_had_written(tmp_path: Path, kills: int) -> None:
    said = 0
    for _ in range(kills):
        command = [sys.executable, endless_visitor.__file__, str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        with process, process.stdout:
            for _ in range(7):
                said = int(process.stdout.readline())
            process.kill()
            said = max([said, *(int(line) for line in process.stdout.read().split()[:-1])])

        journal = Journal(tmp_path, 8, 125_000, lambda: 0.0)
        memory = journal.load(lambda key: ReplayMemory(key, 1_000_000))
        journal.close()
        assert memory.added >= said
        assert all(memory.seen(hello(number), 0) for number in range(memory.added))
        assert len(journal.notes) <= 1
