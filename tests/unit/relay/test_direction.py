"""A direction reads up to an urgent byte, and waits where a read has left nothing behind."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from integration.stage import tcp_pair
from mtglib.readiness import Readiness
from mtglib.relay.direction import Direction
from support import sockets
from support.urgent import UrgentReader, send_urgent


@dataclass
class Ends:
    """A direction's two peers, and what it may be made of."""

    source: socket.socket
    from_source: socket.socket
    to_sink: socket.socket
    sink: socket.socket

    def direction(self, *, passes_urgent: bool = True) -> Direction:
        return Direction(self.from_source, self.to_sink, passes_urgent=passes_urgent)


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    """Over TCP."""
    ends = Ends(*await tcp_pair(), *await tcp_pair())
    yield ends
    for sock in (ends.source, ends.from_source, ends.to_sink, ends.sink):
        sockets.close(sock)


async def receive(direction: Direction, readiness: Readiness, most_bytes: int = 100) -> bytes:
    """Receive as a session does."""
    while True:
        if not direction.has_to_wait:
            try:
                return direction.receive(most_bytes)
            except BlockingIOError:
                pass
        await direction.wait(readiness)


@pytest.mark.parametrize("most_bytes", [1, 3, 6, 100])
async def test_the_urgent_byte_is_the_last_of_what_is_received(
    ends: Ends, readiness: Readiness, most_bytes: int
) -> None:
    direction, reader = ends.direction(), UrgentReader(ends.sink)
    for _ in range(3):
        send_urgent(ends.source, b"before!")
        ends.source.send(b"behind")
        got = b""
        while len(got) < 13:
            direction.pending = memoryview(await receive(direction, readiness, most_bytes))
            got += direction.pending
            assert direction.send_pending() == len(direction.pending)
        assert got == b"before!behind"
        await reader.read(len(reader.got) + 13)
    assert reader.got == b"before!behind" * 3
    assert reader.urgent_at == [6, 19, 32]


async def test_after_a_short_read_an_event_comes_first(ends: Ends, readiness: Readiness) -> None:
    direction = ends.direction()
    with pytest.raises(BlockingIOError):
        direction.receive(100)
    for word in (b"one", b"two"):
        assert direction.has_to_wait
        ends.source.send(word)
        await direction.wait(readiness)
        assert direction.receive(100) == word
    ends.source.send(bytes(100))
    await direction.wait(readiness)
    assert direction.receive(50) == bytes(50)
    assert not direction.has_to_wait, "the event for the rest has come already"
    direction.receive(100)


async def test_what_a_lost_source_has_left_is_read_without_a_wait(ends: Ends, readiness: Readiness) -> None:
    direction = ends.direction()
    with pytest.raises(BlockingIOError):
        direction.receive(100)
    direction.source_is_lost = True

    assert not direction.has_to_wait


async def test_a_clients_urgent_byte_is_left_out(ends: Ends, readiness: Readiness) -> None:
    direction = ends.direction(passes_urgent=False)
    send_urgent(ends.source, b"before!")
    ends.source.send(b"behind")
    got = b""
    while len(got) < 12:
        got += await receive(direction, readiness)
    assert got == b"beforebehind"
