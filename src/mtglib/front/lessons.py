"""How the site answers clients: looked up for each client, learnt now and then, and kept on disk."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from ..admission import Admitted
from ..answers import Answers, ChosenAnswer, LearntAnswer
from ..front_learning import FrontLearning
from ..ground.checks import as_directory
from ..ground.guarded_logger import GuardedLogger
from ..keyshare import KeyShares
from ..wire.hello_key import hello_key
from ..wire.hello_shape import parse_shape
from .answer_file import ANSWERS
from .learner import Learner
from .site_store import SiteStore
from .visits import VisitTimes


class FrontAnswer(NamedTuple):
    """The latest answer that was learnt of a fronting site.

    Attributes:
        host: The site's.
        learnt_unix: When it came, Unix seconds.
        answer_bytes: The length of what the site sent before its client spoke again: ServerHello and encrypted records.
    """

    host: str
    learnt_unix: float
    answer_bytes: int


class Lessons:
    """What a site has taught.

    Args:
        host: The site's.
        settings: How it is learnt.
        dial: Connects to the site.
        key_shares: Makes key shares.
        logger: Gets warnings about the site and the disk.
        now_unix: Returns Unix seconds.
        now_mono: Returns monotonic seconds.
        previous: The one that this one replaces: what that has learnt is known here.

    Attributes:
        answers: What was learnt.
        visits: How long the site's visitors have to wait.
        loading: Reads what was kept on disk; None once that is over, within a second or so.
    """

    def __init__(
        self,
        host: str,
        settings: FrontLearning,
        dial: Callable[[], Awaitable[socket.socket]],
        key_shares: KeyShares,
        logger: GuardedLogger,
        now_unix: Callable[[], float],
        now_mono: Callable[[], float],
        previous: Lessons | None = None,
    ) -> None:
        self._host = host
        self._settings = settings
        directory = as_directory("directory", settings.directory)
        self._store = None if directory is None else SiteStore(directory, ANSWERS, logger)
        self.loading: asyncio.Task[None] | None = None
        self.answers = Answers(settings.samples)
        self.visits = VisitTimes(host, self.answers, now_mono)
        if previous is not None:
            self.answers.take_over(previous.answers)
            self.visits.take_over(previous.visits)
        self._learner = Learner(
            dial,
            self.answers,
            key_shares.another_clients,
            logger,
            each_seconds=settings.each_seconds,
            samples=settings.samples,
            on_learnt=self._keep,
            now_unix=now_unix,
            clock=now_mono,
        )

    @property
    def latest(self) -> FrontAnswer | None:
        """The latest answer; None before the first one."""
        answers = self.answers.of(self._host)
        if not answers:
            return None
        latest = max(answers, key=lambda answer: answer.learnt_unix)
        flight = latest.flights[-1]
        return FrontAnswer(self._host, latest.learnt_unix, flight.server_hello_bytes + flight.encrypted_bytes)

    def goes_on(self, host: str, settings: FrontLearning) -> bool:
        """Whether it has this host and these settings."""
        return (self._host, self._settings) == (host, settings)

    def dial_with(self, dial: Callable[[], Awaitable[socket.socket]]) -> None:
        """Connect to the site in another way from now on."""
        self._learner.dial = dial

    def load(self) -> None:
        """Begin to read what was kept on disk."""
        if self._store is not None:
            self.loading = asyncio.get_running_loop().create_task(self._load(self._store), name="mtg-answers")

    async def close(self) -> None:
        """Stop learning, and wait for the disk, but not for long."""
        if self.loading is not None:
            self.loading.cancel()
        await self._learner.close()
        if self._store is not None:
            await self._store.close()

    def answer_for(self, client: Admitted, preamble: Callable[[], bytes]) -> ChosenAnswer | None:
        """Choose what the site answers such a client, and learn it if it is time to; None as long as nothing is known.

        Args:
            client: The client.
            preamble: Makes what the site gets before a hello.
        """
        key = hello_key(client.record)
        if key is None:  # no site answers that either
            return None
        host = self._host
        self._learner.saw(host, key, client.record, preamble)
        chosen = self.answers.choose(host, key, partial(parse_shape, client.record))
        if chosen is not None and (drawn := self.visits.draw((host, key))) is not None:
            chosen = chosen._replace(connect_seconds=drawn.connect_seconds, first_byte_seconds=drawn.first_byte_seconds)
        return chosen

    async def _load(self, store: SiteStore[LearntAnswer]) -> None:
        try:
            self.answers.restore(self._host, await store.load(self._host))
        finally:
            self.loading = None

    def _keep(self, host: str) -> None:
        if self._store is not None:
            self._store.keep(host, self.answers.of(host))
