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

    Attributes:
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
    ) -> None:
        self._opts = opts
        self._address = opts.front_address(host)
        self._dialled = self._address.of_site(host)
        self._listeners = listeners
        self._warnings = warnings
        self._loops = LoopGuard(self._dial, lambda entry: self.preamble(entry.visitor), refresh)
        self._dials = asyncio.Semaphore(_MOST_DIALS)
        learning, logger = opts.front_learning, GuardedLogger(opts.logger).named("proxy")
        self._lessons: Lessons | None = None
        if learning is not None:
            self._lessons = Lessons(host, learning, self._dial, key_shares, logger, opts.clock, clock.now_mono)
        self.visits = VisitTimes(host, Answers(1), clock.now_mono) if self._lessons is None else self._lessons.visits
        own_pages = [page for page in pages if page.host == host]
        directory = as_directory("directory", learning.directory) if learning is not None and own_pages else None
        self._record_learner = RecordLearner(
            self._dial,
            own_pages,
            opts.record_repeats,
            opts.record_refresh_seconds,
            logger,
            warnings,
            None if directory is None else SiteStore(directory, PAGES, logger),
        )

    @property
    def latest_answer(self) -> FrontAnswer | None:
        """The latest answer that was learnt; None before the first one."""
        return None if self._lessons is None else self._lessons.latest

    def load(self) -> None:
        """Begin to read what an earlier process has learnt."""
        if self._lessons is not None:
            self._lessons.load()
        self._record_learner.load()

    async def loaded(self) -> None:
        """Wait until that is over."""
        loading = [self._record_learner.loading, self._lessons.loading if self._lessons is not None else None]
        if tasks := [task for task in loading if task is not None]:
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """End its background work; the proxy is shutting down."""
        closing = [self._loops.close(), self._record_learner.close()]
        if self._lessons is not None:
            closing.append(self._lessons.close())
        await asyncio.gather(*closing)

    def answer_for(self, client: Admitted, visitor: Visitor) -> ChosenAnswer:
        """Choose what a client's answer looks like: as the site's own would, as far as that is known."""
        learnt = None if self._lessons is None else self._lessons.answer_for(client, lambda: self.preamble(visitor))
        return learnt or default_answer(client.hello)

    def record_shape(self, visitor: Visitor) -> Shape | None:
        """Return which records a client gets, and learn them if it is time to; None: full ones, each sent at once."""
        self._record_learner.saw_client(self.preamble(visitor))
        return self._record_learner.shape or (DRS if self._opts.drs else None)

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
        network = self._opts.front_network or self._opts.network
        async with self._dials:
            upstream = await dial(network, host, port, 2 * self._opts.dial_timeout, self._warnings)
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
        idle_timeout = max(self._opts.idle_timeout, MIN_FRONTING_IDLE_TIMEOUT)
        return Job(
            client=client,
            upstream=site.upstream,
            client_unread=said[site.forwarded_bytes :],
            preamble=site.preamble,
            ciphers=None,
            idle_timeout=idle_timeout,
            half_closed_timeout=FRONT_HALF_CLOSED_TIMEOUT,
            delivery_timeout=FRONT_DELIVERY_TIMEOUT,
            not_sent_low_water_bytes=self._opts.not_sent_low_water_bytes,
        )
