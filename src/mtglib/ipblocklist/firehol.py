"""A block or allow list made of netsets, as FireHOL publishes them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from ..event_types import IPAddress
from ..ground.checks import as_directory, check_flag, check_int, check_kind, check_list, check_seconds
from ..ground.guarded_logger import checked_logger
from ..interfaces import EventStream, Logger, Network
from ..part_check import check_part
from .refresh import Refresh
from .report import Report
from .source import SourceStatus
from .sources import make_sources

_MOST_AT_ONCE = 1000
_MOST_BYTES = 2**30


class FireHOL:
    """A list of IP addresses from netsets, over HTTP(S) and from local files, kept fresh by `run`.

    A source is replaced whole, or not at all: one that can't be had, or isn't a list (more broken lines than good
    ones; a download without any prefix), keeps what was last good. Each is in force as soon as it was read, whatever
    the others do. Downloads have a copy on disk as well. Until something is loaded the list is empty: as a blocklist
    it blocks nobody, and as an allowlist it lets nobody in. Await `load` before serving, and `update` too where an
    empty or an old list won't do.

    All methods belong to one event loop, the one that first ran any. Files, parsing and merging are off the loop, in
    threads of its default executor; `contains` never waits.

    Args:
        urls: A list or tuple of one or more strings: `http://`, `https://` or an absolute path. What is named twice is
            read once.
        network: Whose HTTP client downloads: `http_client()` is called without arguments for each download. What it
            returns is entered with `async with` and has httpx's `stream(method, url, *, headers, follow_redirects,
            timeout)`, for a response with `status_code`, `headers`, `http_version`, `url`, `history` and `aiter_raw()`.
            A client should end a chain of redirects some time. Its `timeout` is `timeout_seconds`, for each of
            connecting, a read and a write, in place of its own; it need not keep to it, nor have limits.
        is_block_list: False: an allowlist. It is only what events and the log call it; `contains` is the same.
        download_concurrency: How many downloads there are at once, and how many local files are read at once beside
            them; 1 to 1000.
        cache_directory: Where copies of downloads are kept, made if missing, for its owner only. None:
            nowhere.
        event_stream: Gets an `EventIPListSize` when the contents have changed.
        logger: Told when a source changes, fails (once for each reason) and is available again.
        timeout_seconds: For one download, from the dial to the last byte; above 0, at most a year.
        max_download_bytes: For one source, decompressed; 1 to 1 GiB. It may have 2 million lines besides.
        retry_seconds: What failed is tried again after this time, then after twice, four times as long, and so on up
            to the period of `run`; above 0, at most a year.

    Raises:
        OptionError: An argument that can't work. What `urls` has is not repeated.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        network: Network,
        is_block_list: bool = True,
        download_concurrency: int = 2,
        cache_directory: str | os.PathLike[str] | None = None,
        event_stream: EventStream | None = None,
        logger: Logger | None = None,
        timeout_seconds: float = 120.0,
        max_download_bytes: int = 64 * 1024 * 1024,
        retry_seconds: float = 60.0,
    ) -> None:
        check_list("urls", urls, "URLs and absolute paths")
        for index, url in enumerate(urls):
            check_kind(f"urls[{index}]", url, str)
        check_part("network", network, Network)
        check_flag("is_block_list", is_block_list)
        check_int("download_concurrency", download_concurrency, _MOST_AT_ONCE)
        directory = as_directory("cache_directory", cache_directory)
        if event_stream is not None:
            check_part("event_stream", event_stream, EventStream)
        check_seconds("timeout_seconds", timeout_seconds)
        check_int("max_download_bytes", max_download_bytes, _MOST_BYTES)
        check_seconds("retry_seconds", retry_seconds)

        self._sources = make_sources(
            urls,
            network=network,
            directory=directory,
            at_once=download_concurrency,
            timeout_seconds=timeout_seconds,
            max_bytes=max_download_bytes,
        )
        self._retry_seconds = retry_seconds
        self._report = Report(is_block_list, checked_logger(logger), event_stream)
        self._refresh = Refresh(self._sources, self._report)
        self._running: set[asyncio.Task[None]] = set()
        self._shut_down = False

    @property
    def size(self) -> int:
        """How many prefixes the list has: the sum of its sources, also where they overlap."""
        return self._refresh.merged.prefixes.count

    @property
    def broken_lines(self) -> int:
        """How many lines of its sources were skipped."""
        return self._refresh.merged.prefixes.broken_lines

    @property
    def sources(self) -> tuple[SourceStatus, ...]:
        """How each source is, in the order of `urls`."""
        return tuple(source.status() for source in self._sources)

    def contains(self, ip: IPAddress) -> bool:
        """Tell whether the list has an address; IPv4-mapped IPv6 is IPv4."""
        prefixes = self._refresh.merged.prefixes
        return prefixes.contains_v4(int(ip)) if ip.version == 4 else prefixes.contains_v6(int(ip))

    async def load(self) -> None:
        """Take what is on this machine: local files, and the copies of downloads that there are.

        What a source has already stays: only `update` replaces it. Nothing is raised: what is there and can't be used
        is a `problem` of its source, and a warning.
        """
        await self._refresh.load()

    async def update(self) -> tuple[SourceStatus, ...]:
        """Read all sources anew, now; may be called while `run` runs. One line in the log sums up.

        Returns:
            `sources`; what failed has a `problem`, nothing is raised.
        """
        await self._refresh.update()
        self._report.updated(self._sources, self.size)
        return self.sources

    async def run(self, update_each_seconds: float) -> None:
        """Take what is on this machine, then update at once and each period until `shutdown`.

        Each source has its own time, so that none waits for others. All pauses are a tenth longer or shorter, by
        chance.

        Args:
            update_each_seconds: The period; above 0, at most a year.

        Raises:
            OptionError: The period can't work.
        """
        check_seconds("update_each_seconds", update_each_seconds)
        if self._shut_down:
            return
        refreshing = self._refresh.keep_fresh(update_each_seconds, self._retry_seconds)
        work = asyncio.create_task(refreshing, name="mtg-ip-list")
        self._running.add(work)
        try:
            await asyncio.wait({work})
        finally:
            self._running.discard(work)
            work.cancel()
        if not work.cancelled():
            work.result()

    async def shutdown(self) -> None:
        """End `run`, for good; the list stays as it is."""
        self._shut_down = True
        for work in self._running:
            work.cancel()
        if self._running:
            await asyncio.wait(set(self._running))
