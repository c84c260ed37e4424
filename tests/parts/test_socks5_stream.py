"""A whole proxy whose network is two SOCKS5 servers."""

from __future__ import annotations

import asyncio

import pytest

from integration.event_rules import traffic
from integration.stage import stage
from mtglib.network import Direct
from mtglib.network.balanced import from_urls
from support import sockets
from support.pattern import Pattern
from support.server_process import is_missing
from support.socks_servers import MicroSocks

pytestmark = [
    pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"]),
    pytest.mark.skipif(is_missing("microsocks") is not None, reason=str(is_missing("microsocks"))),
]

PAYLOAD = Pattern(1).take(3_000_000)


async def test_streams_go_through_the_proxies_in_the_relay_that_was_asked_for(relay: str) -> None:
    async with MicroSocks("user", "password") as one, MicroSocks() as other:
        network = from_urls([one.url, other.url], base=Direct())
        async with stage(relay, network=network) as around:
            client = await around.client()
            sending = asyncio.create_task(client.send(PAYLOAD))
            assert await client.recv_exactly(len(PAYLOAD)) == PAYLOAD
            await sending
            client.send_eof()
            assert await client.recv_until_end() == sockets.Received(b"", "eof")

            assert await around.reason() == "client_eof"
            assert around.proxy.relay_engine.split()[0] == relay
            await around.proxy.shutdown()
            assert traffic(around.events.events) == (len(PAYLOAD), len(PAYLOAD))


async def test_a_stream_gets_through_when_one_proxy_is_dead(relay: str) -> None:
    async with MicroSocks() as dead, MicroSocks() as alive:
        await dead.kill()
        async with stage(relay, network=from_urls([dead.url, alive.url], base=Direct())) as around:
            for _ in range(5):
                client = await around.client(first_payload=b"hello")
                assert await client.recv_exactly(5) == b"hello"


async def test_a_client_is_closed_when_all_proxies_are_dead(relay: str) -> None:
    async with MicroSocks() as one, MicroSocks() as other:
        pass
    network = from_urls([one.url, other.url], base=Direct())
    async with stage(relay, network=network, warnings=True) as around:
        client = await around.client()

        assert await client.recv_until_end() == sockets.Received(b"", "eof")
        await around.finished()
        assert around.dc.accepted == 0
