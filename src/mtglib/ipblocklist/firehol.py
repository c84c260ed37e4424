"""A block or allow list made of netsets, as FireHOL publishes them."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

from ..errors import OptionError
from ..event_types import IPAddress
from ..interfaces import EventStream, Logger, Network
from .copies import Copies
from .prefixes import Prefixes, PrefixSet
from .report import Report
from .source import Source, SourceStatus, make_source

_JITTER = 0.1


class FireHOL:
    """A list of IP addresses from netsets, over HTTP(S) and from local files, kept fresh by `run`.

    A source is replaced whole, or not at all: one that can't be had, or isn't a list (more broken lines than good
    ones; a download without any prefix), keeps what was last good, and the others go on. Downloads have a copy on
    disk as well. Until something is loaded the list is empty: as a blocklist it blocks nobody, and as an allowlist
    it lets nobody in. Await `load` before serving, and `update` too where an empty or an old list won't do.

    Args:
        urls: One or more: `http://`, `https://` or an absolute path.
        network: Whose HTTP client downloads.
        is_block_list: False: an allowlist. It is only what events and the log call it; `contains` is the same.
        download_concurrency: How many sources are read at once; positive.
        cache_directory: Where copies of downloads are kept, made if missing; None: nowhere.
        event_stream: Gets an `EventIPListSize` when the contents have changed.
        logger: Told once when a source changes, fails or recovers.
        timeout_seconds: For one download, from the dial to the last byte; positive.
        max_download_bytes: For one source, decompressed; positive. It may have 2 million lines besides.
        retry_seconds: What failed is tried again after this time, then after twice, four times as long, and so on up
            to the period of `run`; positive.

    Raises:
        OptionError: An argument that can't work.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        network: Network,
        is_block_list: bool = True,
        download_concurrency: int = 2,
        cache_directory: Path | None = None,
        event_stream: EventStream | None = None,
        logger: Logger | None = None,
        timeout_seconds: float = 120.0,
        max_download_bytes: int = 64 * 1024 * 1024,
        retry_seconds: float = 60.0,
    ) -> None:
        if isinstance(urls, str) or not urls:
            raise OptionError("urls", "a sequence of at least one URL or absolute path")
        _check_positive(
            download_concurrency=download_concurrency,
            timeout_seconds=timeout_seconds,
            max_download_bytes=max_download_bytes,
            retry_seconds=retry_seconds,
        )
        copies = None if cache_directory is None else Copies(cache_directory, max_download_bytes)
        self._sources = [
            make_source(
                number,
                url,
                network=network,
                copies=copies,
                timeout_seconds=timeout_seconds,
                max_bytes=max_download_bytes,
            )
            for number, url in enumerate(urls)
            if url not in urls[:number]
        ]
        self._retry_seconds = retry_seconds
        self._report = Report(is_block_list, logger, event_stream)
        self._prefixes: Prefixes = PrefixSet(b"")
        self._merged = [source.prefixes for source in self._sources]
        self._at_once = asyncio.Semaphore(download_concurrency)
        self._one_update = asyncio.Lock()
        self._cache_failed = False
        self._running: set[asyncio.Task[None]] = set()
        self._shut_down = False

    @property
    def size(self) -> int:
        """How many prefixes the list has: the sum of its sources, also where they overlap."""
        return self._prefixes.count

    @property
    def broken_lines(self) -> int:
        """How many lines of its sources were skipped."""
        return self._prefixes.broken_lines

    @property
    def sources(self) -> tuple[SourceStatus, ...]:
        """How each source is, in the order of `urls`."""
        return tuple(source.status() for source in self._sources)

    def contains(self, ip: IPAddress) -> bool:
        """Tell whether the list has an address; IPv4-mapped IPv6 is IPv4."""
        return self._prefixes.contains_v4(int(ip)) if ip.version == 4 else self._prefixes.contains_v6(int(ip))

    async def load(self) -> None:
        """Take what is on this machine: local files, and the copies of downloads that there are. Nothing is raised."""
        async with self._one_update:
            await asyncio.gather(*(self._load_one(source) for source in self._sources))
            await self._merge()

    async def update(self) -> tuple[SourceStatus, ...]:
        """Read all sources anew, now; may be called while `run` runs.

        Returns:
            `sources`; what failed has a `problem`, nothing is raised.
        """
        await self._update(self._sources)
        return self.sources

    async def run(self, update_each_seconds: float) -> None:
        """Take the copies on disk, then update at once and each period, a tenth more or less, until `shutdown`.

        Raises:
            OptionError: The period isn't positive.
        """
        _check_positive(update_each_seconds=update_each_seconds)
        if self._shut_down:
            return
        work = asyncio.create_task(self._keep_fresh(update_each_seconds), name="mtg-ip-list")
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

    async def _keep_fresh(self, period_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        await self.load()
        due_mono = dict.fromkeys(self._sources, loop.time())
        failures = dict.fromkeys(self._sources, 0)
        while True:
            due = [source for source in self._sources if due_mono[source] <= loop.time()]
            await self._update(due)
            spread = 1 + _JITTER * random.uniform(-1, 1)  # noqa: S311 - it spreads load
            for source in due:
                failures[source] = failures[source] + 1 if source.problem else 0
                pause = pause_seconds(period_seconds, self._retry_seconds, failures[source])
                due_mono[source] = loop.time() + pause * spread
            await asyncio.sleep(min(due_mono.values()) - loop.time())

    async def _update(self, sources: Sequence[Source]) -> None:
        async with self._one_update:
            await asyncio.gather(*(self._update_one(source) for source in sources))
            await self._merge()
            self._tell_about_copies()

    async def _load_one(self, source: Source) -> None:
        async with self._at_once:
            is_news = await source.load()
        if is_news:
            self._report.changed(source, "disk")

    async def _update_one(self, source: Source) -> None:
        had_problem = bool(source.problem)
        try:
            async with self._at_once:
                is_news = await source.update()
        except Exception as error:  # the network and its client are the user's, and so is what they raise
            source.problem = str(error) or type(error).__name__
            if not had_problem:
                self._report.failed(source, "list can't be updated", error)
            return
        source.problem = ""
        if is_news:
            self._report.changed(source, "source")
        elif had_problem:
            self._report.recovered(source)

    async def _merge(self) -> None:
        sets = [source.prefixes for source in self._sources]
        if sets == self._merged:
            return
        self._prefixes = sets[0] if len(sets) == 1 else await asyncio.to_thread(PrefixSet.union, sets)
        self._merged = sets
        self._report.size(self.size)

    def _tell_about_copies(self) -> None:
        failed = next((source for source in self._sources if source.cache_error), None)
        if failed is not None and failed.cache_error is not None and not self._cache_failed:
            self._report.failed(failed, "copies of lists can't be written", failed.cache_error)
        self._cache_failed = failed is not None


def pause_seconds(period_seconds: float, retry_seconds: float, failures: int) -> float:
    """Return how long to wait after so many failures in a row; 0 is a success."""
    if failures == 0:
        return period_seconds
    return min(period_seconds, retry_seconds * 2.0 ** min(failures - 1, 60))


def _check_positive(**arguments: float) -> None:
    for name, value in arguments.items():
        if not 0 < value < float("inf"):
            raise OptionError(name, "a positive number", value)
