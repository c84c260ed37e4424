"""Learns how the site answers clients' hellos, by sending it others of the same shape.

It asks when a client has come, as if that were a visitor; one hello at a time and seldom, for it mustn't look like a
scanner. The first answer to a shape is learnt at once, a few more within the next minutes, and one every few hours.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from ..answers import Answers
from ..errors import ClientError, UpstreamError
from ..ground.guarded_logger import Warnings
from ..wire.fresh_hello import NewShare, fresh_hello
from ..wire.hello_shape import HelloShape
from ..wire.server_flight import MAX_FLIGHT_BYTES, Flight, read_flight

_SAMPLES: Final = 3
_NEXT_SAMPLE_SECONDS: Final = (60.0, 600.0)
_REFRESH_SECONDS: Final = (3 * 3600.0, 5 * 3600.0)
_AFTER_A_FAILURE_SECONDS: Final = (600.0, 1200.0)
_MOST_AN_HOUR: Final = 12
_MOST_REMEMBERED: Final = 256

_PAUSE_SECONDS: Final = 0.5
"""A site that has sent nothing for so long waits for its client."""

_FLIGHT_TIMEOUT: Final = 10.0
_CANCEL_TIMEOUT: Final = 0.1  # a user's network may swallow its cancellation
_RECV_BYTES: Final = 16 * 1024


class Learner:
    """Asks the site.

    Args:
        dial: Connects to it.
        answers: Gets what was learnt.
        new_share: Makes the key shares of our hellos.
        warnings: Gets reports about a site that clients can't be answered like.
        clock: Returns monotonic seconds.

    Attributes:
        learning: The question that is being asked, if there is one.
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[socket.socket]],
        answers: Answers,
        new_share: NewShare,
        warnings: Warnings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dial = dial
        self._answers = answers
        self._new_share = new_share
        self._warnings = warnings
        self._clock = clock
        self._due_mono: OrderedDict[tuple[str, bytes], float] = OrderedDict()  # the last asked about last
        self._asked_mono: deque[float] = deque(maxlen=_MOST_AN_HOUR)
        self.learning: asyncio.Task[None] | None = None

    def saw(self, host: str, hello: HelloShape, record: bytes, preamble: bytes) -> None:
        """Ask about a shape, if it is time to.

        Args:
            host: The site's.
            hello: What a client's hello offers.
            record: The whole hello.
            preamble: What the site gets before it.
        """
        if self.learning is None and self._is_due((host, hello.key)):
            asking = self._learn(host, hello, record, preamble)
            self.learning = asyncio.get_running_loop().create_task(asking, name="mtg-learn")

    async def close(self) -> None:
        """Stop asking."""
        if self.learning is not None:
            self.learning.cancel()
            await asyncio.wait([self.learning], timeout=_CANCEL_TIMEOUT)

    def _is_due(self, key: tuple[str, bytes]) -> bool:
        now_mono = self._clock()
        if self._due_mono.get(key, now_mono) > now_mono:
            return False
        return len(self._asked_mono) < _MOST_AN_HOUR or now_mono - self._asked_mono[0] > 3600

    async def _learn(self, host: str, hello: HelloShape, record: bytes, preamble: bytes) -> None:
        self._asked_mono.append(self._clock())
        pause_seconds = _AFTER_A_FAILURE_SECONDS
        try:
            self._answers.add(host, hello, await self._ask(preamble + fresh_hello(record, self._new_share, os.urandom)))
            known = len(self._answers.seen(host, hello))
            pause_seconds = _NEXT_SAMPLE_SECONDS if known < _SAMPLES else _REFRESH_SECONDS
        except (OSError, ClientError, UpstreamError) as error:
            why = str(error) or "time-out"
            self._warnings.warn("learn", f"how the fronting site answers clients can't be learnt: {why}")
        finally:
            self.learning = None
            self._due_mono[host, hello.key] = self._clock() + random.uniform(*pause_seconds)  # noqa: S311 - no secret
            self._due_mono.move_to_end((host, hello.key))
            if len(self._due_mono) > _MOST_REMEMBERED:
                self._due_mono.popitem(last=False)

    async def _ask(self, question: bytes) -> Flight:
        """Send a hello, and read until the site waits for more."""
        loop, received = asyncio.get_running_loop(), b""
        began_mono = self._clock()
        with await self._dial() as sock:
            connected_mono = answered_mono = self._clock()
            async with asyncio.timeout(_FLIGHT_TIMEOUT):
                await loop.sock_sendall(sock, question)
                while len(received) < MAX_FLIGHT_BYTES:
                    data = b""
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_PAUSE_SECONDS if received else None):
                            data = await loop.sock_recv(sock, _RECV_BYTES)
                    if not data:
                        return read_flight(received)._replace(
                            connect_seconds=connected_mono - began_mono,
                            first_byte_seconds=answered_mono - connected_mono,
                        )
                    answered_mono = answered_mono if received else self._clock()
                    received += data
        raise UpstreamError(f"more than {MAX_FLIGHT_BYTES} bytes")
