"""Sends the site what a visitor has sent by now, in the visitor's own pieces.

How a site ends depends on how bytes arrive. Those that it hasn't read when it closes turn its FIN into a RST, and those
that come after that are answered with a RST behind the FIN.
"""

from __future__ import annotations

import asyncio
import select
import socket
import time
from contextlib import suppress

from ..conn import Conn, Piece
from ..ground.reset import reset
from ..readiness import READABLE, Readiness
from .dial import SiteConnection

_LEAST_PAUSE_SECONDS = 0.0002
"""A shorter pause isn't waited for: it takes as long until the relay has sent the rest."""

_FIRST_READ_SECONDS = 0.005
"""By then a site has tried to read from a new connection."""

_TIMER_SECONDS = 0.001
"""The shortest time for which an event loop waits; a shorter one may be none."""


async def send_pieces(conn: Conn, site: SiteConnection, readiness: Readiness) -> SiteConnection:
    """Send the pieces that have come, and those that come meanwhile, with the pauses between them.

    All of them are as late as the first one that the site hasn't got yet. As soon as the site says something, the rest
    is the relay's; so is an urgent byte, with the piece that it came with. A cancelled call resets the site's
    connection.

    Args:
        conn: The visitor's.
        site: The site's.
        readiness: Waits for the site.
    """
    upstream, preamble, forwarded_bytes = site
    late_seconds: float | None = None
    segment_bytes, goes_on = conn.segment_bytes, False
    conn.complete_piece()
    try:
        for piece in conn.pieces:
            if piece.said_bytes <= forwarded_bytes:
                continue
            if late_seconds is None:
                late_seconds = time.monotonic() - piece.came_mono
            elif not goes_on:
                pause_seconds = piece.came_mono + late_seconds - time.monotonic()
                if pause_seconds < _LEAST_PAUSE_SECONDS:
                    break
                await _wait_for_the_site(upstream, readiness, pause_seconds)
            if _came_with_urgent_byte(piece, conn):
                break
            goes_on = (piece.said_bytes - forwarded_bytes) % segment_bytes == 0  # full segments, and more on the way
            unsent = preamble + conn.unread[forwarded_bytes : piece.said_bytes]
            sent_bytes = _send_in_segments(upstream, unsent, segment_bytes)
            forwarded_bytes += max(sent_bytes - len(preamble), 0)
            preamble = preamble[sent_bytes:]
            if sent_bytes < len(unsent):
                break
            conn.receive_piece()
        else:
            await _wait_for_urgent_byte(conn, upstream, readiness, late_seconds)
    except OSError:  # broken: then the relay finds out
        pass
    except BaseException:  # nobody else owns it
        readiness.forget(upstream.fileno())
        reset(upstream)
        raise
    readiness.forget(upstream.fileno())
    return SiteConnection(upstream, preamble, forwarded_bytes)


def _came_with_urgent_byte(piece: Piece, conn: Conn) -> bool:
    """Return whether an urgent byte is behind this piece, and was when the piece was read."""
    if conn.urgent_mono is None or piece is not conn.pieces[-1]:
        return False
    return conn.urgent_mono - piece.came_mono < _LEAST_PAUSE_SECONDS


async def _wait_for_urgent_byte(
    conn: Conn, upstream: socket.socket, readiness: Readiness, late_seconds: float | None
) -> None:
    """Wait until an urgent byte behind all pieces is as late as they are.

    Where it comes first and came late, the site has tried to read by then: that would have removed the byte.
    """
    if conn.urgent_mono is None:
        return
    if late_seconds is not None:
        pause_seconds = conn.urgent_mono + late_seconds - time.monotonic()
    else:
        after_seconds = conn.urgent_mono - conn.made_mono
        pause_seconds = min(after_seconds, _FIRST_READ_SECONDS) if after_seconds >= _TIMER_SECONDS else 0.0
    if pause_seconds >= _LEAST_PAUSE_SECONDS:
        await _wait_for_the_site(upstream, readiness, pause_seconds)


def _send_in_segments(upstream: socket.socket, data: bytes, segment_bytes: int) -> int:
    """Send a write for each segment of the visitor's; return how much that was.

    It ends when there is no room, or when the site has said something: a write would take notice of its RST, and the
    relay wouldn't.
    """
    waiting, sent_bytes = select.poll(), 0
    waiting.register(upstream, select.POLLIN)
    with suppress(BlockingIOError):
        while sent_bytes < len(data) and not waiting.poll(0):
            sent_bytes += upstream.send(data[sent_bytes : sent_bytes + segment_bytes])
    return sent_bytes


async def _wait_for_the_site(upstream: socket.socket, readiness: Readiness, seconds: float) -> None:
    until_mono = asyncio.get_running_loop().time() + max(seconds, _TIMER_SECONDS)
    with suppress(TimeoutError):
        await readiness.wait(upstream.fileno(), READABLE, until_mono)
