"""Lists from real files and from nginx: loaded, replaced, kept on disk, refreshed."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from integration.recording_logger import RecordingLogger
from mtglib import Dial, EventIPListSize
from mtglib.ipblocklist import FireHOL
from mtglib.network import Direct
from parts.ip_lists import has
from support.eventually import eventually
from support.nginx_site import NginxSite, nginx_is_missing
from support.running_proxy import EventRecorder

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
NAME = "lists.example"
needs_nginx = pytest.mark.skipif(nginx_is_missing() is not None, reason=str(nginx_is_missing()))


class Rerouted:
    """A network whose connections all lead to one port of this machine; ``dialled`` counts them."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.dialled = 0

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.dialled += 1
        return await Direct().dial("127.0.0.1", self.port, timeout_seconds=timeout_seconds)

    def http_client(self, dial: Dial | None = None) -> AbstractAsyncContextManager[Any]:
        return Direct().http_client(dial or self.dial)


@asynccontextmanager
async def listed_site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NginxSite]:
    async with NginxSite(NAME) as site:
        monkeypatch.setenv("SSL_CERT_FILE", str(site.certificate_path))
        (site.root / "pages" / "drop.netset").write_text("# drop\n192.0.2.0/24\n2001:db8::/32\n")
        yield site


@needs_nginx
async def test_a_list_from_nginx_over_tls_is_there_after_an_update(monkeypatch: pytest.MonkeyPatch) -> None:
    events = EventRecorder()
    async with listed_site(monkeypatch) as site:
        found = FireHOL([f"https://{NAME}/drop.netset"], network=Rerouted(site.port), event_stream=events)
        assert has(found, "192.0.2.1") == [False]

        await found.update()

    assert has(found, "192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "192.0.3.1") == [True, True, True, False]
    assert [(event.size, event.is_block_list) for event in events.of(EventIPListSize)] == [(2, True)]


@needs_nginx
async def test_an_unchanged_list_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    events = EventRecorder()
    async with listed_site(monkeypatch) as site:
        found = FireHOL([f"https://{NAME}/drop.netset"], network=Rerouted(site.port), event_stream=events)
        first = await found.update()
        second = await found.update()
        (site.root / "pages" / "drop.netset").write_text("198.51.100.0/24\n")
        third = await found.update()
        assert [status.problem for status in (*first, *second, *third)] == ["", "", ""]
        await eventually(lambda: len(site.access_log()) == 3)
        statuses = [line.split()[8] for line in site.access_log()]

    assert statuses == ["200", "304", "200"]
    assert has(found, "192.0.2.1", "198.51.100.1") == [False, True]
    assert [event.size for event in events.of(EventIPListSize)] == [2, 1]


@needs_nginx
async def test_a_restart_without_a_network_still_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, logger = f"https://{NAME}/drop.netset", RecordingLogger()
    async with listed_site(monkeypatch) as site:
        network = Rerouted(site.port)
        await FireHOL([url], network=network, cache_directory=tmp_path / "new" / "lists").update()
    found = FireHOL([url], network=network, cache_directory=tmp_path / "new" / "lists", logger=logger)

    await found.load()
    assert has(found, "192.0.2.1") == [True]
    (status,) = await found.update()

    assert status.problem
    assert has(found, "192.0.2.1") == [True]
    assert logger.warnings == ["list can't be updated"]


@needs_nginx
async def test_a_copys_version_is_still_known_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"https://{NAME}/drop.netset"
    async with listed_site(monkeypatch) as site:
        first = await FireHOL([url], network=Rerouted(site.port), cache_directory=tmp_path).update()
        found = FireHOL([url], network=Rerouted(site.port), cache_directory=tmp_path)
        await found.load()
        assert [status.problem for status in (*first, *await found.update())] == ["", ""]
        await eventually(lambda: len(site.access_log()) == 2)
        statuses = [line.split()[8] for line in site.access_log()]

    assert statuses == ["200", "304"]
    assert has(found, "192.0.2.1") == [True]


async def test_files_are_read_again_at_each_update(tmp_path: Path) -> None:
    one, other = tmp_path / "one.netset", tmp_path / "other.netset"
    one.write_text("192.0.2.0/24\nnonsense\n")
    other.write_text("192.0.2.128/25\n")
    found = FireHOL([str(one), str(other), str(one)], network=Direct())
    await found.load()
    assert (found.size, found.broken_lines, len(found.sources)) == (2, 1, 2)

    one.write_text("")
    await found.update()

    assert (found.size, found.broken_lines) == (1, 0)
    assert has(found, "192.0.2.1", "192.0.2.129") == [False, True]


def _remove(path: Path) -> None:
    path.unlink()


def _make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _fill(path: Path) -> None:
    path.write_bytes(b"#" * 2000)


def _break(path: Path) -> None:
    path.write_bytes(b"<html>\n<body>\n192.0.2.1\n")


@pytest.mark.parametrize("spoil", [_remove, _make_pipe, _make_folder, _fill, _break])
async def test_a_file_that_went_bad_keeps_what_was_good(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path, other, logger = tmp_path / "a.netset", tmp_path / "b.netset", RecordingLogger()
    path.write_text("192.0.2.0/24\n")
    other.write_text("10.0.0.0/8\n")
    found = FireHOL([str(path), str(other)], network=Direct(), max_download_bytes=1000, logger=logger)
    await found.update()
    spoil(path)
    other.write_text("172.16.0.0/12\n")

    statuses = [await found.update(), await found.update()]

    assert has(found, "192.0.2.1", "10.0.0.1", "172.16.0.1") == [True, False, True]
    assert [bool(status.problem) for status in statuses[1]] == [True, False]
    assert logger.warnings == ["list can't be updated"], "once"


async def test_no_descriptor_is_left_of_what_is_no_file(tmp_path: Path) -> None:
    (pipe := tmp_path / "pipe").touch()
    _make_pipe(pipe)
    found = FireHOL([str(tmp_path), str(pipe)], network=Direct())
    await found.update()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await found.update()

    assert [status.problem for status in found.sources] == ["not a regular file"] * 2
    assert len(os.listdir("/proc/self/fd")) == before


async def test_an_allowlist_lets_nobody_in_before_it_is_loaded(tmp_path: Path) -> None:
    path, events = tmp_path / "friends", EventRecorder()
    path.write_text("192.0.2.7")
    found = FireHOL([str(path)], network=Direct(), is_block_list=False, event_stream=events)
    before = has(found, "192.0.2.7")
    await found.load()

    assert (before, has(found, "192.0.2.7", "192.0.2.8")) == ([False], [True, False])
    assert [event.is_block_list for event in events.of(EventIPListSize)] == [False]


async def test_run_updates_each_period_until_it_is_shut_down(tmp_path: Path) -> None:
    path, events = tmp_path / "list", EventRecorder()
    path.write_text("192.0.2.0/24\n")
    found = FireHOL([str(path)], network=Direct(), event_stream=events)
    running = asyncio.create_task(found.run(0.001))
    await events.seen(EventIPListSize, 1)
    (new := tmp_path / "new").write_text("192.0.2.0/24\n10.0.0.0/8\n")
    new.replace(path)
    await events.seen(EventIPListSize, 2)

    await found.shutdown()
    await running
    await found.run(0.001)

    assert found.size == 2


async def test_cancelling_run_ends_its_work(tmp_path: Path) -> None:
    found = FireHOL([str(tmp_path / "none")], network=Direct(), retry_seconds=0.001)
    before = asyncio.all_tasks()
    running = asyncio.create_task(found.run(3600))
    await eventually(lambda: found.sources[0].problem)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    await eventually(lambda: asyncio.all_tasks() == before)
