"""asyncio's streams over a socket that is connected already."""

from __future__ import annotations

import asyncio
import socket

import pytest

from mtglib.network.streams import streams_over
from support import sockets


@pytest.mark.parametrize("blocking", [True, False])
async def test_bytes_go_both_ways_whatever_the_socket_was(blocking: bool) -> None:
    ours, far = socket.socketpair()
    ours.setblocking(blocking)
    far.setblocking(False)
    reader, writer = await streams_over(ours)
    assert ours.gettimeout() == 0
    writer.write(b"question")
    assert await sockets.recv_exactly(far, 8) == b"question"
    far.send(b"the answer")
    assert await reader.readexactly(10) == b"the answer"
    writer.close()
    await writer.wait_closed()

    assert await sockets.recv_until_end(far) == sockets.Received(b"", "eof")
    sockets.close(far)


async def test_the_readers_own_limit_holds() -> None:
    ours, far = socket.socketpair()
    with far:
        reader = asyncio.StreamReader(limit=4)
        used, writer = await streams_over(ours, reader)
        assert used is reader
        far.send(b"too long\n")
        with pytest.raises(ValueError, match="limit"):
            await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_a_socket_that_can_not_be_taken_over_is_closed() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        with pytest.raises(ValueError, match="Stream"):
            await streams_over(datagrams)

        assert datagrams.fileno() == -1
