"""The file of what users have used: over restarts, kills, broken files and disks that don't work."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.users import User
from mtglib.users.usage import Usage
from mtglib.users.usage_database import KEPT_SECONDS, UsageDatabase
from support.eventually import eventually
from unit.recorders import said
from unit.users.usages import DAY, NOW, count, file_of, opened, used, users


async def test_usage_is_there_after_a_restart(tmp_path: Path) -> None:
    before, after = users(), users()
    async with opened(before, tmp_path):
        count(before, "ann", 5, 7)
    async with opened(after, tmp_path):
        assert used(after, "ann") == (5, 7, 1)
        assert used(after, "bob") == (0, 0, 0)
        usage = after.usage("ann", NOW)
        assert usage is not None
        assert usage.last_seen_unix == NOW


async def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    of = users()
    async with opened(of, tmp_path) as file:
        count(of, "ann", 5)
        await file.save()
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "usage").iterdir()}
        assert modes == {"usage.sqlite3": 0o600, "usage.sqlite3-wal": 0o600}
        assert stat.S_IMODE((tmp_path / "usage").stat().st_mode) == 0o700


async def test_what_changes_is_written_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    write = UsageDatabase.write

    def noted(self: UsageDatabase, changed: dict[str, Usage], removed: set[str]) -> None:
        write(self, changed, removed)
        written.append(changed["ann"].from_client_bytes)

    monkeypatch.setattr(UsageDatabase, "write", noted)
    of = users()
    async with opened(of, tmp_path, write_each_seconds=0.001) as file:
        running = asyncio.create_task(file.run())
        for each in (10, 20, 30):
            count(of, "ann", 10)
            await eventually(partial(written.__contains__, each))
        running.cancel()


async def test_only_what_has_changed_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[list[str], list[str]]] = []
    write = UsageDatabase.write

    def noted(self: UsageDatabase, changed: dict[str, Usage], removed: set[str]) -> None:
        written.append((sorted(changed), sorted(removed)))
        write(self, changed, removed)

    monkeypatch.setattr(UsageDatabase, "write", noted)
    of = users()
    async with opened(of, tmp_path) as file:
        await file.save()
        count(of, "bob", 1)
        await file.save()
        await file.save()
        of.remove("bob")
        await file.save()
    assert written == [(["bob"], []), ([], ["bob"])]


async def test_a_day_and_a_month_go_on(tmp_path: Path) -> None:
    before, after = users(), users()
    async with opened(before, tmp_path):
        count(before, "ann", 5)
    async with opened(after, tmp_path):
        count(after, "ann", 1)
        (account, _) = after.accounts
        assert account.usage.period_bytes("day", NOW) == 6
        assert account.usage.period_bytes("month", NOW) == 6
        assert account.usage.period_bytes("day", NOW + DAY) == 0


async def test_a_removed_user_is_forgotten(tmp_path: Path) -> None:
    of, after = users(), users()
    async with opened(of, tmp_path) as file:
        count(of, "ann", 5)
        await file.save()
        of.remove("ann")
        await file.save()
        of.add(User("ann", mtglib.Secret.generate("front.example")))
        assert used(of, "ann") == (0, 0, 0)
    async with opened(after, tmp_path):
        assert used(after, "ann") == (0, 0, 0)


async def test_a_user_of_the_same_name_begins_anew(tmp_path: Path) -> None:
    of, after = users(), users()
    async with opened(of, tmp_path) as file:
        count(of, "ann", 5)
        await file.save()
        of.remove("ann")
        of.add(User("ann", mtglib.Secret.generate("front.example")))
    async with opened(after, tmp_path):
        assert used(after, "ann") == (0, 0, 0)


@pytest.mark.parametrize(("missing_seconds", "bytes_left"), [(KEPT_SECONDS - 1, 5), (KEPT_SECONDS + 1, 0)])
async def test_a_user_who_is_missing_at_a_start_may_come_back(
    tmp_path: Path, missing_seconds: float, bytes_left: int
) -> None:
    of, without, after = users(), users("bob"), users()
    async with opened(of, tmp_path):
        count(of, "ann", 5)
    async with opened(without, tmp_path):
        pass
    async with opened(without, tmp_path, now_unix=lambda: NOW + missing_seconds):
        pass
    async with opened(after, tmp_path, now_unix=lambda: NOW + missing_seconds):
        assert used(after, "ann")[0] == bytes_left


async def test_a_user_who_has_been_back_is_missing_anew_later(tmp_path: Path) -> None:
    of, without, after = users(), users("bob"), users()
    async with opened(of, tmp_path):
        count(of, "ann", 5)
    for missing, at in ((True, 0.0), (False, DAY), (True, 40 * DAY), (True, 41 * DAY)):
        async with opened(without if missing else users(), tmp_path, now_unix=lambda at=at: NOW + at):
            pass
    async with opened(after, tmp_path, now_unix=lambda: NOW + 42 * DAY):
        assert used(after, "ann")[0] == 5


async def test_a_second_process_counts_in_memory_and_adds_it_when_the_first_has_ended(tmp_path: Path) -> None:
    first, second, after = users(), users(), users()
    logger = RecordingLogger()
    holder = file_of(first, tmp_path)
    await holder.load()
    count(first, "ann", 5)
    waiting = file_of(second, tmp_path, logger=logger)
    await waiting.load()
    count(second, "ann", 100)
    await waiting.save()
    assert said(logger) == [
        (
            "warning",
            f"usage: {tmp_path}/usage/usage.sqlite3: is used by another process: what users use is counted in memory "
            "only, and a restart forgets it",
        )
    ]
    await holder.close()
    await waiting.save()
    assert used(second, "ann") == (105, 0, 2)
    assert said(logger)[1:] == [
        ("info", f"usage: {tmp_path}/usage/usage.sqlite3: can be used again, and has what was counted meanwhile")
    ]
    await waiting.close()
    async with opened(after, tmp_path):
        assert used(after, "ann") == (105, 0, 2)


HOLDER = """
import asyncio, sys
from pathlib import Path
import mtglib
from mtglib.users import UsageFile, User, Users

async def main():
    users = Users([User("ann", mtglib.Secret.generate("front.example"))])
    file = UsageFile(users, Path(sys.argv[1]), write_each_seconds=0.001)
    await file.load()
    asyncio.create_task(file.run())
    while True:
        users.accounts[0].usage.count_bytes(1, 0, 1_800_000_000.0)
        await file.save()
        print(users.accounts[0].usage.from_client_bytes, flush=True)

asyncio.run(main())
"""


async def test_a_process_that_is_killed_while_it_writes_has_lost_nothing_that_was_written(tmp_path: Path) -> None:
    written = 0
    for rounds in range(3):
        child = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "usage")], stdout=subprocess.PIPE)
        assert child.stdout is not None
        for _ in range(20 + rounds):
            written = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        child.wait()
        child.stdout.close()
        written = int(rest[-1]) if rest else written
        of = users()
        logger = RecordingLogger()
        async with opened(of, tmp_path, logger=logger):
            assert used(of, "ann")[0] in (written, written + 1)
            written = used(of, "ann")[0]
        assert said(logger) == []


@pytest.mark.parametrize("content", [b"rubbish" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
async def test_a_broken_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "usage").mkdir()
    path = tmp_path / "usage" / "usage.sqlite3"
    path.write_bytes(content)
    of, after, logger = users(), users(), RecordingLogger()
    async with opened(of, tmp_path, logger=logger):
        count(of, "ann", 5)
    (aside,) = (tmp_path / "usage").glob("usage.sqlite3.broken-*")
    assert aside.read_bytes() == content
    assert said(logger) == [("warning", f"usage: {path}: was broken, and is now {aside}; a new one has begun")]
    async with opened(after, tmp_path):
        assert used(after, "ann") == (5, 0, 1)


@pytest.mark.parametrize(
    "statement", ["PRAGMA user_version = 99", "DROP TABLE usage", "ALTER TABLE usage RENAME COLUMN day TO night"]
)
async def test_a_file_of_another_version_is_set_aside(tmp_path: Path, statement: str) -> None:
    async with opened(users(), tmp_path):
        pass
    with sqlite3.connect(tmp_path / "usage" / "usage.sqlite3") as other:
        other.execute(statement)
    other.close()
    logger = RecordingLogger()
    async with opened(users(), tmp_path, logger=logger):
        pass
    assert len(list((tmp_path / "usage").glob("usage.sqlite3.broken-*"))) == 1
    assert len(said(logger)) == 1


def delete_it(path: Path) -> None:
    for each in path.parent.iterdir():
        each.unlink()
    path.parent.rmdir()


def replace_it(path: Path) -> None:
    path.rename(path.with_name("old"))
    path.write_bytes(b"")


@pytest.mark.parametrize("spoil", [delete_it, replace_it])
async def test_a_file_that_is_spoilt_while_it_is_used_is_written_anew(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    of, after, logger = users("ann", "bob", "cid"), users("ann", "bob", "cid"), RecordingLogger()
    async with opened(of, tmp_path, logger=logger) as file:
        for name in ("ann", "bob", "cid"):
            count(of, name, 5)
        await file.save()
        spoil(tmp_path / "usage" / "usage.sqlite3")
        of.remove("cid")
        count(of, "ann", 1)
        for _ in range(3):
            await file.save()
        assert [level for level, _ in said(logger)][-1] == "info"
    async with opened(after, tmp_path):
        assert [used(after, name)[0] for name in ("ann", "bob", "cid")] == [6, 5, 0]
