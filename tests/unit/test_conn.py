"""A client's socket during its handshake."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mtglib.conn import Conn
from mtglib.readiness import READABLE, Readiness
from support import sockets


@dataclass
class Ends:
    """The proxy's end, with its descriptor's number, and the client's."""

    conn: Conn
    peer: socket.socket
    fd: int


@pytest.fixture
async def ends(readiness: Readiness) -> AsyncIterator[Ends]:
    """A connected pair."""
    ours, peer = socket.socketpair()
    ours.setblocking(False)
    peer.setblocking(False)
    ends = Ends(Conn(ours, readiness), peer, ours.fileno())
    yield ends
    ends.conn.close()
    sockets.close(peer)


def soon() -> float:
    return asyncio.get_running_loop().time() + 60


def past() -> float:
    return asyncio.get_running_loop().time() - 1


async def test_what_comes_is_appended(ends: Ends) -> None:
    ends.peer.send(b"one ")
    assert await ends.conn.receive_more(soon())
    receiving = asyncio.create_task(ends.conn.receive_more(soon()))
    await asyncio.sleep(0)
    ends.peer.send(b"two")

    assert await receiving
    assert ends.conn.unread == b"one two"


async def test_the_peers_end_is_false_and_keeps_what_came(ends: Ends) -> None:
    ends.peer.send(b"one")
    ends.peer.shutdown(socket.SHUT_WR)

    assert await ends.conn.receive_more(soon())
    assert not await ends.conn.receive_more(soon())
    assert ends.conn.unread == b"one"


@pytest.mark.parametrize("in_hand", [b"", b"one who never stops sending must not be read for ever"])
async def test_the_deadline_holds_in_silence_and_under_a_flood(ends: Ends, in_hand: bytes) -> None:
    ends.peer.send(in_hand)

    with pytest.raises(TimeoutError):
        await ends.conn.receive_more(past())


async def test_send_all_waits_for_a_slow_reader(ends: Ends) -> None:
    data = bytes(range(256)) * 8192
    sending = asyncio.create_task(ends.conn.send_all(data, soon()))

    assert await sockets.recv_exactly(ends.peer, len(data)) == data
    await sending


async def test_send_all_gives_up_on_a_peer_that_takes_nothing(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        await ends.conn.send_all(bytes(8 << 20), past())


async def test_a_broken_connection_is_an_os_error(ends: Ends) -> None:
    ends.peer.close()

    with pytest.raises(OSError):
        await ends.conn.send_all(b"x", soon())


async def test_take_splits_what_was_read(ends: Ends) -> None:
    ends.conn.unread = b"abcdef"

    assert (ends.conn.take(2), ends.conn.unread) == (b"ab", b"cdef")
    assert (ends.conn.take_all(), ends.conn.unread) == (b"cdef", b"")


def is_watched(fd: int) -> bool:
    """Whether an epoll set of this process has a descriptor."""
    sets = [path.read_text() for path in Path("/proc/self/fdinfo").iterdir() if path.exists()]
    return any(re.search(rf"^tfd: +{fd} ", text, re.MULTILINE) for text in sets)


async def test_detach_gives_socket_and_leftover_away(ends: Ends, readiness: Readiness) -> None:
    receiving = asyncio.create_task(ends.conn.receive_more(soon()))
    await asyncio.sleep(0)
    ends.peer.send(b"left")
    await receiving
    assert is_watched(ends.fd)

    sock, unread = ends.conn.detach()
    ends.conn.close()

    assert sock.fileno() == ends.fd
    assert not is_watched(ends.fd), "who gets the socket may watch it"
    with sock:
        assert unread == b"left"
        assert ends.conn.unread == b""
        ends.peer.send(b"x")
        await readiness.wait(sock.fileno(), READABLE)
        assert sock.recv(9) == b"x"
        readiness.forget(sock.fileno())


async def test_after_detach_nothing_can_be_read_through_it_any_more(ends: Ends) -> None:
    ends.conn.detach()[0].close()

    with pytest.raises(OSError):
        await ends.conn.receive_more(soon())


async def test_close_is_seen_by_the_peer_and_may_be_repeated(ends: Ends) -> None:
    ends.conn.close()
    ends.conn.close()

    assert await sockets.recv_until_end(ends.peer) == sockets.Received(b"", "eof")


async def test_a_peer_that_resets_is_told_while_nobody_reads(readiness: Readiness) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = await sockets.connect(*listener.getsockname())
        ours, _ = listener.accept()
    ours.setblocking(False)
    conn, lost = Conn(ours, readiness), asyncio.Event()
    conn.when_lost(lost.set)
    sockets.reset(peer)

    await lost.wait()
    conn.close()


async def test_what_has_arrived_is_read_up_to_a_bound_and_no_further(ends: Ends) -> None:
    ends.conn.receive_arrived(10)
    assert ends.conn.unread == b""
    for data in (b"one", b"two", b"three"):
        ends.peer.send(data)
    ends.conn.receive_arrived(8)
    assert ends.conn.unread == b"onetwoth"
    ends.peer.shutdown(socket.SHUT_WR)
    ends.conn.receive_arrived(100)
    assert ends.conn.unread == b"onetwothree"
    assert not await ends.conn.receive_more(soon())


async def test_pieces_are_what_came_together(ends: Ends) -> None:
    ends.peer.send(b"one")
    assert await ends.conn.receive_more(soon())
    ends.peer.send(b"two")
    ends.conn.receive_piece()
    noting = asyncio.create_task(ends.conn.note_pieces())
    await asyncio.sleep(0)
    ends.peer.send(b"three")
    ends.peer.shutdown(socket.SHUT_WR)
    await noting

    assert [piece.said_bytes for piece in ends.conn.pieces] == [3, 6, 11]
    assert ends.conn.pieces == sorted(ends.conn.pieces)


async def test_a_piece_is_noted_once_with_the_time_at_which_it_came(ends: Ends) -> None:
    ends.peer.send(b"one")
    before_mono = time.monotonic()
    assert await ends.conn.receive_more(soon())
    after_mono = time.monotonic()
    ends.conn.receive_piece()
    ends.conn.receive_piece()

    (piece,) = ends.conn.pieces
    assert before_mono <= piece.came_mono <= after_mono


async def test_few_pieces_are_kept_of_a_peer_that_drips(ends: Ends) -> None:
    for _ in range(200):
        ends.peer.send(b"x")
        ends.conn.receive_piece()

    assert len(ends.conn.pieces) < 100
    assert ends.conn.pieces[-1].said_bytes == 200


async def test_pauses_of_an_unfinished_hello_are_closed_up(ends: Ends) -> None:
    for data in (b"half", b"a hello", b"and junk"):
        ends.peer.send(data)
        assert await ends.conn.receive_more(soon())
        ends.conn.note_piece()
        await asyncio.sleep(0.03)
    last_mono = ends.conn.pieces[-1].came_mono
    ends.conn.close_up_pieces()

    first, last = ends.conn.pieces
    assert (first.said_bytes, last.said_bytes) == (11, 19), "the site still reads the last piece by itself"
    assert 0 < last.came_mono - first.came_mono < 0.005
    assert last.came_mono == last_mono, "what comes behind it keeps its pauses"


async def test_what_came_at_once_is_one_piece_when_closed_up(ends: Ends) -> None:
    ends.peer.send(b"junk")
    assert await ends.conn.receive_more(soon())
    ends.conn.close_up_pieces()

    assert [piece.said_bytes for piece in ends.conn.pieces] == [4]


async def test_a_piece_is_all_that_was_there_even_if_a_read_takes_less(ends: Ends) -> None:
    ends.peer.send(bytes(100_000))
    assert await ends.conn.receive_more(soon())
    ends.conn.receive_piece()
    await ends.conn.note_pieces()
    assert len(ends.conn.unread) < 20_000, "the kernel keeps the rest until the site is there"
    ends.conn.complete_piece()

    assert [piece.said_bytes for piece in ends.conn.pieces] == [100_000]


async def test_segments_are_never_so_small_that_they_cost_much(readiness: Readiness) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 100)
        peer.connect(listener.getsockname())
        ours = Conn(listener.accept()[0], readiness)

        assert ours.segment_bytes == 536
        ours.close()


async def test_segments_are_as_large_as_the_connection_allows(ends: Ends, readiness: Readiness) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000)
        peer.connect(listener.getsockname())
        ours = Conn(listener.accept()[0], readiness)

        assert 900 < ours.segment_bytes <= 1000
        with socket.create_connection(listener.getsockname()) as usual:
            of_loopback = Conn(listener.accept()[0], readiness)
            assert of_loopback.segment_bytes > 200_000, usual
            of_loopback.close()
        assert ends.conn.segment_bytes > 100_000, "a Unix socket has none"
        ours.close()
