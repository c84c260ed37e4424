"""The proxy is shut down, or a connection's task cancelled, while a relay is open."""

from __future__ import annotations

import asyncio

import pytest

from integration.event_rules import names, traffic
from integration.pair import Mode, pair, recv_exactly, recv_until_end
from integration.pour import Pour
from integration.stage import stage, tcp_pair
from support import sockets
from support.fake_dc import echo
from support.faketls_client import FakeTLSClient

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

REQUEST, ANSWER = b"a request", b"an answer"


async def test_without_anything_undelivered_it_is_a_fin(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        await ends.around.proxy.shutdown()

        assert await recv_until_end(ends.client) == sockets.Received(b"", "eof")
        assert await recv_until_end(ends.upstream) == sockets.Received(b"", "eof")


async def test_with_undelivered_uploads_it_is_a_reset(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        pour = Pour(ends.client)
        await pour.until_blocked()
        await ends.around.proxy.shutdown()

        assert await pour.was_reset()
        pour.check(await recv_until_end(ends.upstream), "reset")


async def test_with_undelivered_downloads_it_is_a_reset(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        pour = Pour(ends.upstream)
        await pour.until_blocked()
        await ends.around.proxy.shutdown()

        assert await pour.was_reset()
        # What comes first may stop inside a record, so it is read raw.
        assert (await sockets.recv_until_end(ends.client.sock)).ending == "reset"


async def test_all_traffic_is_told_before_the_finish(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        await ends.client.send(REQUEST)
        await ends.upstream.send(ANSWER)
        assert await recv_exactly(ends.upstream, len(REQUEST)) == REQUEST
        assert await recv_exactly(ends.client, len(ANSWER)) == ANSWER

        await ends.around.proxy.shutdown()

        expected = (ends.prelude_bytes + len(REQUEST), len(ANSWER))
        assert traffic(ends.around.events.events) == expected


async def test_uploads_in_pieces_are_counted_as_far_as_they_were_sent(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        pour = Pour(ends.client)
        await pour.until_blocked()
        reading = asyncio.create_task(recv_until_end(ends.upstream))
        await asyncio.sleep(0)
        await ends.around.proxy.shutdown()
        assert await pour.was_reset()

        # A reset may throw away what the kernel had, never more than was told.
        assert traffic(ends.around.events.events)[0] >= ends.prelude_bytes + len((await reading).data)


@pytest.mark.parametrize("turns", range(6))
async def test_end_and_shutdown_may_come_together(relay: str, mode: Mode, turns: int) -> None:
    """Whatever the relay is about to do at that moment: the stage checks descriptors and events afterwards."""
    async with pair(relay, mode) as ends:
        ends.client.send_eof()
        ends.upstream.send_eof()
        for _ in range(turns):
            await asyncio.sleep(0)
        await ends.around.proxy.shutdown()

        assert names(ends.around.events.events)[-1] == "Finish"


@pytest.mark.parametrize("turns", range(6))
async def test_reset_and_shutdown_may_come_together(relay: str, mode: Mode, turns: int) -> None:
    async with pair(relay, mode) as ends:
        ends.client.reset()
        for _ in range(turns):
            await asyncio.sleep(0)
        await ends.around.proxy.shutdown()

        assert names(ends.around.events.events)[-1] == "Finish"


@pytest.mark.parametrize("turns", range(1, 5))
async def test_two_shutdowns_wait_for_the_same_last_events(relay: str, mode: Mode, turns: int) -> None:
    async with pair(relay, mode) as ends:
        await ends.client.send(REQUEST)
        assert await recv_exactly(ends.upstream, len(REQUEST)) == REQUEST
        first = asyncio.create_task(ends.around.proxy.shutdown())
        for _ in range(turns):
            await asyncio.sleep(0)
        await ends.around.proxy.shutdown()
        await first

        assert traffic(ends.around.events.events) == (ends.prelude_bytes + len(REQUEST), 0)
        assert names(ends.around.events.events)[-1] == "Finish"


@pytest.mark.parametrize("cancels", [1, 2])
async def test_cancelled_serve_conn_closes_and_finishes(relay: str, cancels: int) -> None:
    async with stage(relay, handler=echo) as around:
        ours, theirs = await tcp_pair()
        serving = asyncio.create_task(around.proxy.serve_conn(theirs))
        client = FakeTLSClient(ours, around.secret)
        await client.handshake()
        await client.send(REQUEST)
        assert await client.recv_exactly(len(REQUEST)) == REQUEST

        for _ in range(cancels):
            serving.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await serving

        assert await client.recv_until_end() == sockets.Received(b"", "eof")
        assert names(await around.finished()) == ["Start", "ConnectedToDC", "Traffic", "Finish"]
        assert traffic(around.events.events) == (len(REQUEST), len(REQUEST))
        client.close()
