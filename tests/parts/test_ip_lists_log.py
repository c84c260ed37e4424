"""What the log says of lists: each thing once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from integration.recording_logger import RecordingLogger
from mtglib import EventIPListSize
from parts.ip_lists import GOOD, OTHER, make_list
from support.list_server import ListServer, Script, head, page, sends
from support.running_proxy import EventRecorder

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


FAILED, LOADED, AGAIN, SUM = "list can't be updated", "list loaded", "list is back", "lists updated"
UNAVAILABLE = sends(head(0, status="503 Service Unavailable"))
MISSING = sends(head(0, status="404 Not Found"))


async def told(*scripts: Script) -> list[tuple[str, str]]:
    """What the log says while a server does all that, one update after another: texts, and errors in short."""
    logger = RecordingLogger()
    async with ListServer() as server:
        found = make_list([server.url("/list")], logger=logger)
        for script in scripts:
            server.pages["/list"] = script
            await found.update()
    assert {message.name for message in logger.messages} == {"ip-blocklist"}
    return [(message.text, message.error[-5:-2]) for message in logger.messages if message.text != SUM]


async def test_a_failure_is_told_once_and_so_is_its_end() -> None:
    good = page(GOOD)

    found = await told(good, sends(), sends(), good, good, sends(), page(OTHER), page(OTHER))

    assert [text for text, _ in found] == [LOADED, FAILED, AGAIN, FAILED, LOADED]


async def test_another_reason_is_told_too_and_each_once() -> None:
    found = await told(MISSING, UNAVAILABLE, MISSING, UNAVAILABLE, page(GOOD), MISSING, MISSING)

    assert found == [(FAILED, "404"), (FAILED, "503"), (LOADED, ""), (FAILED, "404")]


async def test_a_server_with_ever_new_reasons_does_not_fill_the_log() -> None:
    found = await told(*(sends(head(0, status=f"{status} No")) for status in range(400, 450)), page(GOOD))

    assert found == [*((FAILED, f"{status}") for status in range(400, 405)), (LOADED, "")]


async def test_reasons_of_one_source_do_not_hide_those_of_another() -> None:
    logger = RecordingLogger()
    async with ListServer({"/a": MISSING, "/b": MISSING}) as server:
        urls = [server.url("/a"), server.url("/b")]
        await make_list(urls, logger=logger, is_block_list=False).update()

    failed = [message for message in logger.messages if message.text == FAILED]
    assert sorted(message.fields["source"] for message in failed) == urls
    assert {message.name for message in failed} == {"ip-allowlist"}


async def test_an_update_by_hand_is_summed_up_in_one_line(tmp_path: Path) -> None:
    logger = RecordingLogger()
    (path := tmp_path / "mine").write_bytes(OTHER)
    async with ListServer({"/a": page(GOOD), "/b": MISSING}) as server:
        await make_list([server.url("/a"), server.url("/b"), str(path)], logger=logger).update()

    last = logger.messages[-1]
    assert [message.text for message in logger.messages].count(SUM) == 1
    assert (last.level, last.text) == ("info", SUM)
    assert last.fields == {"sources": 3, "prefixes": 3, "failed": 1}


async def test_what_was_loaded_says_where_it_is_from(tmp_path: Path) -> None:
    logger = RecordingLogger()
    (path := tmp_path / "mine").write_bytes(OTHER)
    async with ListServer({"/a": page(GOOD + b"nonsense")}) as server:
        for urls in ([str(path)], [server.url("/a")], [server.url("/a")]):
            found = make_list(urls, logger=logger, cache_directory=tmp_path / "copies")
            await found.load()
            await found.update()

    fields = [message.fields for message in logger.messages if message.text == LOADED]
    said = [(field["from"], field["prefixes"], field["broken_lines"]) for field in fields]
    assert said == [("file", 2, 0), ("download", 1, 1), ("copy", 1, 1)]


async def test_run_sums_nothing_up(tmp_path: Path) -> None:
    logger, events = RecordingLogger(), EventRecorder()
    (path := tmp_path / "mine").write_bytes(GOOD)
    found = make_list([str(path), str(tmp_path / "none")], logger=logger, event_stream=events, retry_seconds=0.001)
    running = asyncio.create_task(found.run(0.001))
    await events.seen(EventIPListSize)
    (tmp_path / "none").write_bytes(GOOD)
    await events.seen(EventIPListSize, 2)
    await found.shutdown()
    await running

    assert sorted({message.text for message in logger.messages}) == ["list can't be loaded", LOADED]
