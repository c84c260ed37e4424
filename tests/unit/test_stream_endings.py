"""How a connection ends, whatever it was at: why, with which line, and that nothing of it is left."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import mtglib
from integration.event_rules import names
from mtglib import Reason
from mtglib.relay.job import RelayResult
from support import sockets
from support.timeless import timeless
from support.tls_records import looks_like_alert
from unit.surroundings import DC, DC_IP, KeepingRelay, over, surroundings


@pytest.mark.parametrize(
    ("dc", "options", "reason"),
    [(77, {}, Reason.UNKNOWN_DC), (DC, {"tag": b"\xee" * 4}, Reason.FRAME)],
    ids=["unknown DC", "another transport"],
)
@timeless
async def test_who_wants_what_there_is_not_is_closed(dc: int, options: dict[str, Any], reason: Reason) -> None:
    async with surroundings() as around:
        visit = around.visit()
        client = around.client(visit, dc, **options)
        await client.send_hello()
        await client.receive_answer()
        await client.send_frame()

        await over(visit)
        assert looks_like_alert((await sockets.recv_until_end(visit.peer)).data)
        assert (around.network.dialled, around.reasons()) == ([], [reason])
        assert around.log.messages[-1].level == "info", "a client's end is told"


@timeless
async def test_a_client_without_a_frame_is_closed_in_time() -> None:
    async with surroundings(frame_timeout=7.0) as around:
        visit = around.visit()
        client = around.client(visit)
        await client.send_hello()
        await client.receive_answer()
        began_mono = asyncio.get_running_loop().time()

        await over(visit)
        assert asyncio.get_running_loop().time() - began_mono == pytest.approx(7.0)
        assert (around.network.dialled, around.reasons()) == ([], [Reason.TIMEOUT])


@timeless
async def test_a_dc_out_of_reach_ends_the_stream_and_is_a_warning() -> None:
    async with surroundings() as around:
        around.network.error = OSError("no route")
        visit = around.visit()
        client = around.client(visit)
        await client.send_hello()
        await client.send_frame()

        await over(visit)
        (finish,) = around.events.of(mtglib.EventFinish)
        assert (finish.reason, finish.dc) == (Reason.DC_UNREACHABLE, DC)
        assert around.log.warnings == [f"DC {DC} can't be reached ({DC_IP} port 443: no route)"]


@pytest.mark.parametrize("said", [b"GET", b"\x16"], ids=["at once", "while it is waited for"])
@timeless
async def test_a_site_out_of_reach_ends_the_stream_and_is_a_warning(said: bytes) -> None:
    async with surroundings() as around:
        around.network.error = OSError("no route")
        visit = around.visit()
        await sockets.send_all(visit.peer, said)

        await over(visit)
        assert around.reasons() == [Reason.FRONT_UNREACHABLE]
        assert around.log.warnings == ["the fronting site can't be reached: no route"]


@timeless
async def test_a_client_that_resets_while_its_dc_is_dialled_ends_the_dial() -> None:
    async with surroundings() as around:
        around.network.may_connect.clear()
        visit = around.visit()
        client = around.client(visit)
        await client.send_hello()
        await client.send_frame()
        while not around.network.dialled:
            await asyncio.sleep(0)
        sockets.close(visit.peer)  # with our answer unread, which is a reset

        await over(visit)
        assert around.network.cancelled == 1
        assert around.reasons() == [Reason.CLIENT_RESET]


@timeless
async def test_a_client_that_resets_within_its_handshake_is_gone() -> None:
    async with surroundings() as around:
        visit = around.visit()
        await around.client(visit).send_hello()
        while not visit.entry.user:
            await asyncio.sleep(0)
        sockets.close(visit.peer)

        await over(visit)
        assert around.reasons() == [Reason.CLIENT_RESET]
        assert around.log.warnings == []


@pytest.mark.parametrize("reason", [Reason.EVICTED, Reason.ENDED, Reason.SHUTDOWN, None])
@pytest.mark.parametrize("said", [b"", b"\x16", b"GET"], ids=["silent", "slow", "relayed"])
@timeless
async def test_a_stream_that_is_cancelled_says_why_and_leaves_nothing(said: bytes, reason: Reason | None) -> None:
    async with surroundings() as around:
        visit = around.visit()
        await sockets.send_all(visit.peer, said)
        far = await around.far_end() if said else None
        while not visit.entry.has_begun:
            await asyncio.sleep(0)
        if reason is None:
            visit.running.cancel()
        else:
            visit.entry.end(reason)

        await over(visit)
        assert visit.running.cancelled()
        assert around.reasons() == [reason or Reason.SHUTDOWN]
        if far is not None:
            assert (await sockets.recv_until_end(far)).data in (b"", said)


@timeless
async def test_a_stream_that_was_to_end_before_it_began_reads_nothing() -> None:
    async with surroundings() as around:
        visit = around.visit()
        visit.entry.end(Reason.EVICTED)
        visit.peer.send(b"GET / HTTP/1.1\r\n\r\n")

        await over(visit)
        assert visit.running.cancelled()
        assert names(around.events.events) == ["Start", "Finish"]
        assert (around.network.dialled, around.reasons()) == ([], [Reason.EVICTED])


class PanicError(BaseException):
    """As the engine's, which is no Exception."""


@pytest.mark.parametrize("kind", [ZeroDivisionError, PanicError])
@timeless
async def test_a_fault_of_ours_is_an_end_and_a_warning(kind: type[BaseException]) -> None:
    def fail() -> RelayResult:
        raise kind("at work")

    async with surroundings(relay=KeepingRelay(fail)) as around:
        visit = around.visit()
        visit.peer.send(b"GET")
        await around.far_end()

        await over(visit)
        assert visit.running.exception() is None
        assert around.reasons() == [Reason.ERROR]
        assert around.log.warnings == ["internal error in a connection"]
