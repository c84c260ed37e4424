"""How the site's pages are loaded: when a client comes, one at a time, and seldom."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Self

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.front import page, page_file, record_learner
from mtglib.front.record_learner import RecordLearner
from mtglib.front.site_store import SiteStore
from mtglib.ground.guarded_logger import GuardedLogger, Warnings
from mtglib.page_urls import Page
from mtglib.relay.job import PageRecords
from support.timeless import timeless
from unit.front.tls_site import HEAD, HOST, PROTECTION_BYTES, TLSSite

PAGES = (Page(HOST, "/a?token=hush"), Page(HOST, "/b"))


class Loading:
    """A learner, and the site's ends of its connections."""

    def __init__(self, directory: Path | None = None) -> None:
        self.log = RecordingLogger()
        self.sites: list[TLSSite] = []
        self.refusal: Exception | None = None
        self.status = b"200 OK"
        self.targets: list[str] = []
        self.skipped_seconds = 0.0
        self._answering = set[asyncio.Task[None]]()
        logger = GuardedLogger(self.log)
        store = None if directory is None else SiteStore(directory, page_file.PAGES, logger)
        self.learner = RecordLearner(self.dial, PAGES, 3, 3600.0, logger, Warnings(logger), store, self._now)

    def _now(self) -> float:
        return asyncio.get_running_loop().time() + self.skipped_seconds

    async def dial(self) -> socket.socket:
        if self.refusal is not None:
            raise self.refusal
        assert all(site.ours.fileno() < 0 for site in self.sites), "one at a time"
        site = TLSSite()
        self.sites.append(site)
        self._answering.add(asyncio.create_task(self._answer(site)))
        return site.ours

    async def _answer(self, site: TLSSite) -> None:
        self.targets.append((await site.asked(b"PROXY ")).split()[1].decode())
        await site.send(HEAD.replace(b"200 OK", self.status), bytes(len(self.targets)))

    async def load(self) -> None:
        """Let a client come, and wait until nothing more is loaded."""
        self.learner.saw_client(b"PROXY ")
        assert self.learner.learning is not None
        await self.learner.learning

    async def restore(self) -> None:
        """Read what was kept."""
        self.learner.load()
        assert self.learner.loading is not None
        await self.learner.loading

    def has_begun(self) -> bool:
        """Let a client come; return whether something is loaded now."""
        self.learner.saw_client(b"PROXY ")
        return self.learner.learning is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.learner.close()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        for site in self.sites:
            site.close()


@timeless
async def test_nothing_is_loaded_before_a_client_comes_and_then_each_page_a_few_times() -> None:
    async with Loading() as loading:
        await asyncio.sleep(10)
        assert loading.sites == []
        assert loading.learner.shape is None

        await loading.load()

        assert sorted(loading.targets) == ["/a?token=hush"] * 3 + ["/b"] * 3
        shape = loading.learner.shape
        assert shape is not None
        assert [page.opening for page in shape.pages] == [2] * 6
        assert [[record.size_bytes - PROTECTION_BYTES for record in page.records[2:]] for page in shape.pages] == [
            [len(HEAD), length] for length in range(1, 7)
        ]
        assert {message.level for message in loading.log.messages} == {"debug"}
        told = sorted(message.text for message in loading.log.messages)
        assert len(told) == 6
        sizes = [sum(record.size_bytes for record in page.records) for page in shape.pages]
        assert any(told[0].endswith(f"fronting site's /a were learnt: 4 of {size} bytes") for size in sizes)
        assert "hush" not in loading.log.everything()


@timeless
async def test_pages_are_loaded_in_any_order() -> None:
    async with Loading() as loading:
        await loading.load()
        for _ in range(9):
            await loading_again(loading)

        targets = iter(loading.targets)
        assert len(set(zip(*[targets] * 6, strict=True))) > 1, "or this is one in five hundred billion"


@timeless
async def test_there_is_a_shape_as_soon_as_one_page_was_loaded() -> None:
    async with Loading() as loading:
        assert loading.has_begun()
        while loading.learner.shape is None:
            await asyncio.sleep(0.1)

        assert len(loading.sites) == 1
        learning = loading.learner.learning
        assert loading.has_begun()
        assert loading.learner.learning is learning


@timeless
async def test_they_are_loaded_again_after_some_hours_when_a_client_comes() -> None:
    async with Loading() as loading:
        await loading.load()
        loading.skipped_seconds += 0.79 * 3600
        assert not loading.has_begun()
        loading.skipped_seconds += 0.42 * 3600
        assert len(loading.sites) == 6
        await loading.load()
        for _ in range(10):
            await loading_again(loading)

        assert loading.learner.shape is not None
        assert len(loading.sites) == 72
        assert len(loading.learner.shape.pages) == 64, "the oldest are forgotten"


async def loading_again(loading: Loading) -> None:
    loading.skipped_seconds += 1.21 * 3600
    await loading.load()


@timeless
@pytest.mark.parametrize("refusal", [OSError("nobody there"), mtglib.UpstreamError("leads back"), TimeoutError()])
async def test_a_site_out_of_reach_is_told_of_once_and_left_alone(refusal: Exception) -> None:
    async with Loading() as loading:
        loading.refusal = refusal
        await loading.load()

        (warning,) = loading.log.warnings
        assert warning.endswith(f"can't be learnt: {str(refusal) or 'time-out'}")
        assert "hush" not in warning
        loading.skipped_seconds += 599
        assert not loading.has_begun()
        loading.skipped_seconds += 602
        assert loading.has_begun()


@timeless
async def test_what_was_learnt_stays_when_a_page_is_gone() -> None:
    async with Loading() as loading:
        await loading.load()
        shape = loading.learner.shape
        loading.status = b"404 Not Found"
        await loading_again(loading)

        assert loading.learner.shape is shape
        (warning,) = loading.log.warnings
        assert "got '404'" in warning
        assert "the fronting site's /" in warning


@timeless
async def test_it_ends_with_the_proxy_however_often_it_is_told() -> None:
    async with Loading() as loading:
        loading.learner.saw_client(b"PROXY ")
        while not loading.sites:
            await asyncio.sleep(0)
        await asyncio.gather(loading.learner.close(), loading.learner.close())

        assert loading.learner.learning is None
        assert loading.sites[0].ours.fileno() < 0
        assert loading.log.warnings == []


@timeless
async def test_without_pages_nothing_is_done() -> None:
    learner = RecordLearner(Loading().dial, (), 3, 3600.0, GuardedLogger(None), Warnings(GuardedLogger(None)))
    learner.load()
    learner.saw_client(b"")

    assert (learner.learning, learner.loading, learner.shape) == (None, None, None)
    await learner.close()


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk takes its own time, so these tests can't have a clock of theirs."""
    monkeypatch.setattr(record_learner, "_PAUSE_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(page, "_SILENCE_SECONDS", 0.05)


async def test_what_was_learnt_is_used_after_a_restart_and_learnt_on(tmp_path: Path, hurry: None) -> None:
    async with Loading(tmp_path) as loading:
        await loading.load()
        learnt = loading.learner.shape
        assert learnt is not None
    (path,) = tmp_path.iterdir()
    assert "hush" not in path.name + path.read_text(), "nor is a page's address told"

    async with Loading(tmp_path) as loading:
        await loading.restore()
        assert loading.learner.shape is not None
        assert [sizes(page) for page in loading.learner.shape.pages] == [sizes(page) for page in learnt.pages]
        await loading.load()
        assert len(loading.learner.shape.pages) == 12
        assert loading.log.warnings == []


async def test_a_damaged_copy_of_pages_is_told_of_once_and_the_rest_is_used(tmp_path: Path, hurry: None) -> None:
    async with Loading(tmp_path) as loading:
        await loading.load()
    (path,) = tmp_path.iterdir()
    for end, left in ((-20, 5), (9, 0)):
        path.write_bytes(path.read_bytes()[:end])
        async with Loading(tmp_path) as loading:
            await loading.restore()
            shape = loading.learner.shape
            assert len(shape.pages if shape else ()) == left
            (warning,) = loading.log.warnings
            assert f"doppelganger: {path}: is damaged" in warning


async def test_a_disk_that_takes_nothing_costs_only_what_a_restart_forgets(tmp_path: Path, hurry: None) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    async with Loading(blocked / "pages") as loading:
        await loading.load()
        assert loading.learner.shape is not None
        assert len(loading.learner.shape.pages) == 6
        await loading.learner.close()
        (warning,) = loading.log.warnings
        assert "can't be written: a restart forgets what was learnt" in warning


def sizes(page: PageRecords) -> tuple[list[int], int]:
    return [record.size_bytes for record in page.records], page.opening
