"""Whole streams, bit for bit: bulk in both directions at once, and the client's records in every shape."""

from __future__ import annotations

import random

import pytest

from integration.event_rules import traffic
from integration.pair import End, Mode, Pair, TelegramEnd, pair, together
from integration.stage import stage
from support.pattern import Pattern

BULK_BYTES = {"native": 200_000_000, "pure": 20_000_000}
MAX_RECORD_BYTES = 16_640


async def send_in_random_chunks(end: End, seed: int, total_bytes: int) -> None:
    """Send ``Pattern(seed)`` and a FIN, in chunks of 1 byte to 1 MiB, a client in records of any size."""
    chance, pattern = random.Random(seed), Pattern(seed)
    while left := total_bytes - pattern.position_bytes:
        data = pattern.take(min(left, int(2 ** chance.uniform(0, 20))))
        if isinstance(end, TelegramEnd):
            sizes = [chance.randint(0, MAX_RECORD_BYTES) for _ in range(7)]
            await end.client.send(data, record_bytes=[*sizes, MAX_RECORD_BYTES])
        else:
            await end.send(data)
    end.send_eof()


async def check_pattern(end: End, seed: int, total_bytes: int) -> None:
    """Read to the FIN: the very bytes, none missing, none added."""
    pattern = Pattern(seed)
    while data := await end.recv():
        pattern.check(data)
    assert pattern.position_bytes == total_bytes


async def both_ways(ends: Pair, up_bytes: int, down_bytes: int) -> None:
    await together(
        send_in_random_chunks(ends.client, 1, up_bytes),
        send_in_random_chunks(ends.upstream, 2, down_bytes),
        check_pattern(ends.upstream, 1, up_bytes),
        check_pattern(ends.client, 2, down_bytes),
    )


async def test_bulk_both_ways_at_once(relay: str, mode: Mode) -> None:
    bulk_bytes = BULK_BYTES[relay]
    async with pair(relay, mode) as ends:
        await both_ways(ends, bulk_bytes, bulk_bytes)

        assert traffic(await ends.around.finished()) == (ends.prelude_bytes + bulk_bytes, bulk_bytes)


@pytest.mark.parametrize("sizes", [(50_000_000, 0), (0, 50_000_000)], ids=["up", "down"])
async def test_bulk_one_way(relay: str, mode: Mode, sizes: tuple[int, int]) -> None:
    up_bytes, down_bytes = sizes if relay == "native" else (sizes[0] // 10, sizes[1] // 10)
    async with pair(relay, mode) as ends:
        await both_ways(ends, up_bytes, down_bytes)

        assert traffic(await ends.around.finished()) == (ends.prelude_bytes + up_bytes, down_bytes)


@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
async def test_some_megabytes_in_each_loop(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        await both_ways(ends, 5_000_000, 5_000_000)


async def test_small_buffers_everywhere_change_nothing(relay: str, mode: Mode) -> None:
    async with pair(relay, mode, receive_buffer_bytes=4096) as ends:
        await both_ways(ends, 1_000_000, 1_000_000)


@pytest.mark.parametrize("fast_mode", [True, False])
async def test_dc_is_given_the_clients_keys_in_fast_mode_alone(relay: str, fast_mode: bool) -> None:
    async with stage(relay, fast_mode=fast_mode) as around:
        client = await around.client()
        keys = client.frame.down_key_iv

        frame = (await around.dc.connection()).raw_frame

        assert (frame[8:56][::-1] == keys.key + keys.iv) is fast_mode


async def test_downloads_come_in_records_that_clients_take(relay: str, mode: Mode) -> None:
    if mode == "raw":
        return
    async with pair(relay, mode) as ends:
        await together(ends.upstream.send(Pattern(1).take(2_000_000)), ends.telegram.recv_exactly(2_000_000))

        records = ends.telegram.received_records
        assert sum(records) == 2_000_000
        assert 0 < min(records) <= max(records) <= 16_401
