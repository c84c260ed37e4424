"""Copies of downloads on disk: kept, found damaged, deleted, made again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.recording_logger import RecordingLogger
from mtglib import EventIPListSize
from parts.ip_lists import GOOD, MAX_BYTES, OTHER, has, make_list
from support.list_server import ListServer, page, stalls
from support.running_proxy import EventRecorder

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


async def test_run_has_the_copy_before_the_download_is_there(tmp_path: Path) -> None:
    events = EventRecorder()
    async with ListServer({"/list": page(GOOD)}) as server:
        await make_list([server.url("/list")], cache_directory=tmp_path).update()
        server.pages["/list"] = stalls()
        found = make_list([server.url("/list")], cache_directory=tmp_path, event_stream=events, timeout_seconds=3600)
        running = asyncio.create_task(found.run(3600))
        await events.seen(EventIPListSize)
        await found.shutdown()
        await running

    assert has(found, "192.0.2.1") == [True]


Spoil = Callable[[Path], object]


def _make_pipe(copy: Path) -> None:
    copy.unlink()
    os.mkfifo(copy)


SPOILS: dict[str, Spoil] = {
    "nothing": lambda copy: copy.write_bytes(b""),
    "an empty header": lambda copy: copy.write_bytes(b"#{}\n10.0.0.0/8\n"),
    "no JSON": lambda copy: copy.write_bytes(b"\x00\xff"),
    "deep JSON": lambda copy: copy.write_bytes(b"#" + b"[" * 4000 + b"\n"),
    "other JSON": lambda copy: copy.write_bytes(b"#[1]\n10.0.0.0/8\n"),
    "an endless header": lambda copy: copy.write_bytes(b"#" + b"[" * 50_000),
    "too much": lambda copy: copy.write_bytes(b"#" * (MAX_BYTES + 5000)),
    "a text that is cut off": lambda copy: copy.write_bytes(copy.read_bytes()[:-2]),
    "a pipe": _make_pipe,
}
spoiled = pytest.mark.parametrize("spoil", SPOILS.values(), ids=list(SPOILS))


@spoiled
async def test_a_damaged_copy_is_none_and_one_warning(spoil: Spoil, tmp_path: Path) -> None:
    logger = RecordingLogger()
    async with ListServer({"/list": page(GOOD, 'ETag: "1"')}) as server:
        url = server.url("/list")
        await make_list([url], cache_directory=tmp_path).update()
        (copy,) = tmp_path.iterdir()
        spoil(copy)
        found = make_list([url], cache_directory=tmp_path, logger=logger)
        await found.load()
        await found.load()
        assert (found.size, has(found, "10.0.0.1")) == (0, [False])
        assert logger.warnings == ["list can't be loaded"]
        assert str(copy) in logger.messages[0].error
        assert str(copy) in found.sources[0].problem

        (status,) = await found.update()

    assert (status.problem, has(found, "192.0.2.1")) == ("", [True])
    assert "if-none-match" not in server.requests[1].lower()


@pytest.mark.parametrize("spoil", [Path.unlink, *SPOILS.values()], ids=["it is missing", *SPOILS])
async def test_a_copy_that_went_bad_while_running_is_made_again(spoil: Spoil, tmp_path: Path) -> None:
    logger = RecordingLogger()
    async with ListServer({"/list": page(GOOD, 'ETag: "1"')}) as server:
        found = make_list([server.url("/list")], cache_directory=tmp_path, logger=logger)
        await found.update()
        (copy,) = tmp_path.iterdir()
        was = copy.read_bytes()
        spoil(copy)
        statuses = await found.update() + await found.update()

    assert copy.read_bytes() == was
    asked = ["if-none-match" in request.lower() for request in server.requests]
    assert asked == [False, False, True], "for the whole text, while there is no copy"
    assert (logger.warnings, [status.problem for status in statuses]) == ([], ["", ""])


async def test_a_folder_of_copies_that_went_away_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    async with ListServer({"/list": page(GOOD)}) as server:
        found = make_list([server.url("/list")], cache_directory=str(folder))
        await found.update()
        shutil.rmtree(folder)
        await found.update()

    assert len(list(folder.iterdir())) == 1


async def test_a_copy_that_is_no_list_is_one_warning(tmp_path: Path) -> None:
    logger = RecordingLogger()
    async with ListServer({"/list": page(OTHER)}) as server:
        await make_list([server.url("/list")], cache_directory=tmp_path).update()
        (copy,) = tmp_path.iterdir()
        text = b"<br>\n" * 9
        about = {"sha256": hashlib.sha256(text).hexdigest(), "etag": "", "last_modified": ""}
        copy.write_bytes(b"#" + json.dumps(about).encode() + b"\n" + text)
        found = make_list([server.url("/list")], cache_directory=tmp_path, logger=logger)
        await found.load()

    assert found.size == 0
    assert found.sources[0].problem.endswith(
        "can't be used, so the list is empty until it is downloaded: not an IP list: 9 invalid lines, 0 valid ones"
    )
    assert logger.warnings == ["list can't be loaded"]


async def test_no_copy_is_no_problem(tmp_path: Path) -> None:
    logger = RecordingLogger()
    found = make_list(["http://127.0.0.1:9/"], cache_directory=tmp_path / "missing", logger=logger)
    await found.load()

    assert (found.sources[0].problem, logger.messages) == ("", [])


async def test_a_copy_is_a_netset_that_only_its_owner_reads(tmp_path: Path) -> None:
    async with ListServer({"/list": page(GOOD, 'ETag: "1"')}) as server:
        await make_list([server.url("/list", "somebody:hunter2@")], cache_directory=tmp_path).update()
    (copy,) = tmp_path.iterdir()
    header, _, text = copy.read_bytes().partition(b"\n")

    assert (header[:1], text, stat.S_IMODE(copy.stat().st_mode)) == (b"#", GOOD, 0o600)
    assert b"hunter2" not in header
    assert "hunter2" not in copy.name


async def test_a_folder_that_cannot_be_written_is_one_warning_and_the_list_goes_on(tmp_path: Path) -> None:
    folder, logger = tmp_path / "lists", RecordingLogger()
    folder.write_text("a file, where a folder should be")
    async with ListServer({"/list": page(GOOD, 'ETag: "1"')}) as server:
        found = make_list([server.url("/list")], cache_directory=folder, logger=logger)
        await found.load()
        await found.update()
        await found.update()

    assert logger.warnings == ["lists can't be saved to disk"]
    assert has(found, "192.0.2.1") == [True]


async def test_a_copy_that_could_not_be_written_is_made_later(tmp_path: Path) -> None:
    folder, logger = tmp_path / "lists", RecordingLogger()
    async with ListServer({"/list": page(GOOD, 'ETag: "1"')}) as server:
        found = make_list([server.url("/list")], cache_directory=folder, logger=logger)
        folder.touch()
        await found.update()
        folder.unlink()
        await found.update()
        assert len(list(folder.iterdir())) == 1

        shutil.rmtree(folder)
        folder.touch()
        server.pages["/list"] = page(OTHER)
        await found.update()

    assert not any("if-none-match" in request.lower() for request in server.requests), "there is never a copy"
    assert logger.warnings == ["lists can't be saved to disk"] * 2


async def test_a_copy_is_not_written_again_without_need(tmp_path: Path) -> None:
    async with ListServer({"/list": page(GOOD)}) as server:
        found = make_list([server.url("/list")], cache_directory=tmp_path)
        await found.update()
        (copy,) = tmp_path.iterdir()
        written = copy.stat()
        await found.update()
        restarted = make_list([server.url("/list")], cache_directory=tmp_path)
        await restarted.load()
        await restarted.update()

    assert (copy.stat().st_ino, copy.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


async def test_a_copy_has_the_latest_name_of_its_version(tmp_path: Path) -> None:
    async with ListServer() as server:
        found = make_list([server.url("/list")], cache_directory=tmp_path)
        for version in ("one", "two"):
            server.pages["/list"] = page(GOOD, f'ETag: "{version}"')
            await found.update()
        restarted = make_list([server.url("/list")], cache_directory=tmp_path)
        await restarted.load()
        await restarted.update()

    assert ['"two"' in request for request in server.requests] == [False, False, True]


async def test_loading_again_brings_nothing_old_back(tmp_path: Path) -> None:
    (path := tmp_path / "mine").write_bytes(b"10.0.0.1")
    async with ListServer({"/list": page(GOOD)}) as server:
        found = make_list([server.url("/list"), str(path)], cache_directory=tmp_path / "copies")
        await found.update()
        (copy,) = (tmp_path / "copies").iterdir()
        old = copy.read_bytes()
        server.pages["/list"] = page(OTHER)
        await found.update()
        copy.write_bytes(old)
        path.write_bytes(b"10.0.0.2")
        await found.load()

    assert has(found, "192.0.2.1", "198.51.100.1", "10.0.0.1", "10.0.0.2") == [False, True, True, False]
