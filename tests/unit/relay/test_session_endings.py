"""When a job of the pure relay is over, and why: silence, half-closes, and sides that are lost."""

from __future__ import annotations

import asyncio

import pytest

from integration.stage import tcp_pair
from mtglib import Reason
from mtglib.relay.job import RelayResult
from support import sockets
from support.timeless import timeless
from unit.relay.one_job import fill, now, running

GRID_SECONDS = 0.02
"""What timers, which ring at points of a grid, may be late by."""


@timeless
async def test_silence_ends_it_and_each_byte_puts_that_off() -> None:
    async with running(idle_timeout=100.0) as job:
        await asyncio.sleep(60)
        await sockets.send_all(job.client, b"x")
        await sockets.recv_exactly(job.upstream, 1)
        taken_mono = now()

        assert await job.result() == RelayResult(1, 0, Reason.IDLE)
        assert 100.0 <= now() - taken_mono < 100.0 + GRID_SECONDS


@timeless
async def test_a_byte_that_is_not_taken_puts_nothing_off() -> None:
    async with running(idle_timeout=100.0) as job:
        began_mono = now()
        await fill(job.client)
        await asyncio.sleep(60)
        await fill(job.client)

        assert (await job.result()).reason is Reason.IDLE
        assert now() - began_mono < 100.0 + GRID_SECONDS


@timeless
async def test_after_upstreams_end_a_silent_client_has_less_time() -> None:
    async with running(idle_timeout=100.0, half_closed_timeout=7.0) as job:
        sockets.send_eof(job.upstream)
        await sockets.recv_until_end(job.client)
        began_mono = now()

        assert (await job.result()).reason is Reason.IDLE
        assert 7.0 <= now() - began_mono < 7.0 + GRID_SECONDS


@timeless
async def test_after_upstreams_end_a_byte_that_upstream_takes_puts_it_off() -> None:
    async with running(idle_timeout=100.0, half_closed_timeout=7.0) as job:
        sockets.send_eof(job.upstream)
        await sockets.recv_until_end(job.client)
        await asyncio.sleep(5)
        await sockets.send_all(job.client, b"x")
        await sockets.recv_exactly(job.upstream, 1)
        taken_mono = now()

        assert (await job.result()).reason is Reason.IDLE
        assert 7.0 <= now() - taken_mono < 7.0 + GRID_SECONDS


@timeless
async def test_upstreams_end_is_seen_behind_bytes_that_the_client_does_not_take() -> None:
    async with running(idle_timeout=100.0, half_closed_timeout=7.0) as job:
        await fill(job.upstream)
        began_mono = now()
        sockets.send_eof(job.upstream)

        assert (await job.result()).reason is Reason.IDLE
        assert 7.0 <= now() - began_mono < 7.0 + 2.5, "looks come late by two seconds at most"
        assert job.told[-1][2]


@timeless
async def test_without_such_a_bound_upstreams_end_shortens_nothing() -> None:
    async with running(idle_timeout=100.0) as job:
        began_mono = now()
        sockets.send_eof(job.upstream)

        assert (await job.result()).reason is Reason.IDLE
        assert 100.0 <= now() - began_mono < 100.0 + GRID_SECONDS


@pytest.mark.parametrize("taken_bytes", [0, 1 << 16])
@timeless
async def test_a_peer_that_takes_nothing_of_what_a_lost_one_left_has_only_so_much_time(taken_bytes: int) -> None:
    async with running(idle_timeout=100.0, delivery_timeout=30.0) as job:
        await fill(job.upstream)
        job.client.send(b"never read by upstream")
        await asyncio.sleep(0)
        sockets.close(job.upstream)  # with something unread, which is a reset
        began_mono = now()
        await asyncio.sleep(20)
        if taken_bytes:
            await sockets.recv_exactly(job.client, taken_bytes)

        assert (await job.result()).reason is Reason.UPSTREAM_RESET
        wanted_seconds = 50.0 if taken_bytes else 30.0
        assert wanted_seconds - 3 <= now() - began_mono <= wanted_seconds + 3, "looks come late by two seconds at most"


@timeless
async def test_a_peer_that_took_nothing_for_so_long_before_gets_no_more_time() -> None:
    async with running(idle_timeout=100.0, delivery_timeout=30.0) as job:
        await fill(job.upstream)
        job.client.send(b"never read by upstream")
        await asyncio.sleep(30)
        sockets.close(job.upstream)
        began_mono = now()

        assert (await job.result()).reason is Reason.UPSTREAM_RESET
        assert now() == began_mono


@timeless
async def test_what_a_lost_one_left_is_delivered_within_the_idle_time_however_slowly_it_is_taken() -> None:
    async with running(idle_timeout=100.0, delivery_timeout=30.0) as job:
        await fill(job.upstream)
        job.client.send(b"never read by upstream")
        await asyncio.sleep(0)
        sockets.close(job.upstream)
        began_mono = now()
        while not job.task.done():
            job.client.recv(1 << 16)
            await asyncio.wait([job.task], timeout=25)

        assert 100.0 <= now() - began_mono < 103.0


@timeless
async def test_when_the_other_side_is_lost_too_nothing_is_waited_for() -> None:
    async with running() as job:
        await fill(job.upstream)
        job.client.send(b"never read by upstream")
        await asyncio.sleep(0)
        sockets.close(job.upstream)
        await asyncio.sleep(1)
        began_mono = now()
        sockets.close(job.client)

        assert (await job.result()).reason is Reason.UPSTREAM_RESET, "the first one's"
        assert now() - began_mono < 1.0


async def test_who_ends_its_side_and_then_resets_has_ended_it() -> None:
    async with running(tcp_pair) as job:
        await sockets.send_all(job.upstream, b"the answer")
        sockets.send_eof(job.upstream)
        sockets.reset(job.upstream)

        assert await sockets.recv_until_end(job.client) == sockets.Received(b"the answer", "eof")
        assert (await job.result()).reason is Reason.UPSTREAM_RESET


@timeless
async def test_what_the_living_side_sends_is_thrown_away_so_that_it_can_go_on() -> None:
    async with running() as job:
        filled = await fill(job.upstream)
        job.client.send(b"never read by upstream")
        await asyncio.sleep(0)
        sockets.close(job.upstream)
        await sockets.send_all(job.client, bytes(4 << 20))  # more than fits anywhere
        received = await sockets.recv_until_end(job.client)

        assert len(received.data) == filled, "all that came from the lost side is delivered"
        assert (await job.result()).reason is Reason.UPSTREAM_RESET


async def test_a_reset_is_carried_over_after_what_came_before_it() -> None:
    async with running(tcp_pair) as job:
        await sockets.send_all(job.client, b"last words")
        await sockets.recv_exactly(job.upstream, 10)
        sockets.reset(job.client)

        assert await sockets.recv_until_end(job.upstream) == sockets.Received(b"", "reset")
        assert await job.result() == RelayResult(10, 0, Reason.CLIENT_RESET)


async def test_a_lost_upstream_has_ended_its_side() -> None:
    async with running(tcp_pair) as job:
        await sockets.send_all(job.upstream, b"the answer")
        await sockets.recv_exactly(job.client, 10)
        sockets.reset(job.upstream)

        assert await sockets.recv_until_end(job.client) == sockets.Received(b"", "reset")
        assert await job.result() == RelayResult(0, 10, Reason.UPSTREAM_RESET)
        assert job.told[-1][2], "a lost upstream has ended"
