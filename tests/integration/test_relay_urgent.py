"""Urgent bytes of a visitor, and of a site: they are passed on as such, at their places in the stream."""

from __future__ import annotations

import pytest

from integration.relayed import relayed
from support import sockets
from support.urgent import UrgentReader, send_urgent

SCRIPTS: dict[str, list[bytes | str]] = {
    "alone": ["!"],
    "first": ["!", b"behind"],
    "last": [b"before", "!"],
    "between": [b"before", "!", b"behind"],
    "with others": ["before!", b"behind"],
    "one behind the other": [b"before", "1", "2", b"behind"],
    "now and then": ["1", b"a", "2", b"bc", "3", b"def", "4"],
    "behind much": [bytes(500_000), "!", bytes(500_000)],
}
"""Bytes, and strings, the last byte of which is urgent."""


@pytest.mark.parametrize("side", ["client", "upstream"])
@pytest.mark.parametrize("name", SCRIPTS)
async def test_urgent_bytes_arrive_as_such_at_their_places(relay: str, name: str, side: str) -> None:
    async with relayed(relay) as around:
        source, sink = around.end(side), around.end("upstream" if side == "client" else "client")
        reader, sent, places = UrgentReader(sink.sock), b"", []
        for part in SCRIPTS[name]:
            if isinstance(part, str):
                send_urgent(source.sock, part.encode())
                sent += part.encode()
                places.append(len(sent) - 1)
            else:
                sent += part
                await sockets.send_all(source.sock, part)
            await reader.read(len(sent))
        assert (reader.got == sent, reader.urgent_at) == (True, places)


@pytest.mark.parametrize("side", ["client", "upstream"])
async def test_an_urgent_byte_and_then_the_end(relay: str, side: str) -> None:
    async with relayed(relay) as around:
        source, sink = around.end(side), around.end("upstream" if side == "client" else "client")
        reader = UrgentReader(sink.sock)
        send_urgent(source.sock, b"last!")
        sockets.send_eof(source.sock)
        await reader.read(6)
        assert (reader.got, reader.urgent_at) == (b"last!", [4])
        sockets.send_eof(sink.sock)
        assert await sockets.recv_until_end(source.sock) == sockets.Received(b"", "eof")
        assert await around.reason() == f"{side}_eof"


async def test_an_urgent_byte_goes_with_what_was_read_before_the_relay_had_it(relay: str) -> None:
    async with relayed(relay, client_unread=b"GET /", preamble=b"from 192.0.2.1 ") as around:
        send_urgent(around.client.sock, b"!")
        reader = UrgentReader(around.upstream.sock)
        await reader.read(21)
        assert (reader.got, reader.urgent_at) == (b"from 192.0.2.1 GET /!", [20])


async def test_it_sleeps_while_an_urgent_byte_is_the_last(relay: str) -> None:
    async with relayed(relay) as around:
        reader = UrgentReader(around.upstream.sock)
        send_urgent(around.client.sock, b"!")
        await reader.read(1)
        before = around.turns()
        for _ in range(20):
            await sockets.send_all(around.upstream.sock, b"x")
            assert await sockets.recv_exactly(around.client.sock, 1) == b"x"
        assert around.turns() - before <= 60
