"""A socket for what isn't one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

import mtglib
from support import sockets
from support.eventually import eventually


@dataclass
class Tunnel:
    """`near` is what the proxy gets, `far` the other end of the stream pair, `writer` the near one's."""

    near: socket.socket
    far: socket.socket
    writer: asyncio.StreamWriter


@pytest.fixture
async def tunnel() -> AsyncIterator[Tunnel]:
    """A tunnel through a stream pair."""
    inner, far = socket.socketpair()
    far.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=inner)
    tunnel = Tunnel(mtglib.socket_from_streams(reader, writer), far, writer)
    yield tunnel
    sockets.close(tunnel.near)
    sockets.close(tunnel.far)
    await gone()


def pumping() -> set[asyncio.Task[None]]:
    """The tasks of all tunnels."""
    return {task for task in asyncio.all_tasks() if task.get_name() == "mtg-tunnel"}


async def gone() -> None:
    """Wait until all tunnels are over: each closes its stream and its own socket then."""
    if tasks := pumping():
        await asyncio.wait(tasks)


async def test_it_is_a_nonblocking_stream_socket(tunnel: Tunnel) -> None:
    assert isinstance(tunnel.near, socket.socket)
    assert tunnel.near.type == socket.SOCK_STREAM
    assert tunnel.near.gettimeout() == 0


async def test_bytes_go_both_ways_with_back_pressure(tunnel: Tunnel) -> None:
    data = bytes(range(256)) * 16384
    for source, sink in ((tunnel.near, tunnel.far), (tunnel.far, tunnel.near)):
        sending = asyncio.create_task(sockets.send_all(source, data))
        assert await sockets.recv_exactly(sink, len(data)) == data
        await sending


async def test_a_far_end_that_reads_nothing_stops_the_near_one(tunnel: Tunnel) -> None:
    sent_bytes = blocked = 0
    while blocked < 50 and sent_bytes < 64 << 20:
        try:
            sent_bytes += tunnel.near.send(bytes(1 << 16))
        except BlockingIOError:
            blocked += 1
        await asyncio.sleep(0)

    assert sent_bytes < 8 << 20


async def test_an_end_is_carried_over_and_the_other_direction_goes_on(tunnel: Tunnel) -> None:
    tunnel.near.send(b"question")
    tunnel.near.shutdown(socket.SHUT_WR)
    assert await sockets.recv_until_end(tunnel.far) == sockets.Received(b"question", "eof")

    tunnel.far.send(b"answer")
    tunnel.far.shutdown(socket.SHUT_WR)
    assert await sockets.recv_until_end(tunnel.near) == sockets.Received(b"answer", "eof")


async def test_the_far_end_first(tunnel: Tunnel) -> None:
    tunnel.far.send(b"greeting")
    tunnel.far.shutdown(socket.SHUT_WR)
    assert await sockets.recv_until_end(tunnel.near) == sockets.Received(b"greeting", "eof")

    tunnel.near.send(b"reply")
    assert await sockets.recv_exactly(tunnel.far, 5) == b"reply"


async def test_closing_the_socket_reaches_the_far_end(tunnel: Tunnel) -> None:
    sockets.close(tunnel.near)

    assert (await sockets.recv_until_end(tunnel.far)).data == b""


@pytest.mark.parametrize("half_close", [True, False], ids=["plain", "like TLS"])
async def test_closing_the_socket_closes_the_stream_though_the_far_end_is_silent(
    tunnel: Tunnel, half_close: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel.writer, "can_write_eof", lambda: half_close)

    sockets.close(tunnel.near)

    await eventually(tunnel.writer.is_closing)


async def test_a_stream_that_breaks_ends_the_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        far, _ = listener.accept()
    near = mtglib.socket_from_streams(reader, writer)

    sockets.reset(far)

    assert (await sockets.recv_until_end(near)).data == b""
    sockets.close(near)
    await gone()


async def test_streams_that_are_swapped_or_none_are_refused_and_left_alone(tunnel: Tunnel) -> None:
    reader, writer = await asyncio.open_connection(sock=socket.socket())
    for given, text in (
        ((writer, reader), "reader: expected an asyncio.StreamReader; StreamWriter lacks read"),
        ((None, writer), "reader: expected an asyncio.StreamReader; NoneType lacks read"),
        ((reader, object()), "writer: expected an asyncio.StreamWriter; object lacks write, drain, can_write_eof, "),
    ):
        with pytest.raises(mtglib.OptionError) as raised:
            mtglib.socket_from_streams(*given)
        assert str(raised.value).startswith(text)

    assert len(pumping()) == 1
    writer.close()


async def test_a_tunnel_that_is_cancelled_twice_closes_both_ends(tunnel: Tunnel) -> None:
    (task,) = pumping()
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    await asyncio.wait([task])

    async with asyncio.timeout(20):
        assert await sockets.recv_until_end(tunnel.near) == sockets.Received(b"", "eof")
        assert await sockets.recv_until_end(tunnel.far) == sockets.Received(b"", "eof")
