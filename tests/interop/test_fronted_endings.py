"""How a fronted connection ends is part of what a prober sees: a FIN stays a FIN, and a RST a RST."""

from __future__ import annotations

import asyncio

from interop.probing import stage
from support import sockets
from support.front import FrontConnection, answer, listen_only, reset_after
from support.pattern import Pattern

PROBE = b"GET / HTTP/1.0\r\n\r\n"


async def test_reset_by_the_site_resets_the_prober(relay: str) -> None:
    async with stage(relay, reset_after(len(PROBE))) as around:
        assert await around.probe(PROBE) == sockets.Received(b"", "reset")


async def test_answer_before_a_reset_still_arrives(relay: str) -> None:
    acknowledged = asyncio.Event()

    async def answer_then_reset(connection: FrontConnection) -> None:
        await connection.got(len(PROBE))
        await connection.send(b"answer")
        await acknowledged.wait()
        connection.reset()

    async with stage(relay, answer_then_reset) as around:
        sock = await sockets.connect(around.proxy.host, around.proxy.port)
        await sockets.send_all(sock, PROBE)
        assert await sockets.recv_exactly(sock, 6) == b"answer"
        acknowledged.set()

        assert await sockets.recv_until_end(sock) == sockets.Received(b"", "reset")
        sockets.close(sock)


async def test_reset_by_the_prober_resets_the_site(relay: str) -> None:
    async with stage(relay, answer(b"hello")) as around:
        sock = await sockets.connect(around.proxy.host, around.proxy.port)
        await sockets.send_all(sock, PROBE)
        assert await sockets.recv_exactly(sock, 5) == b"hello"
        sockets.reset(sock)

        assert await around.at_the_site() == sockets.Received(PROBE, "reset")


async def test_site_may_answer_after_the_probers_fin(relay: str) -> None:
    async def answer_after_fin(connection: FrontConnection) -> None:
        received = await connection.ended()
        await connection.send(received.data[::-1])

    async with stage(relay, answer_after_fin) as around:
        assert await around.probe(PROBE, then_eof=True) == sockets.Received(PROBE[::-1], "eof")


async def test_prober_may_go_on_after_the_sites_fin(relay: str) -> None:
    async def fin_first(connection: FrontConnection) -> None:
        await connection.got(len(PROBE))
        connection.send_eof()
        await connection.ended()

    async with stage(relay, fin_first) as around:
        sock = await sockets.connect(around.proxy.host, around.proxy.port)
        await sockets.send_all(sock, PROBE)
        assert await sockets.recv_until_end(sock) == sockets.Received(b"", "eof")
        await sockets.send_all(sock, b"afterwards")
        sockets.send_eof(sock)

        assert await around.at_the_site() == sockets.Received(PROBE + b"afterwards", "eof")
        sockets.close(sock)


async def test_unreachable_site_looks_like_a_reset(relay: str) -> None:
    async with stage(relay, listen_only) as around:
        around.site.stop_listening()

        assert await around.probe(PROBE) == sockets.Received(b"", "reset")


async def test_bulk_goes_through_unchanged_both_ways(relay: str) -> None:
    size = 20_000_000

    async def send_pattern(connection: FrontConnection) -> None:
        await connection.send(Pattern(1).take(size))
        connection.send_eof()
        await connection.ended()

    async with stage(relay, send_pattern) as around:
        upload = PROBE + Pattern(2).take(size)
        sock = await sockets.connect(around.proxy.host, around.proxy.port)

        async def send() -> None:
            await sockets.send_all(sock, upload)
            sockets.send_eof(sock)

        received, _ = await asyncio.gather(sockets.recv_until_end(sock), send())

        assert received == sockets.Received(Pattern(1).take(size), "eof")
        assert await around.at_the_site() == sockets.Received(upload, "eof")
        sockets.close(sock)
