"""Learns how the site answers clients' hellos, by sending it others of the same shape.

It asks when a client has come, as if that were a visitor; one hello at a time and seldom (`timetable.py`). The first
client of a site gets it asked with the hellos of other clients, too, so that the site's answers are known when those
come. A site whose times vary is asked some three times an hour until 64 of them are known, which takes a day. Only
hellos that were authenticated get here: nobody else can make it ask.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from ..answers import Answers, Offer
from ..errors import ClientError, UpstreamError
from ..ground.guarded_logger import GuardedLogger
from ..waits import MOST_WAITS
from ..wire.fresh_hello import NewShare, fresh_hello
from ..wire.hello_shape import HelloShape, parse_shape
from ..wire.known_hellos import KNOWN_HELLOS, KnownHello
from ..wire.server_flight import MAX_FLIGHT_BYTES, Flight, read_flight
from .timetable import Timetable

_KNOWN_HELLOS: Final = b""
"""The topic of the questions that are made from known hellos."""

_WAITS: Final = b"waits"
"""That of the questions about how much a site's times vary."""

_PAUSE_SECONDS: Final = (0.4, 1.6)
"""A site that has sent nothing for so long waits for its client. It isn't always as long, since the site sees it."""

_FLIGHT_TIMEOUT: Final = 10.0
_CANCEL_TIMEOUT: Final = 0.1  # a user's network may swallow its cancellation
_RECV_BYTES: Final = 16 * 1024


class Learner:
    """Asks the site.

    Args:
        dial: See below.
        answers: Gets what was learnt.
        new_share: Makes the key shares of our hellos.
        logger: Gets a message about each answer, and a warning when a site begins to answer in a way that clients
            can't be answered in.
        each_seconds: The pause between two questions about a shape, once there were enough.
        samples: How many are enough.
        on_learnt: Called with the host after each answer.
        now_unix: Returns Unix seconds.
        clock: Returns monotonic seconds.

    Attributes:
        dial: Connects to the site.
        learning: The question that is being asked, if there is one.
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[socket.socket]],
        answers: Answers,
        new_share: NewShare,
        logger: GuardedLogger,
        *,
        each_seconds: float,
        samples: int,
        on_learnt: Callable[[str], None],
        now_unix: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dial = dial
        self._is_closed = False
        self._answers = answers
        self._new_share = new_share
        self._logger = logger
        self._on_learnt = on_learnt
        self._now_unix = now_unix
        self._clock = clock
        self._timetable = Timetable(each_seconds, samples, clock)
        self._known_hellos: dict[str, list[KnownHello]] = {}  # by host, those that it wasn't asked with
        self._warned_of: dict[str, bytes] = {}  # by host, the shape with which it failed
        self.learning: asyncio.Task[None] | None = None

    def saw(self, host: str, key: bytes, record: bytes, preamble: Callable[[], bytes]) -> None:
        """Ask about the shape of a client's hello or about another one, if it is time to.

        Args:
            host: The site's.
            key: The shape's.
            record: The whole hello.
            preamble: Makes what the site gets before it.
        """
        if self.learning is not None or self._is_closed:
            return
        is_due = self._timetable.is_due((host, key))
        if is_due is None:
            is_due = self._is_due_at_first(host, key)
        if is_due:
            self._begin(host, record, preamble)
        elif self._known_hellos[host] and self._timetable.is_due((host, _KNOWN_HELLOS)):
            self._begin_with_known(host, preamble)
        elif self._timetable.is_due((host, _WAITS)) and self._wants_waits(host):
            self._begin(host, record, preamble)

    async def close(self) -> None:
        """Stop asking, for ever."""
        self._is_closed = True
        if self.learning is not None:
            self.learning.cancel()
            await asyncio.wait([self.learning], timeout=_CANCEL_TIMEOUT)

    def _is_due_at_first(self, host: str, key: bytes) -> bool:
        if host not in self._known_hellos:
            self._known_hellos[host] = list(KNOWN_HELLOS)
            self._timetable.soon((host, _KNOWN_HELLOS))
            self._timetable.within_the_hour((host, _WAITS))
        learnt = self._answers.learnt(host, key)
        if learnt is None:
            return True
        self._timetable.learnt_earlier((host, key), len(learnt.flights), self._now_unix() - learnt.learnt_unix)
        return bool(self._timetable.is_due((host, key)))

    def _wants_waits(self, host: str) -> bool:
        """Whether the site's times vary, and too few of them are known to say how."""
        known = self._answers.waits(host)
        return known.varies and len(known.waits) < MOST_WAITS

    def _begin_with_known(self, host: str, preamble: Callable[[], bytes]) -> None:
        """Ask with the next known hello whose answer isn't known."""
        waiting = self._known_hellos[host]
        while waiting and self._timetable.may_ask():
            record = waiting.pop().record(host, os.urandom)
            if self._answers.learnt(host, parse_shape(record).key) is None:
                self._timetable.soon((host, _KNOWN_HELLOS))
                self._begin(host, record, preamble)
                return

    def _begin(self, host: str, record: bytes, preamble: Callable[[], bytes]) -> None:
        if not self._timetable.may_ask():
            return
        try:
            hello, question = parse_shape(record), fresh_hello(record, self._new_share, os.urandom)
        except ClientError:  # another hello of this shape may be better
            return
        if not hello.key_shares:  # no site can answer it at once
            return
        self._timetable.asks()
        self._timetable.within_the_hour((host, _WAITS))
        asking = self._learn(host, hello, preamble() + question)
        self.learning = asyncio.get_running_loop().create_task(asking, name="mtg-learn")

    async def _learn(self, host: str, hello: HelloShape, question: bytes) -> None:
        topic = (host, hello.key)
        try:
            flight = await self._ask(question)
            if not Offer.of(hello).can_follow(flight.shape):
                raise UpstreamError("a suite or group that wasn't offered")
        except (OSError, UpstreamError) as error:
            self._timetable.failed(topic)
            self._warn(topic, str(error) or "time-out")
        else:
            self._tell_of(host, flight)
            is_expected = self._answers.add(host, hello, flight, self._now_unix())
            self._timetable.answered(topic, is_expected=is_expected)
            if self._warned_of.get(host) == hello.key:
                del self._warned_of[host]
            self._on_learnt(host)
        finally:
            self.learning = None

    def _tell_of(self, host: str, flight: Flight) -> None:
        answer = f"{host} answered with {flight.server_hello_bytes + flight.encrypted_bytes} bytes"
        if self._answers.of(host):
            self._logger.debug(f"front-learning: {answer}, which was learnt")
        else:
            self._logger.info(f"front-learning: {answer}: the first answer of this site that was learnt")

    def _warn(self, topic: tuple[str, bytes], why: str) -> None:
        """Warn once, until the site can be learnt with the same shape."""
        host, key = topic
        if host not in self._warned_of:
            self._warned_of[host] = key
            self._logger.warning(
                f"front-learning: how {host} answers clients can't be learnt: {why}; until it can be, clients get what "
                "was learnt before, or what most sites answer (choose another site if this one stays like that)"
            )

    async def _ask(self, question: bytes) -> Flight:
        """Send a hello, and read until the site waits for more."""
        loop, received = asyncio.get_running_loop(), b""
        pause_seconds = random.uniform(*_PAUSE_SECONDS)  # noqa: S311 - no secret
        began_mono = self._clock()
        with await self.dial() as sock:
            connected_mono = answered_mono = self._clock()
            async with asyncio.timeout(_FLIGHT_TIMEOUT):
                await loop.sock_sendall(sock, question)
                while len(received) < MAX_FLIGHT_BYTES:
                    data = b""
                    with suppress(TimeoutError):
                        async with asyncio.timeout(pause_seconds if received else None):
                            data = await loop.sock_recv(sock, _RECV_BYTES)
                    if not data:
                        return read_flight(received)._replace(
                            connect_seconds=connected_mono - began_mono,
                            first_byte_seconds=answered_mono - connected_mono,
                        )
                    answered_mono = answered_mono if received else self._clock()
                    received += data
        raise UpstreamError(f"more than {MAX_FLIGHT_BYTES} bytes")
