"""A client's urgent bytes during its handshake, and reads that leave nothing behind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from integration.stage import tcp_pair
from mtglib.conn import Conn
from mtglib.errors import ClientError
from mtglib.readiness import Readiness
from support import sockets
from support.urgent import UrgentReader, send_urgent

Ends = tuple[Conn, socket.socket]


@pytest.fixture
async def ends(readiness: Readiness) -> AsyncIterator[Ends]:
    """The proxy's end of a TCP connection, and the client's."""
    peer, ours = await tcp_pair()
    conn = Conn(ours, readiness)
    yield conn, peer
    conn.close()
    sockets.close(peer)


def soon() -> float:
    return asyncio.get_running_loop().time() + 60


async def read_up_to_urgent(conn: Conn) -> bytes:
    """Read until an urgent byte comes next; what came before it."""
    try:
        while await conn.receive_more(soon(), up_to_urgent=True):
            pass
    except ClientError:
        return conn.unread
    raise AssertionError("the end came first")


@pytest.mark.parametrize("before", [b"", b"before", bytes(20_000)])
@pytest.mark.parametrize("behind", [b"", b"behind"])
@pytest.mark.parametrize("ends_then", [False, True])
@pytest.mark.parametrize("is_waited_for", [False, True])
async def test_reads_end_at_an_urgent_byte_which_stays_there(
    ends: Ends, before: bytes, behind: bytes, ends_then: bool, is_waited_for: bool
) -> None:
    conn, peer = ends
    reading = asyncio.create_task(read_up_to_urgent(conn))
    if is_waited_for:
        await asyncio.sleep(0)
    send_urgent(peer, before + b"!")
    peer.send(behind)
    if ends_then:
        peer.shutdown(socket.SHUT_WR)

    assert await reading == before
    conn.receive_arrived(1 << 20)
    await conn.note_pieces()
    assert conn.unread == before
    sock, _ = conn.detach()
    rest = UrgentReader(sock)
    await rest.read(len(behind) + 1)
    sockets.close(sock)
    assert (rest.got, rest.urgent_at) == (b"!" + behind, [0])


async def test_urgent_bytes_come_one_by_one(ends: Ends) -> None:
    conn, peer = ends
    for word in (b"one", b"two"):
        peer.send(word)
        assert await conn.receive_more(soon(), up_to_urgent=True)
    reading = asyncio.create_task(read_up_to_urgent(conn))
    await asyncio.sleep(0)
    send_urgent(peer, b"!")

    assert await reading == b"onetwo"


async def test_a_client_goes_on_behind_its_urgent_bytes(ends: Ends) -> None:
    conn, peer = ends
    for word in (b"one", b"two", b"three"):
        send_urgent(peer, b"!")
        receiving = asyncio.create_task(conn.receive_more(soon()))
        await asyncio.sleep(0)
        peer.send(word)
        assert await receiving
        send_urgent(peer, word + b"!")
        assert await conn.receive_more(soon())
    send_urgent(peer, b"!")
    peer.shutdown(socket.SHUT_WR)

    assert not await conn.receive_more(soon())
    assert conn.unread == b"oneonetwotwothreethree"


@pytest.mark.parametrize("size_bytes", [1, 16 * 1024, 16 * 1024 + 1, 100_000])
async def test_an_end_that_came_with_the_last_bytes_is_seen(ends: Ends, size_bytes: int) -> None:
    conn, peer = ends
    receiving = asyncio.create_task(conn.receive_more(soon()))
    await asyncio.sleep(0)
    peer.send(bytes(size_bytes))
    peer.shutdown(socket.SHUT_WR)

    assert await receiving
    while await conn.receive_more(soon()):
        pass
    assert len(conn.unread) == size_bytes


@pytest.mark.parametrize("comes_later", [False, True])
async def test_what_is_behind_an_urgent_byte_is_seen_and_stays_there(ends: Ends, comes_later: bool) -> None:
    conn, peer = ends
    send_urgent(peer, b"before!")
    if not comes_later:
        peer.send(b"behind")
    assert await read_up_to_urgent(conn) == b"before"
    if comes_later:
        assert conn.peek_around_urgent() == b"before"
        peer.send(b"behind")
    while conn.peek_around_urgent() != b"beforebehind":
        assert await conn.more_behind_urgent(soon())
    assert conn.unread == b"before"

    conn.read_past_urgent(12)
    assert conn.unread == b"beforebehind"
    peer.send(b"more")
    assert await conn.receive_more(soon(), up_to_urgent=True)
    assert conn.unread == b"beforebehindmore"


async def test_nothing_more_is_waited_for_behind_the_end_or_for_ever(ends: Ends) -> None:
    conn, peer = ends
    send_urgent(peer, b"before!")
    await read_up_to_urgent(conn)
    while await conn.more_behind_urgent(asyncio.get_running_loop().time() + 0.01):
        pass
    peer.shutdown(socket.SHUT_WR)
    while await conn.more_behind_urgent(soon()):
        assert conn.peek_around_urgent() == b"before"
