"""What a visitor has sent in pieces reaches the site in the same pieces."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from mtglib.conn import Conn, Piece
from mtglib.front.dial import SiteConnection
from mtglib.front.pieces import send_pieces
from mtglib.readiness import Readiness


@dataclass
class Ends:
    """A visitor and its end at the proxy, the proxy's end of the site's connection, and the site."""

    visitor: socket.socket
    conn: Conn
    upstream: socket.socket
    site: socket.socket


@pytest.fixture
async def ends(readiness: Readiness) -> AsyncIterator[Ends]:
    ours, visitor = socket.socketpair()
    upstream, site = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # each write stays a message
    for sock in (ours, visitor, upstream, site):
        sock.setblocking(False)
    conn = Conn(ours, readiness)
    with visitor, upstream, site:
        yield Ends(visitor, conn, upstream, site)
    conn.close()


def came(conn: Conn, *pieces: tuple[float, bytes]) -> None:
    """Let the visitor have sent these, each so many seconds after the first, which has come just now."""
    now_mono = time.monotonic()
    for after_seconds, data in pieces:
        conn.unread += data
        conn.pieces.append(Piece(now_mono + after_seconds, len(conn.unread)))


async def test_each_piece_is_sent_by_itself(ends: Ends, readiness: Readiness) -> None:
    came(ends.conn, (0.0, b"one"), (0.05, b"two"), (0.1, b"three"))

    site = await send_pieces(ends.conn, SiteConnection(ends.upstream, b"head", 0), readiness)

    assert [ends.site.recv(100) for _ in range(3)] == [b"headone", b"two", b"three"]
    assert site == SiteConnection(ends.upstream, b"", 11)


async def test_each_segment_is_a_write(ends: Ends, readiness: Readiness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conn, "segment_bytes", 4)
    came(ends.conn, (0.0, b"segments"))

    site = await send_pieces(ends.conn, SiteConnection(ends.upstream, b"h", 0), readiness)

    assert [ends.site.recv(100) for _ in range(3)] == [b"hseg", b"ment", b"s"]
    assert site == SiteConnection(ends.upstream, b"", 8)


async def test_what_doesnt_fit_is_the_relays(ends: Ends, readiness: Readiness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conn, "segment_bytes", 50_000)
    ends.upstream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 60_000)
    came(ends.conn, (0.0, bytes(500_000)), (0.001, b"more"))

    site = await send_pieces(ends.conn, SiteConnection(ends.upstream, b"", 0), readiness)

    assert 0 < site.forwarded_bytes < 500_000


async def test_a_pause_that_is_too_short_is_the_relays(ends: Ends, readiness: Readiness) -> None:
    came(ends.conn, (0.0, b"one"), (0.0, b"two"))

    site = await send_pieces(ends.conn, SiteConnection(ends.upstream, b"", 0), readiness)

    assert ends.site.recv(100) == b"one"
    assert site.forwarded_bytes == 3


async def test_a_piece_of_full_segments_goes_on_at_once(
    ends: Ends, readiness: Readiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Conn, "segment_bytes", 3)
    came(ends.conn, (0.0, b"onetwo"), (0.0, b"end"), (0.0, b"!"))

    site = await send_pieces(ends.conn, SiteConnection(ends.upstream, b"", 0), readiness)

    assert [ends.site.recv(100) for _ in range(4)] == [b"one", b"two", b"end", b"!"]
    assert site.forwarded_bytes == 10


async def test_once_the_site_answers_the_rest_is_the_relays(ends: Ends, readiness: Readiness) -> None:
    came(ends.conn, (0.0, b"one"), (60.0, b"two"))
    sending = asyncio.create_task(send_pieces(ends.conn, SiteConnection(ends.upstream, b"", 0), readiness))
    await asyncio.sleep(0)
    assert ends.site.recv(100) == b"one"
    ends.site.send(b"answer")

    assert (await sending).forwarded_bytes == 3
    assert ends.upstream.recv(100) == b"answer"


async def test_nothing_is_sent_to_a_site_that_has_ended_so_that_the_relay_learns_how(
    ends: Ends, readiness: Readiness
) -> None:
    came(ends.conn, (0.0, b"one"))
    ends.site.close()

    assert (await send_pieces(ends.conn, SiteConnection(ends.upstream, b"", 0), readiness)).forwarded_bytes == 0


async def test_a_piece_that_comes_meanwhile_is_one_more(ends: Ends, readiness: Readiness) -> None:
    came(ends.conn, (-0.05, b"one"))
    ends.visitor.send(b"two")

    await send_pieces(ends.conn, SiteConnection(ends.upstream, b"", 0), readiness)

    assert [ends.site.recv(100) for _ in range(2)] == [b"one", b"two"]


async def test_what_the_site_has_got_long_ago_makes_nothing_late(ends: Ends, readiness: Readiness) -> None:
    came(ends.conn, (-60.0, b"one"), (0.0, b"two"))

    async with asyncio.timeout(30):
        await send_pieces(ends.conn, SiteConnection(ends.upstream, b"", 3), readiness)

    assert ends.site.recv(100) == b"two"


async def test_a_site_that_is_given_pieces_is_reset_when_its_visitor_goes(ends: Ends, readiness: Readiness) -> None:
    came(ends.conn, (0.0, b"one"), (60.0, b"two"))
    sending = asyncio.create_task(send_pieces(ends.conn, SiteConnection(ends.upstream, b"", 0), readiness))
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait([sending])

    assert ends.upstream.fileno() == -1


async def test_a_piece_that_came_with_an_urgent_byte_is_the_relays(ends: Ends, readiness: Readiness) -> None:
    came(ends.conn, (0.0, b"one"), (0.05, b"two"))
    ends.conn.urgent_mono = ends.conn.pieces[-1].came_mono

    site = await send_pieces(ends.conn, SiteConnection(ends.upstream, b"", 0), readiness)

    assert ends.site.recv(100) == b"one"
    assert site.forwarded_bytes == 3


async def test_an_urgent_byte_is_the_relays_when_it_is_as_late_as_the_pieces(ends: Ends, readiness: Readiness) -> None:
    came(ends.conn, (0.0, b"one"))
    begun_mono = time.monotonic()
    ends.conn.urgent_mono = begun_mono + 0.05

    site = await send_pieces(ends.conn, SiteConnection(ends.upstream, b"", 0), readiness)

    assert ends.site.recv(100) == b"one"
    assert site.forwarded_bytes == 3
    assert time.monotonic() >= begun_mono + 0.05


async def test_an_urgent_byte_before_all_others_waits_until_the_site_has_tried_to_read(
    ends: Ends, readiness: Readiness
) -> None:
    begun_mono = time.monotonic()
    ends.conn.urgent_mono = ends.conn.made_mono + 1.0

    await send_pieces(ends.conn, SiteConnection(ends.upstream, b"", 0), readiness)

    assert time.monotonic() >= begun_mono + 0.004
