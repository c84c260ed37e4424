"""A blocklist or allowlist made of netsets, such as those published by FireHOL."""

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
    """A list of IP addresses from netsets, downloaded over HTTP(S) or read from local files; `run` keeps it up to date.

    A source is replaced as a whole or not at all: if it can't be read, or isn't a list (more broken lines than good
    ones; a download without any prefix), its last good contents stay. Each source takes effect as soon as it is read,
    independently of the others. Downloads are also cached on disk. Until something is loaded the list is empty: a
    blocklist then blocks nobody, and an allowlist lets nobody in. Await `load` before serving, and also `update` if an
    empty or outdated list isn't acceptable.

    Call all methods in one event loop: the first one that runs any of them. Reading files, parsing and merging run in
    threads of the loop's default executor; `contains` never waits.

    Args:
        urls: A list or tuple of one or more strings: `http://` or `https://` URLs, or absolute paths. Duplicates are
            read once.
        network: Provides the HTTP client for downloads: `http_client()` is called without arguments for each download.
            The client is entered with `async with` and has httpx's `stream(method, url, *, headers, follow_redirects,
            timeout)`, whose response has `status_code`, `headers`, `http_version`, `url`, `history` and `aiter_raw()`.
            The client should limit the number of redirects. `timeout` is `timeout_seconds`, for each of connecting, a
            read and a write, instead of the client's own; the client need not honour it, nor have limits of its own.
        is_block_list: False: an allowlist. It only changes the name in events and in the log, not the answer of
            `contains`.
        download_concurrency: The most downloads at once, and the most local files read at once beside them; 1 to 1000.
        cache_directory: Where copies of downloads are stored; created if missing, readable by its owner only. None: no
            copies.
        event_stream: Gets an `EventIPListSize` when the contents change.
        logger: Told when a source changes, fails (once for each reason) or is available again.
        timeout_seconds: The limit for one download, from the dial to the last byte; above 0, at most a year.
        max_download_bytes: The most bytes of one source, decompressed; 1 to 1 GiB. The limit of lines is 2 million.
        retry_seconds: A failed source is tried again after this time, then after twice and four times as long, and so
            on up to the period of `run`; above 0, at most a year.

    Raises:
        OptionError: An argument is invalid. The message doesn't repeat `urls`.
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
        """The number of prefixes in the list: the sum for its sources, even if they overlap."""
        return self._refresh.merged.prefixes.count

    @property
    def broken_lines(self) -> int:
        """The number of lines that were skipped in its sources."""
        return self._refresh.merged.prefixes.broken_lines

    @property
    def sources(self) -> tuple[SourceStatus, ...]:
        """The status of each source, in the order of `urls`."""
        return tuple(source.status() for source in self._sources)

    def contains(self, ip: IPAddress) -> bool:
        """Return whether the list contains an address; IPv4-mapped IPv6 counts as IPv4."""
        prefixes = self._refresh.merged.prefixes
        return prefixes.contains_v4(int(ip)) if ip.version == 4 else prefixes.contains_v6(int(ip))

    async def load(self) -> None:
        """Load the data on this machine: local files, and the cached copies of downloads.

        A source that is already loaded stays as it is: only `update` replaces it. Nothing is raised: a file that exists
        but can't be used becomes the `problem` of its source, and a warning in the log.
        """
        await self._refresh.load()

    async def take_over(self, earlier: FireHOL) -> None:
        """Begin with what another list has of the same sources. `run` reads these when they are due, not immediately.

        Args:
            earlier: The list that this one is to replace; it goes on as it is.
        """
        await self._refresh.take_over(earlier._refresh)  # of the same class

    async def update_missing(self) -> tuple[SourceStatus, ...]:
        """Read the sources that nothing is loaded of, now.

        Returns:
            `sources`; each failed source has a `problem`. Nothing is raised.
        """
        await self._refresh.update_missing()
        return self.sources

    async def update(self) -> tuple[SourceStatus, ...]:
        """Read all sources again, now; may be called while `run` runs. One line in the log sums up the results.

        Returns:
            `sources`; each failed source has a `problem`. Nothing is raised.
        """
        await self._refresh.update()
        self._report.updated(self._sources, self.size)
        return self.sources

    async def run(self, update_each_seconds: float) -> None:
        """Load the data on this machine, then update immediately and once a period until `shutdown`.

        Each source has its own schedule, so that none waits for others. All pauses vary at random by up to a tenth.

        Args:
            update_each_seconds: The period, in seconds; above 0, at most a year.

        Raises:
            OptionError: The period is invalid.
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
        """Stop `run`, permanently; the list stays as it is."""
        self._shut_down = True
        for work in self._running:
            work.cancel()
        if self._running:
            await asyncio.wait(set(self._running))
