"""A front that leads back to the proxy, through a real balancer between them."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

import mtglib
from integration.stage import Stage, stage
from support import sockets
from support.client_hello import build_client_hello, hello_records
from support.eventually import eventually
from support.front import answer
from support.haproxy_relay import HaproxyRelay, haproxy_relay_is_missing

REFUSAL = b"\x15\x03\x03\x00\x02\x02\x28"

pytestmark = pytest.mark.skipif(haproxy_relay_is_missing() is not None, reason=str(haproxy_relay_is_missing()))


def strangers_hello() -> bytes:
    return hello_records(build_client_hello("front.example"))


async def test_a_hello_that_comes_back_makes_few_connections_and_one_warning(relay: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        async with HaproxyRelay(listener.getsockname()[1]) as balancer:
            changes = {"listener": listener, "domain_fronting_port": balancer.port, "warnings": True}
            async with stage(relay, **changes) as around:  # type: ignore[arg-type]
                for _ in range(3):
                    assert (await around.probe(strangers_hello())).data == b""
                await eventually(lambda: not around.proxy.connections())

                assert len(around.events.of(mtglib.EventStart)) <= 40
                (warning,) = around.log.warnings
                assert "domain-fronting" in warning
                assert "leads back to this proxy" in warning


async def test_other_bytes_that_come_back_make_few_connections(relay: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        async with HaproxyRelay(listener.getsockname()[1]) as balancer:
            changes = {"listener": listener, "domain_fronting_port": balancer.port, "warnings": True}
            async with stage(relay, **changes) as around:  # type: ignore[arg-type]
                prober = await around.stranger(b"GET / HTTP/1.1\r\n\r\n")
                assert (await sockets.recv_until_end(prober)).data == b""
                sockets.close(prober)
                await eventually(lambda: not around.proxy.connections())

                assert len(around.events.of(mtglib.EventStart)) <= 40
                assert len(around.log.warnings) == 1


async def test_silence_that_comes_back_makes_few_connections(relay: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        async with HaproxyRelay(listener.getsockname()[1]) as balancer:
            changes = {"listener": listener, "domain_fronting_port": balancer.port, "warnings": True}
            async with stage(relay, handshake_timeout=2.0, **changes) as around:  # type: ignore[arg-type]
                assert (await around.probe(b"")).data == b""
                await eventually(lambda: not around.proxy.connections())

                assert len(around.events.of(mtglib.EventStart)) <= 60


async def many_alike(around: Stage, count: int, data: bytes) -> list[sockets.Received]:
    return await asyncio.gather(*(around.probe(data, then_eof=True) for _ in range(count)))


@pytest.mark.parametrize("count", [7, 60])
async def test_visitors_who_say_the_same_get_the_sites_answer(relay: str, count: int) -> None:
    """Replays of a recorded hello, all at once: each gets what the site has for it."""
    async with stage(relay, script=answer(REFUSAL)) as around:
        for data in (strangers_hello(), os.urandom(100)):
            received = await many_alike(around, count, data)

            assert {each.data for each in received} == {REFUSAL}
