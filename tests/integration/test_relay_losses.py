"""One side of a relay is lost, whatever the other one is doing: it ends, and what came from the lost side arrives."""

from __future__ import annotations

import asyncio
import socket

import pytest

from integration.pair import RawEnd, recv_exactly, recv_until_end, together
from integration.pour import Pour, unacknowledged_bytes
from integration.relayed import engine, relayed, run, take
from mtglib.relay.choice import ChosenRelay
from support import sockets
from support.eventually import eventually
from support.pattern import Pattern

SIDES = pytest.mark.parametrize("lost", ["client", "upstream"])
LAST_WORDS = b"the last words"


def other(lost: str) -> str:
    """The side that lives."""
    return "upstream" if lost == "client" else "client"


@pytest.mark.parametrize("living_is", ["silent", "ended", "sending"])
@pytest.mark.parametrize("lost_has", ["said nothing", "spoken", "ended"])
@SIDES
async def test_living_side_is_reset_after_what_the_lost_one_sent(
    relay: str, lost: str, lost_has: str, living_is: str
) -> None:
    if lost_has == living_is == "ended":
        return  # that is an orderly end
    async with relayed(relay) as around:
        dead, living = around.end(lost), around.end(other(lost))
        last_words = b"" if lost_has == "said nothing" else LAST_WORDS
        await dead.send(last_words)
        pour = Pour(living) if living_is == "sending" else None
        if pour:
            await pour.until_blocked()
        elif living_is == "ended":
            living.send_eof()
        if lost_has == "ended":
            dead.send_eof()
            assert await recv_until_end(living) == sockets.Received(last_words, "eof")
            last_words = b""
        dead.reset()

        assert await around.reason() == f"{lost}_reset"
        was_reset = await pour.was_reset() if pour else False
        if lost_has == "ended":
            return  # what its end was followed by can't be read
        received = await recv_until_end(living)
        assert received.data == last_words
        assert was_reset or received.ending == "reset"


@pytest.mark.parametrize("living_is", ["silent", "sending"])
@SIDES
async def test_an_end_right_before_the_reset_is_carried_over(relay: str, lost: str, living_is: str) -> None:
    async with relayed(relay) as around:
        dead, living = around.end(lost), around.end(other(lost))
        pour = Pour(living) if living_is == "sending" else None
        if pour:
            await pour.until_blocked()
        dead.sock.send(LAST_WORDS)  # all of it before the relay has a turn
        dead.send_eof()
        dead.reset()

        assert await around.reason() == f"{lost}_reset"
        received = await recv_until_end(living)
        assert received.data == LAST_WORDS
        assert received.ending == "eof" or pour


@SIDES
async def test_both_are_lost_while_one_was_blocked(relay: str, lost: str) -> None:
    async with relayed(relay) as around:
        pour = Pour(around.end(lost))
        await pour.until_blocked()
        await pour.vanish()
        around.end(other(lost)).reset()

        assert await around.reason() in ("client_reset", "upstream_reset")


@SIDES
async def test_blocked_reader_that_goes_first_resets_its_sender(relay: str, lost: str) -> None:
    """What is blocked is watched, too: nobody sends to this one any more, and nobody reads from it."""
    async with relayed(relay) as around:
        pour = Pour(around.end(other(lost)))
        await pour.until_blocked()
        around.end(lost).reset()

        assert await pour.was_reset()
        assert await around.reason() == f"{lost}_reset"


@SIDES
async def test_both_directions_are_blocked_and_one_side_goes(relay: str, lost: str) -> None:
    async with relayed(relay) as around:
        up, down = Pour(around.client, 1), Pour(around.upstream, 2)
        await together(up.until_blocked(), down.until_blocked())
        gone, living = (up, down) if lost == "client" else (down, up)
        await gone.vanish()

        was_reset, received = await asyncio.gather(living.was_reset(), recv_until_end(living.end))
        assert was_reset or received.ending == "reset"  # the kernel tells only once
        Pattern(gone.seed).check(received.data)
        assert len(received.data) > 100_000
        assert await around.reason() == f"{lost}_reset"


@SIDES
async def test_living_side_that_sends_on_and_reads_late_gets_everything(relay: str, lost: str) -> None:
    """What it sends is read and thrown away: else it might never come to its own."""
    async with relayed(relay) as around:
        pour = Pour(around.end(lost))
        await pour.until_blocked()
        await pour.vanish()
        living = around.end(other(lost))

        await living.send(bytes(20_000_000))

        pour.check(await recv_until_end(living), "reset")
        assert await around.reason() == f"{lost}_reset"


@SIDES
async def test_what_is_left_for_one_that_takes_nothing_is_given_up(relay: str, lost: str) -> None:
    async with relayed(relay, delivery_timeout=0.05) as around:
        pour = Pour(around.end(lost))
        await pour.until_blocked()
        await pour.vanish()

        assert await around.reason() == f"{lost}_reset"
        assert around.told[-1][2] is (lost == "upstream")


@SIDES
async def test_one_that_takes_a_little_has_no_longer_than_the_idle_timeout(relay: str, lost: str) -> None:
    async with relayed(relay, idle_timeout=0.5, delivery_timeout=0.2) as around:
        pour = Pour(around.end(lost))
        await pour.until_blocked()
        await pour.vanish()
        while not around.running.done():
            take(around.end(other(lost)), 20_000)
            await asyncio.sleep(0.01)

        assert await around.reason() == f"{lost}_reset"


async def test_slow_reader_has_more_time_than_one_that_stops(relay: str) -> None:
    async with engine(relay) as relays:
        await together(*(check_that_a_slow_reader_gets_all(relays, lost) for lost in ("client", "upstream")))


async def check_that_a_slow_reader_gets_all(relays: ChosenRelay, lost: str) -> None:
    async with run(relays, delivery_timeout=1.0) as around:
        living = around.end(other(lost))
        pour = Pour(around.end(lost))
        await pour.until_blocked()
        await pour.vanish()
        got = bytearray()
        for _ in range(30):
            await asyncio.sleep(0.05)
            got += take(living, 8_000)

        rest = await recv_until_end(living)
        pour.check(sockets.Received(bytes(got) + rest.data, rest.ending), "reset")
        assert len(got) + len(rest.data) > 300_000


@pytest.mark.parametrize("attempt", range(10))
@pytest.mark.parametrize("sent_bytes", [20_000, 2_000_000])
async def test_last_words_of_a_site_that_closes_during_an_upload_arrive(
    relay: str, sent_bytes: int, attempt: int
) -> None:
    """It answers, and closes with unread bytes in its queue: its kernel sends a RST right behind the answer."""
    async with relayed(relay) as around:
        uploading = asyncio.create_task(around.client.send(bytes(sent_bytes)))
        assert await around.upstream.recv()
        for _ in range(attempt):
            await asyncio.sleep(0)
        around.upstream.sock.send(LAST_WORDS)
        around.upstream.close()

        # What the visitor hasn't sent by then makes no difference to what it gets.
        received = await recv_until_end(around.client)
        await asyncio.gather(uploading, return_exceptions=True)
        assert received.data == LAST_WORDS
        assert received.ending in ("reset", "eof")  # whether there was something unread just then, the site knows alone


async def test_last_words_longer_than_all_buffers_of_the_relay_arrive(relay: str) -> None:
    async with relayed(relay) as around:
        await around.client.send(b"a request")
        answer = Pattern(1).take(400_000)  # more, and a busy machine's kernels have no room for the rest
        await around.upstream.send(answer)
        await eventually(lambda: unacknowledged_bytes(around.upstream.sock) == 0)
        around.upstream.close()  # with the request unread

        assert await recv_until_end(around.client) == sockets.Received(answer, "reset")


async def test_reset_behind_an_end_is_carried_over_at_once(relay: str) -> None:
    """After the site's FIN, all that the visitor sends goes to the site, and its kernel's answer comes back."""
    async with relayed(relay) as around:
        around.upstream.close()
        assert await recv_until_end(around.client) == sockets.Received(b"", "eof")
        await around.client.send(b"x")

        assert await around.reason() == "upstream_reset"
        assert await Pour(around.client).was_reset()


async def test_what_has_come_meanwhile_goes_into_the_first_segment(relay: str) -> None:
    """A site that closes behind half of it would have sent a RST for the rest, and sends a FIN if that comes late."""
    async with relayed(relay, client_unread=b"a" * 16_384, client_waiting=b"b" * 4_000) as around:
        assert await recv_exactly(around.upstream, 20_384) == b"a" * 16_384 + b"b" * 4_000

        assert data_segments(around.upstream) == 1


def data_segments(end: RawEnd) -> int:
    """How many segments with bytes in them have come, of which loopback's have up to 64 KiB."""
    return int.from_bytes(end.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)[152:156], "little")
