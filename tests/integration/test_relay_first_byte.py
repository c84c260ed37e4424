"""How long upstream's first byte took: for visitors, that is how long the site did."""

from __future__ import annotations

import asyncio
import time

from integration.pair import recv_exactly
from integration.relayed import relayed


async def test_the_first_byte_counts_and_no_later_one(relay: str) -> None:
    began_mono = time.monotonic()
    async with relayed(relay, client_unread=b"hello", preamble=b"PROXY ") as around:
        assert await recv_exactly(around.upstream, 11) == b"PROXY hello"
        await around.upstream.send(b"first")
        assert await recv_exactly(around.client, 5) == b"first"
        answered_mono = time.monotonic()
        await around.client.send(b"more")
        assert await recv_exactly(around.upstream, 4) == b"more"
        await asyncio.sleep(0.02)
        await around.upstream.send(b"later")
        assert await recv_exactly(around.client, 5) == b"later"
        around.client.send_eof()
        around.upstream.send_eof()
        first_byte_seconds = (await around.running).first_byte_seconds

    assert first_byte_seconds is not None
    assert 0 < first_byte_seconds < answered_mono - began_mono


async def test_without_one_there_is_no_such_time(relay: str) -> None:
    async with relayed(relay, client_unread=b"hello") as around:
        around.upstream.send_eof()
        around.client.send_eof()

        assert (await around.running).first_byte_seconds is None
