"""Detects a front that leads back to us, through another proxy or through address translation.

Each connection to such a front arrives as a new visitor, from the address of the machine that leads back, so one probe
would cause endless connections. Many visitors from one network without an answer from the site are only a hint: honest
ones may look the same, and must notice nothing. So we test it: we connect to the front once, as a visitor's connection
does, and send it unique bytes. If a visitor from that network arrives with these bytes, the front is a loop. Nobody
waits for the test: a step in visitors' times would tell this proxy from its site.

Visitors of that network alone are refused, which ends the loop. Somebody on the way to the site could read the bytes
and bring them: it must not have others refused.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from ..errors import UpstreamError
from ..roster import Entry

_MOST_UNANSWERED = 16
_TOKEN_BYTES = 63
_LOOKED_THROUGH_BYTES = 4096
"""Where the token may be: each hop may have put a PROXY protocol header before it."""

_TEST_TIMEOUT = 1.0
_CANCEL_TIMEOUT = 0.1  # a user's network may swallow its cancellation
_LOOP_HOLDS_SECONDS = 60.0
_NO_LOOP_HOLDS_SECONDS = 10.0  # how long a loop that begins just after the test could run
_MOST_REMEMBERED = 256


class LoopGuard:
    """Finds loops.

    Args:
        dial: Connects to the site, for the test.
        preamble: Returns the bytes that the site gets before those of such a visitor.
        refresh: Updates every entry's `to_client_bytes`.
        clock: Returns monotonic seconds.

    Attributes:
        testing: The test that is running, if there is one.
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[socket.socket]],
        preamble: Callable[[Entry], bytes],
        refresh: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dial = dial
        self._preamble = preamble
        self._refresh = refresh
        self._clock = clock
        self._unanswered: OrderedDict[int | None, list[Entry]] = OrderedDict()  # by network, the newest last
        self._suspect: Entry | None = None
        self._token = b""
        self._token_came_back = asyncio.Event()
        self.testing: asyncio.Task[None] | None = None
        self._loops_until_mono: dict[int | None, float] = {}  # by network
        self._next_test_mono = float("-inf")
        self._is_closed = False

    def enter(self, entry: Entry, said: bytes) -> None:
        """Note a visitor that is about to be connected to the site.

        Args:
            entry: The visitor.
            said: The bytes it has sent.

        Raises:
            UpstreamError: The site leads back to this proxy.
        """
        if self._brings_the_token(entry, said):
            self._token_came_back.set()
            raise _loop_error()
        now_mono = self._clock()
        if now_mono < self._loops_until_mono.get(entry.network, now_mono):
            raise _loop_error()
        may_test = self.testing is None and not self._is_closed and now_mono >= self._next_test_mono
        if may_test and self._is_suspicious(entry.network):
            self.testing = asyncio.get_running_loop().create_task(self._test(entry), name="mtg-loop-test")
        unanswered = self._unanswered.setdefault(entry.network, [])
        self._unanswered.move_to_end(entry.network)
        if len(unanswered) < _MOST_UNANSWERED:
            unanswered.append(entry)
        if len(self._unanswered) > _MOST_REMEMBERED:
            self._unanswered.popitem(last=False)

    async def close(self) -> None:
        """End a running test, and begin none any more."""
        self._is_closed = True
        if self.testing is not None:
            self.testing.cancel()
            await asyncio.wait([self.testing], timeout=_CANCEL_TIMEOUT)

    def _brings_the_token(self, entry: Entry, said: bytes) -> bool:
        """Return whether a visitor comes from the test: others may have seen the token on its way to the site."""
        suspect = self._suspect
        is_its = suspect is not None and entry.network == suspect.network
        return is_its and self._token in said[:_LOOKED_THROUGH_BYTES]

    def _is_suspicious(self, network: int | None) -> bool:
        if self._count(network) < _MOST_UNANSWERED:
            return False
        self._refresh()  # some may have their answer by now
        return self._count(network) >= _MOST_UNANSWERED

    def _count(self, network: int | None) -> int:
        """Count the visitors of a network that have no answer."""
        unanswered = self._unanswered.get(network, [])
        unanswered[:] = [entry for entry in unanswered if not entry.to_client_bytes and not entry.is_over]
        return len(unanswered)

    async def _test(self, suspect: Entry) -> None:
        self._suspect, self._token_came_back = suspect, asyncio.Event()
        self._token = b"\x80" + os.urandom(_TOKEN_BYTES)
        try:
            with suppress(OSError, TimeoutError, UpstreamError), await self._dial() as sock:
                await self._wait_for_the_token(sock, self._preamble(suspect) + self._token)
        finally:
            now_mono = self._clock()
            loops = {network: until for network, until in self._loops_until_mono.items() if now_mono < until}
            if self._token_came_back.is_set():
                loops[suspect.network] = now_mono + _LOOP_HOLDS_SECONDS
            else:
                self._next_test_mono = now_mono + _NO_LOOP_HOLDS_SECONDS
            self._suspect, self.testing, self._loops_until_mono = None, None, loops

    async def _wait_for_the_token(self, sock: socket.socket, sent: bytes) -> None:
        """Wait until the bytes we send to the front come back to us, the front answers, or a second has passed."""
        loop = asyncio.get_running_loop()
        waits = list[asyncio.Task[Any]]()
        try:
            await loop.sock_sendall(sock, sent)
            waits = [loop.create_task(self._token_came_back.wait()), loop.create_task(loop.sock_recv(sock, 1))]
            await asyncio.wait(waits, timeout=_TEST_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)  # none may read from the socket when it is closed


def _loop_error() -> UpstreamError:
    return UpstreamError("domain-fronting: expected a web site, but that server leads back to this proxy")
