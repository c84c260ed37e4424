"""How the site's pages are loaded: when a client comes, one at a time, and seldom."""

from __future__ import annotations

import asyncio
import socket
from typing import Self

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.front.record_learner import RecordLearner
from mtglib.ground.guarded_logger import GuardedLogger, Warnings
from mtglib.page_urls import Page
from support.timeless import timeless
from unit.front.tls_site import HEAD, HOST, PROTECTION_BYTES, TLSSite

PAGES = (Page(HOST, "/a?token=hush"), Page(HOST, "/b"))


class Loading:
    """A learner, and the site's ends of its connections."""

    def __init__(self) -> None:
        self.log = RecordingLogger()
        self.sites: list[TLSSite] = []
        self.refusal: Exception | None = None
        self.status = b"200 OK"
        self.targets: list[str] = []
        self.skipped_seconds = 0.0
        self._answering = set[asyncio.Task[None]]()
        logger = GuardedLogger(self.log)
        self.learner = RecordLearner(self.dial, PAGES, 3, 3600.0, logger, Warnings(logger), self._now)

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
        await loading_again(loading)

        assert loading.learner.shape is not None
        assert len(loading.sites) == 18
        assert len(loading.learner.shape.pages) == 16, "the oldest are forgotten"


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
    learner = RecordLearner(
        Loading().dial, (), 3, 3600.0, GuardedLogger(None), Warnings(GuardedLogger(None)), lambda: 0.0
    )
    learner.saw_client(b"")

    assert (learner.learning, learner.shape) == (None, None)
    await learner.close()
