"""Connects a slow visitor to the site early, although it may still turn out to be a client.

A silent visitor must see the site's own time-out, and half a hello the site's own reaction. So we connect to the site
soon and pass on each byte as it arrives, while we still look for one of our hellos. If one is complete before the site
has sent anything, the visitor is a slow client, and we drop the connection to the site.
"""

from __future__ import annotations

import asyncio
import math
import socket

from ..conn import Conn
from ..errors import ClientError, UpstreamError
from ..ground.reset import reset
from ..readiness import READABLE
from ..reasons import Reason
from ..roster import Entry
from ..shared import Shared
from ..wire import client_hello
from .dial import Front, SiteConnection

FRONT_AFTER_SECONDS = 0.05
"""How long after its last byte a visitor with an incomplete hello is connected to the site."""

FRONT_AT_LAST_SECONDS = 0.1
"""How long after its arrival it is connected at the latest, however often it sends a byte."""


class EarlyFront:
    """Connects a visitor to the site while its hello isn't complete. Owns the site's socket until `take` or `abort`.

    Args:
        shared: The proxy's.
        front: The site.
        conn: The visitor's connection; bytes read from it stay in `unread`.
        entry: The visitor.
    """

    def __init__(self, shared: Shared, front: Front, conn: Conn, entry: Entry) -> None:
        self._shared = shared
        self._conn = conn
        self._entry = entry
        self._loop = asyncio.get_running_loop()
        self._preamble = front.preamble(entry.visitor)
        self._sent_bytes = 0
        self._began_mono = shared.fine_clock.now_mono()
        self._upstream: socket.socket | None = None
        self._failure: BaseException | None = None
        self._dialling: asyncio.Task[socket.socket] | None = self._loop.create_task(front.dial(entry, conn.unread))
        self._dialling.add_done_callback(self._note_dial)
        self._answering: asyncio.Task[int] | None = None
        self._looking: asyncio.Timeout | None = None

    @property
    def has_answered(self) -> bool:
        """Whether the site has sent something, or has ended its side: then the visitor stays with it."""
        return self._answering is not None and self._answering.done()

    @property
    def ahead_seconds(self) -> float:
        """How long ago the dial began; infinite once it is over."""
        return math.inf if self._dialling is None else self._shared.fine_clock.now_mono() - self._began_mono

    @property
    def has_failed(self) -> bool:
        """Whether the site can't be reached."""
        return self._failure is not None

    async def read_hello(self, deadline_mono: float) -> tuple[bytes, int]:
        """Return the hello and its length; it stays in the connection's `unread`.

        The bytes that complete a hello aren't passed on: the site would answer them.

        Raises:
            ClientError: NOT_TLS, CLOSED or TIMEOUT: no hello comes, or the site has answered first.
            OSError: The visitor's connection is broken.
        """
        conn = self._conn
        try:
            async with asyncio.timeout_at(deadline_mono) as self._looking:
                while (assembled := client_hello.assemble(conn.unread)) is None:
                    self._forward()
                    conn.note_piece()
                    if not await conn.receive_more(None, up_to_urgent=True):
                        raise ClientError(
                            Reason.CLOSED, "the client closed the connection before its ClientHello was complete"
                        )
        except TimeoutError:
            if self.has_answered:
                raise ClientError(Reason.TIMEOUT, "the site answered before the ClientHello was complete") from None
            raise ClientError(Reason.TIMEOUT, "no complete ClientHello in time") from None
        finally:
            self._looking = None
        return assembled

    async def take(self) -> SiteConnection:
        """Give the connection away.

        Raises:
            OSError, TimeoutError, UpstreamError: The site can't be reached.
        """
        if self._dialling is not None:
            await asyncio.wait([self._dialling])  # after _note_dial, which was called first
        if self._upstream is None:
            assert self._failure is not None
            raise self._failure
        self._stop_waiting()
        upstream, self._upstream = self._upstream, None
        preamble_bytes = min(self._sent_bytes, len(self._preamble))
        forwarded_bytes = self._sent_bytes - preamble_bytes
        return SiteConnection(upstream, self._preamble[preamble_bytes:], forwarded_bytes)

    def drop(self) -> None:
        """Close the site's connection: the visitor is a client."""
        self._stop_waiting()
        if self._upstream is not None:
            self._upstream.close()
            self._upstream = None

    def abort(self) -> None:
        """Reset the site's connection, unless it was given away: the visitor is gone."""
        self._stop_waiting()
        if self._upstream is not None:
            reset(self._upstream)
            self._upstream = None

    def _note_dial(self, dialling: asyncio.Task[socket.socket]) -> None:
        """Note that the dial is over. The bytes checked so far aren't a complete hello, so the site may get them."""
        if dialling is not self._dialling:
            return
        self._dialling = None
        try:
            self._upstream = dialling.result()
        except (OSError, TimeoutError, UpstreamError) as error:
            self._failure = error  # a hello of ours may still come
            return
        if self._looking is not None:
            self._forward()
        readable = self._shared.readiness.wait(self._upstream.fileno(), READABLE)
        self._answering = self._loop.create_task(readable)
        self._answering.add_done_callback(self._note_answer)

    def _note_answer(self, answering: asyncio.Task[int]) -> None:
        if self._looking is not None and not answering.cancelled() and not self._looking.expired():
            self._looking.reschedule(self._loop.time())

    def _forward(self) -> None:
        """Send the site the bytes it doesn't have yet, as many as it takes: they are few enough for any buffer."""
        unsent = (self._preamble + self._conn.unread)[self._sent_bytes :]
        if self._upstream is not None and unsent:
            try:
                self._sent_bytes += self._upstream.send(unsent)
            except OSError:  # full, or broken: then that is the site's answer
                return

    def _stop_waiting(self) -> None:
        if self._dialling is not None:
            self._dialling.cancel()
            self._dialling.add_done_callback(_close_what_was_dialled)
            self._dialling = None
        if self._answering is not None:
            self._answering.cancel()
            self._answering = None
        if self._upstream is not None:
            self._shared.readiness.forget(self._upstream.fileno())


def _close_what_was_dialled(dialling: asyncio.Task[socket.socket]) -> None:
    if not dialling.cancelled() and dialling.exception() is None:
        dialling.result().close()
