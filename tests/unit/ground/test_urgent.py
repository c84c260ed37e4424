"""Urgent bytes: where they are, and how they are sent."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from integration.stage import tcp_pair
from mtglib.ground.urgent import is_at_urgent_byte, receive_urgent_byte, send_ending_urgent
from support import sockets
from support.urgent import UrgentReader

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
async def tcp() -> AsyncIterator[Pair]:
    """Two ends of a TCP connection."""
    pair = await tcp_pair()
    yield pair
    for sock in pair:
        sockets.close(sock)


async def test_an_urgent_byte_can_be_received_from_afar_and_keeps_its_place(tcp: Pair) -> None:
    one, other = tcp
    assert receive_urgent_byte(one) == b""
    assert not is_at_urgent_byte(one)
    assert send_ending_urgent(other, memoryview(b"before!")) == 7
    other.send(b"behind")

    assert not is_at_urgent_byte(one)
    assert receive_urgent_byte(one) == b"!"
    assert receive_urgent_byte(one) == b""
    assert one.recv(100) == b"before"
    assert is_at_urgent_byte(one)
    assert one.recv(100) == b"behind"
    assert not is_at_urgent_byte(one)


async def test_without_room_for_all_no_other_byte_is_urgent(tcp: Pair) -> None:
    one, other = tcp
    data = memoryview(bytes(12_000_000))
    sent_bytes = send_ending_urgent(other, data)
    assert 0 < sent_bytes < len(data)
    reader = UrgentReader(one)
    await reader.read(sent_bytes)
    assert reader.urgent_at == []

    while sent_bytes < len(data):
        sent_bytes += send_ending_urgent(other, data[sent_bytes:])
        await reader.read(sent_bytes)
    assert reader.urgent_at == [len(data) - 1]


async def test_without_any_room_nothing_is_sent(tcp: Pair) -> None:
    _, other = tcp
    with suppress(BlockingIOError):
        while True:
            other.send(bytes(1 << 20))
    with pytest.raises(BlockingIOError):
        send_ending_urgent(other, memoryview(b"!"))
    with pytest.raises(BlockingIOError):
        send_ending_urgent(other, memoryview(b"more!"))


async def test_a_socket_without_urgent_bytes_leaves_them_out() -> None:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other:
        assert not is_at_urgent_byte(one)
        assert receive_urgent_byte(one) == b""
        with pytest.raises(OSError) as raised:
            other.send(b"!", socket.MSG_OOB)
        assert raised.value.errno == errno.EOPNOTSUPP
        assert send_ending_urgent(other, memoryview(b"before!")) == 7
        assert one.recv(100) == b"before"


async def test_a_broken_connection_is_told(tcp: Pair) -> None:
    one, other = tcp
    sockets.reset(one)
    await asyncio.sleep(0)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        send_ending_urgent(other, memoryview(b"before!"))
