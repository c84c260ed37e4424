"""What a proxy tells of its load: who is connected, and what the engine holds for them."""

from __future__ import annotations

from integration.pair import pair
from integration.pour import Pour
from integration.stage import stage
from support.eventually import eventually

GARBAGE = b"GET / HTTP/1.1\r\n\r\n"


async def test_clients_and_visitors_are_counted_while_they_are_there(relay: str) -> None:
    async with stage(relay) as around:
        proxy = around.proxy
        assert (proxy.clients, proxy.visitors, proxy.engine_connections) == (0, 0, 0)
        client = await around.client()
        await client.send(b"x")
        assert await client.recv_exactly(1) == b"x"
        assert (proxy.clients, proxy.visitors, proxy.engine_connections) == (1, 0, 1)
        await around.stranger(GARBAGE)
        await eventually(lambda: proxy.engine_connections == 2)
        assert (proxy.clients, proxy.visitors) == (1, 1)
        await proxy.shutdown()
        assert (proxy.clients, proxy.visitors, proxy.engine_connections) == (0, 0, 0)


async def test_bytes_that_nobody_takes_are_told_by_the_engine(relay: str) -> None:
    async with pair(relay, "fast") as ends:
        proxy = ends.around.proxy
        assert proxy.engine_buffered_bytes == (0 if relay == "native" else None)
        pour = Pour(ends.upstream)
        await pour.until_blocked()
        held_bytes = proxy.engine_buffered_bytes
        assert held_bytes is None if relay == "pure" else (held_bytes or 0) > 0
        await proxy.shutdown()
        assert proxy.engine_buffered_bytes == (0 if relay == "native" else None)
