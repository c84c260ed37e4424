"""Nothing has moved for the idle timeout, which is milliseconds here: what ends and how is checked, not when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest

import mtglib
from integration.pair import End, Mode, pair, recv_exactly, recv_until_end
from integration.pour import Pour
from integration.relayed import relayed
from support import sockets

ANSWER = b"an answer"


@dataclass(frozen=True)
class Idling:
    """The two peers of a connection that ends when nothing moves, and what waits for the reason of its end."""

    client: End
    upstream: End
    reason: Callable[[], Awaitable[str]]


@asynccontextmanager
async def idling(relay: str, mode: Mode, idle_timeout: float) -> AsyncIterator[Idling]:
    """Connect two ends. A raw connection is without a proxy, which would give it ten minutes."""
    if mode == "raw":
        async with relayed(relay, idle_timeout=idle_timeout) as alone:
            yield Idling(alone.client, alone.upstream, alone.reason)
    else:
        async with pair(relay, mode, idle_timeout=idle_timeout) as ends:
            yield Idling(ends.client, ends.upstream, ends.around.reason)


async def test_silence_ends_both_sides(relay: str, mode: Mode) -> None:
    async with idling(relay, mode, 0.05) as ends:
        assert await recv_until_end(ends.client) == sockets.Received(b"", "eof")
        assert await recv_until_end(ends.upstream) == sockets.Received(b"", "eof")
        assert await ends.reason() == "idle"


@pytest.mark.parametrize("half", ["client", "upstream"])
async def test_half_open_relay_is_ended(relay: str, mode: Mode, half: str) -> None:
    async with idling(relay, mode, 0.05) as ends:
        (ends.client if half == "client" else ends.upstream).send_eof()

        assert await recv_until_end(ends.client) == sockets.Received(b"", "eof")
        assert await recv_until_end(ends.upstream) == sockets.Received(b"", "eof")
        assert await ends.reason() == "idle"


async def test_client_that_never_reads_is_reset(relay: str, mode: Mode) -> None:
    async with idling(relay, mode, 0.1) as ends:
        pour = Pour(ends.upstream)

        assert await pour.was_reset()

        assert await ends.reason() == "idle"
        assert (await sockets.recv_until_end(ends.client.sock)).ending == "reset"


async def test_upstream_that_never_reads_is_reset(relay: str, mode: Mode) -> None:
    async with idling(relay, mode, 0.1) as ends:
        pour = Pour(ends.client)

        assert await pour.was_reset()

        assert await ends.reason() == "idle"
        pour.check(await recv_until_end(ends.upstream), "reset")


async def test_last_delivery_to_a_client_that_never_reads_is_ended(relay: str) -> None:
    async with pair(relay, "fast", idle_timeout=0.8) as ends:
        pour = Pour(ends.upstream)
        await pour.until_blocked()
        await pour.vanish()
        await ends.client.send(b"how the relay learns that upstream is gone")

        assert await ends.around.reason() == "upstream_reset"
        assert (await sockets.recv_until_end(ends.client.sock)).ending == "reset"


async def test_records_without_data_are_no_activity(relay: str) -> None:
    async with pair(relay, "fast", idle_timeout=0.1) as ends:
        while not ends.around.log.finished():
            with suppress(ConnectionResetError, BrokenPipeError):
                await ends.telegram.send_raw(b"\x17\x03\x03\x00\x00")
            await asyncio.sleep(0.005)

        assert await ends.around.reason() == "idle"


@pytest.mark.parametrize("direction", ["up", "down"])
async def test_activity_in_one_direction_keeps_both_open(relay: str, direction: str) -> None:
    async with pair(relay, "re-encrypted", idle_timeout=0.5) as ends:
        source, sink = (ends.client, ends.upstream) if direction == "up" else (ends.upstream, ends.client)
        for _ in range(75):
            await source.send(ANSWER)
            assert await recv_exactly(sink, len(ANSWER)) == ANSWER
            await asyncio.sleep(0.01)
        source.send_eof()
        sink.send_eof()

        assert await ends.around.reason() in ("client_eof", "upstream_eof")


async def test_fronted_relay_idles_for_ten_minutes_at_least(relay: str) -> None:
    async with pair(relay, "raw", idle_timeout=0.01) as ends:
        client = await ends.around.client()
        assert await client.recv_until_end() == sockets.Received(b"", "eof")
        assert await ends.around.reason() == "idle"

        # The other one is older, and goes on.
        await ends.client.send(b"still there")
        assert await recv_exactly(ends.upstream, 11) == b"still there"


async def test_silent_dc_is_ended_beside_fronted_connections_that_may_idle_for_longer(relay: str) -> None:
    async with pair(relay, "raw", idle_timeout=0.05, limit_seconds=8) as ends:
        for _ in range(16):  # enough for every thread of an engine to have one
            await ends.around.stranger(b"X")
        await ends.around.events.seen(mtglib.EventDomainFronting, 17)

        client = await ends.around.client()

        assert await client.recv_until_end() == sockets.Received(b"", "eof")
        assert await ends.around.reason() == "idle"
