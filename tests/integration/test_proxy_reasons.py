"""What events say about why a stream was fronted, and why it ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import mtglib
from integration.routed_network import RoutedNetwork
from integration.stage import Stage, stage
from support import sockets

Act = Callable[[Stage], Awaitable[object]]


async def send_http(around: Stage) -> None:
    await around.probe(b"GET / HTTP/1.1\r\n\r\n", then_eof=True)


async def leave_in_the_hello(around: Stage) -> None:
    await around.probe(b"\x16\x03\x01", then_eof=True)


async def use_another_secret(around: Stage) -> None:
    around.secret = mtglib.Secret.generate(around.secret.host)
    await hello(around)


async def hello(around: Stage, **options: Any) -> None:
    client = await around.client_before_hello(**options)
    await client.send_hello()
    client.send_eof()
    await sockets.recv_until_end(client.sock)


async def ask_for_another_site(around: Stage) -> None:
    await hello(around, server_name="other.example")


async def have_another_time(around: Stage) -> None:
    await hello(around, timestamp=1_000_000)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (send_http, "not_tls"),
        (leave_in_the_hello, "closed"),
        (use_another_secret, "digest"),
        (ask_for_another_site, "sni"),
        (have_another_time, "clock"),
    ],
)
async def test_stranger_is_fronted_for_a_reason_and_then_ends_as_relays_do(relay: str, act: Act, reason: str) -> None:
    async with stage(relay) as around:
        await act(around)
        await around.finished()

        assert [event.reason for event in around.events.of(mtglib.EventDomainFronting)] == [reason]
        assert [event.reason for event in around.events.of(mtglib.EventFinish)] == ["client_eof"]


async def test_silent_stranger_is_fronted_for_that(relay: str) -> None:
    async with stage(relay, handshake_timeout=0.01) as around:
        stranger = await around.stranger()
        await around.front.connection()
        sockets.close(stranger)
        await around.finished()

        assert [event.reason for event in around.events.of(mtglib.EventDomainFronting)] == ["timeout"]


async def test_front_that_is_away_ends_the_stream(relay: str) -> None:
    async with stage(relay, front_network=RoutedNetwork(), warnings=True) as around:
        await around.probe(b"GET")
        await around.finished()

        assert [event.reason for event in around.events.of(mtglib.EventFinish)] == ["front_unreachable"]


async def test_dc_that_is_away_is_named(relay: str) -> None:
    async with stage(relay, network=RoutedNetwork(), dcs=[4], warnings=True) as around:
        client = await around.client(-4)
        await sockets.recv_until_end(client.sock)
        await around.finished()

        (finish,) = around.events.of(mtglib.EventFinish)
        assert (finish.reason, finish.dc) == ("dc_unreachable", 4)


@pytest.mark.parametrize(("dc", "tag", "reason"), [(77, b"\xdd" * 4, "unknown_dc"), (2, b"\xee" * 4, "frame")])
async def test_client_that_is_closed_after_our_answer(relay: str, dc: int, tag: bytes, reason: str) -> None:
    async with stage(relay) as around:
        client = await around.client(dc, tag=tag)
        await sockets.recv_until_end(client.sock)
        await around.finished()

        assert [event.reason for event in around.events.of(mtglib.EventFinish)] == [reason]


async def test_client_whose_relay_is_over_ends_with_the_relays_reason(relay: str) -> None:
    async with stage(relay) as around:
        (await around.client()).close()
        await around.finished()

        (finish,) = around.events.of(mtglib.EventFinish)
        assert (finish.reason, finish.dc) == (await around.reason(), 2)


async def test_shutdown_ends_what_is_open_with_that_reason(relay: str) -> None:
    async with stage(relay) as around:
        client = await around.client()
        await client.send(b"x")
        await client.recv_exactly(1)
        await around.stranger()
        await around.events.seen(mtglib.EventStart, 2)
        await around.proxy.shutdown()

        assert [event.reason for event in around.events.of(mtglib.EventFinish)] == ["shutdown", "shutdown"]
