"""What a relay sets on the two sockets that it is given."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing

import pytest

from integration.stage import stage, tcp_pair
from mtglib.network import Direct
from support.faketls_client import FakeTLSClient

NOTSENT_LOWAT_BYTES = 128 * 1024


class Copying(Direct):
    """Keeps a copy of the descriptor that it dialled."""

    def __init__(self) -> None:
        super().__init__()
        self.dialled: list[socket.socket] = []

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        sock = await super().dial(host, port, timeout_seconds=timeout_seconds)
        self.dialled.append(sock.dup())
        return sock


@pytest.mark.parametrize("leg", ["client", "upstream"])
async def test_small_messages_go_at_once_and_little_waits_in_the_kernel(relay: str, leg: str) -> None:
    network = Copying()
    async with stage(relay, network=network) as around:
        ours, theirs = await tcp_pair()
        with theirs.dup() as client_leg:
            serving = asyncio.create_task(around.proxy.serve_conn(theirs))
            client = FakeTLSClient(ours, around.secret)
            await client.send_hello()
            await client.receive_answer()
            await client.send_frame()
            await client.send(b"hello")
            assert await client.recv_exactly(5) == b"hello"

            with closing(network.dialled[0]) as upstream_leg:
                sock = client_leg if leg == "client" else upstream_leg
                found = {
                    "TCP_NODELAY": sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                    "TCP_NOTSENT_LOWAT": sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT),
                }
        client.close()
        await serving
        assert found == {"TCP_NODELAY": 1, "TCP_NOTSENT_LOWAT": NOTSENT_LOWAT_BYTES}
