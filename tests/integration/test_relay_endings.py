"""How a relay ends because of its peers: every way, from both sides, over each relay and in each mode."""

from __future__ import annotations

import asyncio

import pytest

from integration.event_rules import traffic
from integration.pair import Mode, drip_until_end, pair, recv_exactly, recv_until_end
from integration.pour import Pour, unacknowledged_bytes
from support import sockets
from support.eventually import eventually
from support.pattern import Pattern
from support.slow_peers import SMALL_BUFFER_BYTES

both_loops = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

REQUEST, ANSWER = b"a request", b"an answer"
BULK_BYTES = 3_000_000


@both_loops
async def test_clients_end_is_carried_over_and_downloads_go_on(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        await ends.client.send(REQUEST)
        ends.client.send_eof()
        assert await recv_until_end(ends.upstream) == sockets.Received(REQUEST, "eof")

        sending = asyncio.create_task(ends.upstream.send(Pattern(1).take(BULK_BYTES)))
        sending.add_done_callback(lambda _: ends.upstream.send_eof())

        assert await recv_until_end(ends.client) == sockets.Received(Pattern(1).take(BULK_BYTES), "eof")
        assert await ends.around.reason() == "client_eof"
        await sending


@both_loops
async def test_upstreams_end_is_carried_over_and_uploads_go_on(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        await ends.upstream.send(ANSWER)
        ends.upstream.send_eof()
        assert await recv_until_end(ends.client) == sockets.Received(ANSWER, "eof")

        sending = asyncio.create_task(ends.client.send(Pattern(1).take(BULK_BYTES)))
        sending.add_done_callback(lambda _: ends.client.send_eof())

        assert await recv_until_end(ends.upstream) == sockets.Received(Pattern(1).take(BULK_BYTES), "eof")
        assert await ends.around.reason() == "upstream_eof"
        await sending


@pytest.mark.parametrize("direction", ["up", "down"])
async def test_everything_behind_a_slow_reader_comes_before_the_end(relay: str, mode: Mode, direction: str) -> None:
    async with pair(relay, mode) as ends:
        source, sink = (ends.client, ends.upstream) if direction == "up" else (ends.upstream, ends.client)
        pour = Pour(source)
        await pour.until_blocked()
        completing = asyncio.create_task(pour.complete())

        received = await recv_until_end(sink)

        pour.check(received, "eof")
        assert len(received.data) == await completing
        sink.close()
        assert await ends.around.reason() == ("client_eof" if direction == "up" else "upstream_eof")


@both_loops
async def test_both_ends_at_once_are_one_orderly_end(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        ends.client.send_eof()
        ends.upstream.send_eof()

        assert await recv_until_end(ends.client) == sockets.Received(b"", "eof")
        assert await recv_until_end(ends.upstream) == sockets.Received(b"", "eof")
        assert await ends.around.reason() in ("client_eof", "upstream_eof")


@both_loops
async def test_client_that_vanishes_resets_upstream(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        await ends.client.send(REQUEST)
        assert await recv_exactly(ends.upstream, len(REQUEST)) == REQUEST
        ends.client.reset()

        assert await recv_until_end(ends.upstream) == sockets.Received(b"", "reset")
        assert await ends.around.reason() == "client_reset"


@both_loops
async def test_upstream_that_vanishes_resets_the_client(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        await ends.upstream.send(ANSWER)
        assert await recv_exactly(ends.client, len(ANSWER)) == ANSWER
        ends.upstream.reset()

        assert await recv_until_end(ends.client) == sockets.Received(b"", "reset")
        assert await ends.around.reason() == "upstream_reset"


async def test_what_was_read_from_a_client_that_vanished_is_delivered(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        pour = Pour(ends.client)
        await pour.until_blocked()
        await pour.vanish()

        received = await recv_until_end(ends.upstream)

        pour.check(received, "reset")
        assert traffic(await ends.around.finished()) == (ends.prelude_bytes + len(received.data), 0)
        assert await ends.around.reason() == "client_reset"


async def test_what_was_read_from_an_upstream_that_vanished_is_delivered(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        pour = Pour(ends.upstream)
        await pour.until_blocked()
        await pour.vanish()

        received = await recv_until_end(ends.client)

        pour.check(received, "reset")
        assert traffic(await ends.around.finished()) == (ends.prelude_bytes, len(received.data))
        assert await ends.around.reason() == "upstream_reset"


async def test_rest_for_a_client_with_little_room_comes_before_the_reset(relay: str, mode: Mode) -> None:
    """A reset throws away what the kernel still has: the relay has to wait until the peer's kernel has all."""
    async with pair(relay, mode, receive_buffer_bytes=SMALL_BUFFER_BYTES) as ends:
        await ends.upstream.send(Pattern(1).take(100_000))
        await eventually(lambda: unacknowledged_bytes(ends.upstream.sock) == 0)
        ends.upstream.reset()
        await ends.client.send(REQUEST)  # so that the relay learns of it soon

        received = await drip_until_end(ends.client)

        Pattern(1).check(received.data)
        assert traffic(await ends.around.finished())[1] == len(received.data) > SMALL_BUFFER_BYTES
        assert received.ending == "reset"


@both_loops
async def test_dead_client_found_by_a_download_gets_its_uploads_delivered(relay: str, mode: Mode) -> None:
    """While uploads wait nothing is read from the client: it takes a write to learn that it is gone."""
    async with pair(relay, mode) as ends:
        pour = Pour(ends.client)
        await pour.until_blocked()
        await pour.vanish()
        await ends.upstream.send(ANSWER)

        received = await recv_until_end(ends.upstream)

        pour.check(received, "reset")
        assert traffic(await ends.around.finished())[0] == ends.prelude_bytes + len(received.data)
        assert await ends.around.reason() == "client_reset"


async def test_dead_upstream_found_by_an_upload_gets_its_downloads_delivered(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        pour = Pour(ends.upstream)
        await pour.until_blocked()
        await pour.vanish()
        await ends.client.send(REQUEST)

        received = await recv_until_end(ends.client)

        pour.check(received, "reset")
        assert traffic(await ends.around.finished())[1] == len(received.data)
        assert await ends.around.reason() == "upstream_reset"


async def test_both_vanish_while_bytes_wait(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        pour = Pour(ends.upstream)
        await pour.until_blocked()
        await pour.vanish()
        ends.client.reset()

        assert await ends.around.reason() in ("upstream_reset", "client_reset")


async def test_upload_to_an_upstream_that_is_gone_resets_the_client(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        ends.upstream.close()
        assert await recv_until_end(ends.client) == sockets.Received(b"", "eof")

        assert await Pour(ends.client).was_reset()

        assert await ends.around.reason() == "upstream_reset"


async def test_download_to_a_client_that_is_gone_resets_upstream(relay: str, mode: Mode) -> None:
    async with pair(relay, mode) as ends:
        ends.client.close()
        assert await recv_until_end(ends.upstream) == sockets.Received(b"", "eof")

        assert await Pour(ends.upstream).was_reset()

        assert await ends.around.reason() == "client_reset"
