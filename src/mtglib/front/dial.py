"""Connecting a visitor to the fronting site, which sees only a connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from ..admission import Admitted
from ..answers import Answers, ChosenAnswer, default_answer
from ..constants import FRONT_DELIVERY_TIMEOUT, FRONT_HALF_CLOSED_TIMEOUT, MIN_FRONTING_IDLE_TIMEOUT
from ..errors import UpstreamError
from ..fine_clock import FineClock
from ..ground.checks import as_directory
from ..ground.endpoints import Endpoint
from ..ground.guarded_logger import GuardedLogger, Warnings
from ..keyshare import KeyShares
from ..options import ProxyOpts
from ..page_urls import Page
from ..relay.job import DRS, Job, Shape
from ..roster import Entry
from ..upstream import dial
from ..visitor import Visitor
from ..wire.proxy_protocol import header_v2
from .lessons import FrontAnswer, Lessons
from .loops import LoopGuard
from .own_address import leads_to_us
from .page_file import PAGES
from .record_learner import RecordLearner
from .site_store import SiteStore
from .visits import VisitTimes

_MOST_DIALS = 512
"""The most connections to the site that are being made at once; more visitors wait."""


class SiteConnection(NamedTuple):
    """The state of the site's connection when a relay takes it over.

    Attributes:
        upstream: Its socket.
        preamble: The rest of the PROXY header that isn't sent yet.
        forwarded_bytes: The number of the visitor's bytes already sent.
    """

    upstream: socket.socket
    preamble: bytes
    forwarded_bytes: int


class Front:
    """A fronting site.

    Args:
        host: Its name.
        opts: The proxy's options.
        pages: Those of `record_urls`.
        listeners: The sockets that the proxy accepts on: a front that is one of them would be a loop.
        refresh: Updates every entry's `to_client_bytes`.
        warnings: Gets reports about a misbehaving network.
        key_shares: Makes key shares.
        clock: The proxy's.
        previous: The one of the same site that this one replaces: what that has learnt is known here.

    Attributes:
        opts: The proxy's options.
        dials: Bounds the connections to the site that are being made at once.
        lessons: What it has taught; None if nothing is to be learnt.
        record_learner: Learns its records.
        visits: How long its visitors have to wait.
    """

    def __init__(
        self,
        host: str,
        opts: ProxyOpts,
        pages: Sequence[Page],
        listeners: Collection[socket.socket],
        refresh: Callable[[], None],
        warnings: Warnings,
        key_shares: KeyShares,
        clock: FineClock,
        previous: Front | None = None,
    ) -> None:
        self.opts = opts
        self._address = opts.front_address(host)
        self._dialled = self._address.of_site(host)
        self._listeners = listeners
        self._warnings = warnings
        self._logger = GuardedLogger(opts.logger).named("proxy")
        self._loops = LoopGuard(self._dial, lambda entry: self.preamble(entry.visitor), refresh)
        self.dials: asyncio.Semaphore = asyncio.Semaphore(_MOST_DIALS) if previous is None else previous.dials
        self.lessons = self._make_lessons(host, key_shares, clock, previous)
        self.visits = VisitTimes(host, Answers(1), clock.now_mono) if self.lessons is None else self.lessons.visits
        self.record_learner = self._make_record_learner([page for page in pages if page.host == host], previous)

    def _make_lessons(
        self, host: str, key_shares: KeyShares, clock: FineClock, previous: Front | None
    ) -> Lessons | None:
        opts, earlier = self.opts, None if previous is None else previous.lessons
        if opts.front_learning is None:
            return None
        if earlier is not None and self._logs_as(previous) and earlier.goes_on(host, opts.front_learning):
            return earlier
        return Lessons(
            host, opts.front_learning, self._dial, key_shares, self._logger, opts.clock, clock.now_mono, earlier
        )

    def _make_record_learner(self, pages: Sequence[Page], previous: Front | None) -> RecordLearner:
        opts, earlier = self.opts, None if previous is None else previous.record_learner
        learning = opts.front_learning
        directory = as_directory("directory", learning.directory) if learning is not None and pages else None
        settings = (tuple(pages), opts.record_repeats, opts.record_refresh_seconds, directory)
        if earlier is not None and self._logs_as(previous) and earlier.settings == settings:
            return earlier
        store = None if directory is None else SiteStore(directory, PAGES, self._logger)
        made = RecordLearner(self._dial, *settings[:3], self._logger, self._warnings, store)
        made.settings = settings
        if earlier is not None and pages:
            made.take_over(earlier)
        return made

    def _logs_as(self, previous: Front | None) -> bool:
        return previous is not None and previous.opts.logger is self.opts.logger

    @property
    def latest_answer(self) -> FrontAnswer | None:
        """The latest answer that was learnt; None before the first one."""
        return None if self.lessons is None else self.lessons.latest

    def begin(self, previous: Front | None = None) -> None:
        """Begin to read what an earlier process has learnt; take over from another one what that would go on doing."""
        self.record_learner.dial = self._dial
        if previous is None or previous.record_learner is not self.record_learner:
            self.record_learner.load()
        if self.lessons is None:
            return
        self.lessons.dial_with(self._dial)
        if previous is None or previous.lessons is not self.lessons:
            self.lessons.load()

    async def loaded(self) -> None:
        """Wait until that is over."""
        loading = [self.record_learner.loading, self.lessons.loading if self.lessons is not None else None]
        if tasks := [task for task in loading if task is not None]:
            await asyncio.wait(tasks)

    async def close(self, successor: Front | None = None) -> None:
        """End its background work, but for what another one has taken over."""
        closing = [self._loops.close()]
        if successor is None or successor.record_learner is not self.record_learner:
            closing.append(self.record_learner.close())
        if self.lessons is not None and (successor is None or successor.lessons is not self.lessons):
            closing.append(self.lessons.close())
        await asyncio.gather(*closing)

    def answer_for(self, client: Admitted, visitor: Visitor) -> ChosenAnswer:
        """Choose what a client's answer looks like: as the site's own would, as far as that is known."""
        learnt = None if self.lessons is None else self.lessons.answer_for(client, lambda: self.preamble(visitor))
        return learnt or default_answer(client.hello)

    def record_shape(self, visitor: Visitor) -> Shape | None:
        """Return which records a client gets, and learn them if it is time to; None: full ones, each sent at once."""
        self.record_learner.saw_client(self.preamble(visitor))
        return self.record_learner.shape or (DRS if self.opts.drs else None)

    async def connect(self, entry: Entry, said: bytes) -> SiteConnection:
        """Connect to the site and send nothing yet; arguments and errors are those of `dial`."""
        return SiteConnection(await self.dial(entry, said), self.preamble(entry.visitor), 0)

    async def dial(self, entry: Entry, said: bytes) -> socket.socket:
        """Connect to the site on behalf of a visitor.

        Args:
            entry: The visitor.
            said: The bytes it has sent.

        Raises:
            OSError, TimeoutError, UpstreamError: The site can't be reached, or must not be.
        """
        self._loops.enter(entry, said)
        return await self._dial(entry.visitor.reached)

    async def _dial(self, reached: Endpoint | None = None) -> socket.socket:
        host, port = self._dialled
        network = self.opts.front_network or self.opts.network
        async with self.dials:
            upstream = await dial(network, host, port, 2 * self.opts.dial_timeout, self._warnings)
        if leads_to_us(upstream, self._listeners, reached):
            upstream.close()
            raise UpstreamError(
                f"domain-fronting: expected another server than this proxy, but {host} port {port} is its own address"
            )
        return upstream

    def preamble(self, visitor: Visitor) -> bytes:
        """Return the bytes to send before the visitor's: a PROXY protocol header, if configured."""
        if not self._address.proxy_protocol:
            return b""
        return header_v2(visitor.client, visitor.reached)

    def job(self, client: socket.socket, said: bytes, site: SiteConnection) -> Job:
        """Make the job that relays a visitor, which has sent `said` so far, to the site, without changes."""
        idle_timeout = max(self.opts.idle_timeout, MIN_FRONTING_IDLE_TIMEOUT)
        return Job(
            client=client,
            upstream=site.upstream,
            client_unread=said[site.forwarded_bytes :],
            preamble=site.preamble,
            ciphers=None,
            idle_timeout=idle_timeout,
            half_closed_timeout=FRONT_HALF_CLOSED_TIMEOUT,
            delivery_timeout=FRONT_DELIVERY_TIMEOUT,
            not_sent_low_water_bytes=self.opts.not_sent_low_water_bytes,
        )
