"""Detects a front that leads back to us, through another proxy or through address translation.

Each connection to such a front arrives as a new visitor that sends the same bytes as the one before it, so one probe
would cause endless connections. Several visitors from one network that send the same bytes and get no answer from the
site are only a hint: honest ones may do that, and must notice nothing. So we test it: we connect to the front once and
send it unique bytes. If a visitor arrives with these bytes, the front is a loop. Nobody waits for the test: a step in
visitors' times would tell this proxy from its site.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import blake2b
from typing import Any, NamedTuple

from ..errors import UpstreamError
from ..roster import Entry

_MOST_ALIKE = 16
_TELLING_BYTES = 64
"""How much of what was said is compared: a hello's random is in there, and how bytes were cut makes no difference."""

_TEST_TIMEOUT = 1.0
_RESULT_HOLDS_SECONDS = 60.0
_MOST_REMEMBERED = 256


class _Saying(NamedTuple):
    network: int | None
    digest: bytes


class LoopGuard:
    """Finds loops.

    Args:
        dial: Connects to the site, for the test.
        refresh: Updates every entry's `to_client_bytes`.
        clock: Returns monotonic seconds.

    Attributes:
        testing: The test that is under way, if there is one.
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[socket.socket]],
        refresh: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dial = dial
        self._refresh = refresh
        self._clock = clock
        self._unanswered: OrderedDict[_Saying, list[Entry]] = OrderedDict()
        self._token = b""
        self._token_came_back: asyncio.Event | None = None
        self.testing: asyncio.Task[None] | None = None
        self._is_loop = False
        self._known_until_mono = float("-inf")

    def enter(self, entry: Entry, said: bytes) -> None:
        """Note a visitor that is about to be connected to the site.

        Args:
            entry: The visitor.
            said: The bytes it has sent.

        Raises:
            UpstreamError: The site leads back to this proxy.
        """
        telling = said[:_TELLING_BYTES]
        if self._token_came_back is not None and telling == self._token:
            self._token_came_back.set()
            raise _loop_error()
        saying = _Saying(entry.network, blake2b(telling, digest_size=16).digest())
        if self._clock() >= self._known_until_mono:
            self._is_loop = False
            if self.testing is None and self._is_suspicious(saying):
                self.testing = asyncio.get_running_loop().create_task(self._test(), name="mtg-loop-test")
        if self._is_loop:
            raise _loop_error()
        alike = self._unanswered.setdefault(saying, [])
        if len(alike) < _MOST_ALIKE:
            alike.append(entry)
        if len(self._unanswered) > _MOST_REMEMBERED:
            self._unanswered.popitem(last=False)

    def _is_suspicious(self, saying: _Saying) -> bool:
        if self._count(saying) < _MOST_ALIKE:
            return False
        self._refresh()  # some may have their answer by now
        return self._count(saying) >= _MOST_ALIKE

    def _count(self, saying: _Saying) -> int:
        """Count the visitors that have sent this and have no answer."""
        alike = self._unanswered.get(saying, [])
        alike[:] = [entry for entry in alike if not entry.to_client_bytes and not entry.is_over]
        return len(alike)

    def close(self) -> None:
        """End a test that is under way."""
        if self.testing is not None:
            self.testing.cancel()

    async def _test(self) -> None:
        """Find out whether what we say to the front comes back to us, before it answers or a second is over."""
        self._token, self._token_came_back = b"\x80" + os.urandom(_TELLING_BYTES - 1), asyncio.Event()
        came_back, sock = self._token_came_back, None
        loop, waits = asyncio.get_running_loop(), list[asyncio.Task[Any]]()
        try:
            with suppress(OSError, TimeoutError, UpstreamError):
                sock = await self._dial()
                await loop.sock_sendall(sock, self._token)
                waits = [loop.create_task(came_back.wait()), loop.create_task(loop.sock_recv(sock, 1))]
                await asyncio.wait(waits, timeout=_TEST_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)  # nobody reads from the socket when it is closed
            if sock is not None:
                sock.close()
            self._is_loop = came_back.is_set()
            self._token_came_back = self.testing = None
            self._known_until_mono = self._clock() + _RESULT_HOLDS_SECONDS


def _loop_error() -> UpstreamError:
    return UpstreamError("domain-fronting: expected a web site, but that server leads back to this proxy")
