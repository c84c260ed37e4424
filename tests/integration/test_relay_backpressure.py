"""Slow readers: they cost little memory and no time, and get everything in the end."""

from __future__ import annotations

import asyncio
import time

import pytest

from integration.held_memory import LIMIT_BYTES, held, watched
from integration.pair import DCEnd, End, Mode, Pair, pair, recv_exactly, recv_until_end, together
from integration.pour import Pour
from support.eventually import eventually
from support.pattern import Pattern
from support.slow_peers import SMALL_BUFFER_BYTES, drip

DIRECTIONS = pytest.mark.parametrize("direction", ["up", "down"])


def source_and_sink(ends: Pair, direction: str) -> tuple[End, End]:
    return (ends.client, ends.upstream) if direction == "up" else (ends.upstream, ends.client)


async def check_nothing_spins() -> None:
    """See that a tenth of a second in which nothing can move soon costs this process, all threads, next to no time."""
    used_seconds = 1.0
    while used_seconds > 0.005:  # what spins does so until the test's time is over
        before_seconds = time.process_time()
        await asyncio.sleep(0.1)
        used_seconds = time.process_time() - before_seconds


@DIRECTIONS
async def test_reader_that_stops_holds_a_bounded_rest_and_then_gets_all(relay: str, mode: Mode, direction: str) -> None:
    async with pair(relay, mode) as ends:
        source, sink = source_and_sink(ends, direction)
        pour = Pour(source)
        await pour.until_blocked()

        found = held(ends.around.proxy)
        assert 0 < found.now_bytes <= LIMIT_BYTES
        assert found.peak_bytes <= LIMIT_BYTES
        await check_nothing_spins()

        completing = asyncio.create_task(pour.complete())
        received = await recv_until_end(sink)
        pour.check(received, "eof")
        assert len(received.data) == await completing
        assert held(ends.around.proxy).now_bytes == 0


async def test_both_directions_may_be_blocked_at_once(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        up, down = Pour(ends.client, 1), Pour(ends.upstream, 2)
        await together(up.until_blocked(), down.until_blocked())

        found = held(ends.around.proxy)
        assert 0 < found.now_bytes <= 2 * LIMIT_BYTES
        assert 0 < found.peak_bytes <= LIMIT_BYTES
        await check_nothing_spins()

        completing = asyncio.gather(up.complete(), down.complete())
        uploaded, downloaded = await asyncio.gather(recv_until_end(ends.upstream), recv_until_end(ends.client))
        up.check(uploaded, "eof")
        down.check(downloaded, "eof")
        sent_bytes, answered_bytes = await completing
        assert (len(uploaded.data), len(downloaded.data)) == (sent_bytes, answered_bytes)
        await eventually(lambda: held(ends.around.proxy).now_bytes == 0)


@DIRECTIONS
async def test_one_direction_goes_on_beside_a_blocked_one(relay: str, mode: Mode, direction: str) -> None:
    async with pair(relay, mode) as ends:
        source, sink = source_and_sink(ends, direction)
        pour = Pour(source)
        await pour.until_blocked()

        for seed in range(3):
            data = Pattern(seed).take(50_000)
            await together(sink.send(data), check_received(source, data))

        await pour.vanish()


async def check_received(end: End, data: bytes) -> None:
    assert await recv_exactly(end, len(data)) == data


@DIRECTIONS
async def test_half_closed_relay_that_is_blocked_does_not_spin(relay: str, mode: Mode, direction: str) -> None:
    async with pair(relay, mode) as ends:
        source, sink = source_and_sink(ends, direction)
        sink.send_eof()
        pour = Pour(source)
        await pour.until_blocked()

        await check_nothing_spins()

        completing = asyncio.create_task(pour.complete())
        received = await recv_until_end(sink)
        pour.check(received, "eof")
        assert len(received.data) == await completing


@DIRECTIONS
async def test_dead_source_behind_a_blocked_reader_does_not_spin(relay: str, mode: Mode, direction: str) -> None:
    async with pair(relay, mode) as ends:
        source, sink = source_and_sink(ends, direction)
        pour = Pour(source)
        await pour.until_blocked()
        await pour.vanish()
        await sink.send(b"the relay learns from this that the source is dead")

        await check_nothing_spins()

        pour.check(await recv_until_end(sink), "reset")


async def test_idle_relay_does_not_spin(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        await ends.client.send(b"up")
        await ends.upstream.send(b"down")
        await together(check_received(ends.upstream, b"up"), check_received(ends.client, b"down"))

        await check_nothing_spins()


@DIRECTIONS
async def test_reader_of_a_few_bytes_at_a_time_never_costs_more(relay: str, mode: Mode, direction: str) -> None:
    total_bytes = 3_000_000
    async with pair(relay, mode, receive_buffer_bytes=SMALL_BUFFER_BYTES) as ends, watched(ends.around.proxy) as seen:
        source, sink = source_and_sink(ends, direction)
        sending = asyncio.create_task(source.send(Pattern(3).take(total_bytes)))

        await drip(lambda _max_bytes=0: sink.recv(), Pattern(3), total_bytes, step_bytes=4096, rounds=2)

        await sending
        assert seen.peak_bytes <= LIMIT_BYTES


async def test_many_blocked_connections_hold_their_share_and_no_more(relay: str) -> None:
    count = 20
    async with pair(relay, "fast") as ends:
        await asyncio.gather(*(ends.around.client() for _ in range(count)))
        pours = [Pour(DCEnd(connection)) for connection in ends.around.dc.connections]
        await together(*(pour.until_blocked() for pour in pours))

        found = held(ends.around.proxy)
        assert 0 < found.now_bytes <= (count + 1) * LIMIT_BYTES
        assert found.peak_bytes <= LIMIT_BYTES
        await check_nothing_spins()
        for pour in pours:
            await pour.vanish()
