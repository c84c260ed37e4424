"""Connecting to a DC whose addresses are of two families."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from typing import Any

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib import dc_dialler
from mtglib.dc import DCChoice
from mtglib.dc_dialler import DCDialler
from mtglib.ground.guarded_logger import Warnings
from support.timeless import timeless
from unit.recorders import said
from unit.scripted_dials import Answer, broken, connected, no_socket, refused, silent
from unit.two_families import BOTH, FOUR_A, FOUR_B, SIX_A, SIX_B, Fates, Timers


@timeless
async def test_a_silent_family_gets_the_other_one_beside_it(warnings: Warnings, logger: RecordingLogger) -> None:
    network = Fates({SIX_A: silent, FOUR_A: connected})

    sock, address = await DCDialler(network, 3600.0, warnings).dial(BOTH)

    with sock:
        assert address == FOUR_A
        assert network.hosts == [SIX_A.host, FOUR_A.host]
        assert network.cancelled == [SIX_A.host]
        assert sock.fileno() >= 0
    assert logger.messages == []


async def test_the_other_family_begins_after_a_quarter_of_a_second(warnings: Warnings, timers: Timers) -> None:
    """RFC 8305, section 8."""
    network = Fates({SIX_A: silent, FOUR_A: silent, SIX_B: connected, FOUR_B: silent})

    with (await DCDialler(network, 3600.0, warnings).dial(BOTH))[0]:
        assert timers.delays == [0.25, 0.25, 0.25]


async def test_addresses_of_one_family_are_tried_one_after_the_other(warnings: Warnings) -> None:
    network = Fates({SIX_A: silent, SIX_B: connected})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dc_dialler, "ATTEMPT_DELAY_SECONDS", 0.0)
        (await DCDialler(network, 0.05, warnings).dial(DCChoice(2, 2, (SIX_A, SIX_B))))[0].close()

    assert network.most_at_once == 1
    assert network.hosts == [SIX_A.host, SIX_B.host]


async def test_a_refusal_lets_the_other_family_begin_at_once(warnings: Warnings) -> None:
    network = Fates({SIX_A: refused, FOUR_A: connected})

    sock, address = await DCDialler(network, 3600.0, warnings).dial(BOTH)

    sock.close()
    assert address == FOUR_A
    assert network.hosts == [SIX_A.host, FOUR_A.host]


async def test_a_refusal_beside_a_silent_address_lets_the_next_one_begin_at_once(
    warnings: Warnings, timers: Timers
) -> None:
    timers.most = 1
    network = Fates({SIX_A: silent, FOUR_A: refused, SIX_B: refused, FOUR_B: connected})

    sock, address = await DCDialler(network, 3600.0, warnings).dial(BOTH)

    sock.close()
    assert address == FOUR_B


@timeless
async def test_an_address_that_fails_late_leaves_the_race_to_the_others(warnings: Warnings) -> None:
    four_may_connect = asyncio.Event()

    async def late_refusal() -> None:
        await asyncio.sleep(0.02)
        four_may_connect.set()
        raise ConnectionRefusedError("refused")

    async def after_that() -> socket.socket:
        await four_may_connect.wait()
        return await connected()

    network = Fates({SIX_A: late_refusal, FOUR_A: after_that, SIX_B: silent, FOUR_B: silent})
    sock, address = await DCDialler(network, 3600.0, warnings).dial(BOTH)

    sock.close()
    assert address == FOUR_A


async def test_of_two_beside_that_connect_at_once_one_is_closed(warnings: Warnings, timers: Timers) -> None:
    all_dialled = asyncio.Event()

    async def wait() -> socket.socket:
        await all_dialled.wait()
        return await connected()

    async def last() -> None:
        all_dialled.set()
        await silent()

    network = Fates({SIX_A: silent, FOUR_A: wait, SIX_B: wait, FOUR_B: last})
    sock, address = await DCDialler(network, 3600.0, warnings).dial(BOTH)

    with sock:
        assert address == FOUR_A
        assert [each.fileno() >= 0 for each in network.returned] == [True, False]


async def test_of_one_beside_and_the_first_that_connect_at_once_one_is_closed(
    warnings: Warnings, timers: Timers
) -> None:
    go = asyncio.Event()

    async def first() -> socket.socket:
        await go.wait()
        return await connected()

    async def second() -> socket.socket:
        asyncio.get_running_loop().call_soon(go.set)  # so that the first is ready before it can be cut short
        return await connected()

    timers.most = 1
    network = Fates({SIX_A: first, FOUR_A: second})
    sock, _ = await DCDialler(network, 3600.0, warnings).dial(BOTH)

    with sock:
        assert len(network.returned) == 2
        assert sorted(each.fileno() >= 0 for each in network.returned) == [False, True]
        assert sock.fileno() >= 0


async def test_one_that_connects_before_anybody_looks_is_closed(warnings: Warnings, timers: Timers) -> None:
    go = asyncio.Event()

    async def first() -> socket.socket:
        await go.wait()
        return await connected()

    async def second() -> socket.socket:
        go.set()
        return await connected()

    network = Fates({SIX_A: first, FOUR_A: second, SIX_B: silent, FOUR_B: silent})
    with (await DCDialler(network, 3600.0, warnings).dial(BOTH))[0]:
        await asyncio.sleep(0)
        assert [each.fileno() >= 0 for each in network.returned].count(True) == 1


async def test_a_network_that_raises_when_it_is_cut_short_does_not_hide_the_winner(
    warnings: Warnings, timers: Timers
) -> None:
    async def raise_at_the_end() -> None:
        try:
            await silent()
        except asyncio.CancelledError:
            raise ZeroDivisionError from None

    timers.most = 1
    sock, address = await DCDialler(Fates({SIX_A: raise_at_the_end, FOUR_A: connected}), 3600.0, warnings).dial(BOTH)

    sock.close()
    assert address == FOUR_A


@timeless
async def test_a_loser_that_connects_although_it_was_cancelled_is_closed(warnings: Warnings) -> None:
    cancelled, winner_may_connect, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def first() -> socket.socket:
        await winner_may_connect.wait()
        return await connected()

    async def stubborn() -> socket.socket:
        winner_may_connect.set()
        try:
            await silent()
        except asyncio.CancelledError:
            cancelled.set()
            await asyncio.sleep(0.01)
        ended.set()
        return await connected()

    network = Fates({SIX_A: first, FOUR_A: stubborn, SIX_B: silent, FOUR_B: silent})
    sock, address = await DCDialler(network, 3600.0, warnings).dial(BOTH)

    with sock:
        assert address == SIX_A
        assert not ended.is_set(), "nobody waits for it"
        await ended.wait()
        assert cancelled.is_set()
        while len(network.returned) < 2 or network.returned[1].fileno() >= 0:
            await asyncio.sleep(0)


@timeless
async def test_a_client_that_leaves_ends_all_attempts(warnings: Warnings) -> None:
    all_dialled = asyncio.Event()
    attempts = weakref.WeakSet[Any]()

    async def last() -> None:
        attempts.add(asyncio.current_task())
        all_dialled.set()
        await silent()

    network = Fates({SIX_A: silent, FOUR_A: silent, SIX_B: silent, FOUR_B: last})
    dialler = DCDialler(network, 3600.0, warnings)
    dialling = asyncio.create_task(dialler.dial(BOTH))
    await all_dialled.wait()
    dialling.cancel()

    with pytest.raises(asyncio.CancelledError):
        await dialling
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sorted(network.cancelled) == sorted(address.host for address in BOTH.addresses)
    gc.collect()
    assert not attempts, "the dialler keeps them until they are over, and no longer"


@timeless
@pytest.mark.parametrize(("misbehave", "kind"), [(broken, "ZeroDivisionError"), (no_socket, "TypeError")])
async def test_a_network_that_misbehaves_beside_another_attempt_ends_the_stream(
    misbehave: Answer, kind: str, warnings: Warnings, logger: RecordingLogger
) -> None:
    network = Fates({SIX_A: silent, FOUR_A: misbehave})

    with pytest.raises(mtglib.UpstreamError, match=rf"^Fates\.dial failed: {kind}$"):
        await DCDialler(network, 3600.0, warnings).dial(BOTH)

    assert said(logger) == [("warning", f"Fates.dial failed: {kind}")]
    assert network.cancelled == [SIX_A.host]


@timeless
async def test_all_attempts_one_after_the_other_have_twice_the_time_of_one(warnings: Warnings) -> None:
    network = Fates(dict.fromkeys(BOTH.addresses, silent))

    with pytest.raises(mtglib.UpstreamError, match=r"2001:db8::1 port 443: no .*; 192\.0\.2\.1 port 443: no answer"):
        await DCDialler(network, 0.02, warnings).dial(BOTH)

    assert network.hosts == [SIX_A.host, FOUR_A.host]
    assert sum(timeout for _, _, timeout in network.dialled) <= 0.04 + 1e-6


@timeless
async def test_all_attempts_side_by_side_have_twice_the_time_of_one(warnings: Warnings) -> None:
    ends_mono: list[float] = []

    class Noting(Fates):
        async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
            ends_mono.append(asyncio.get_running_loop().time() + timeout_seconds)
            return await super().dial(host, port, timeout_seconds=timeout_seconds)

    began_mono = asyncio.get_running_loop().time()
    with pytest.raises(mtglib.UpstreamError):
        await DCDialler(Noting(dict.fromkeys(BOTH.addresses, silent)), 5.0, warnings).dial(BOTH)

    assert len(ends_mono) == 4
    assert max(ends_mono) <= began_mono + 10.0 + 0.2, "the caller's own attempt was so much late, by what it is allowed"


@pytest.mark.usefixtures("at_once")
async def test_an_error_names_each_address_that_failed_side_by_side(warnings: Warnings) -> None:
    network = Fates({SIX_A: silent, FOUR_A: refused, SIX_B: refused, FOUR_B: refused})

    with pytest.raises(mtglib.UpstreamError) as caught:
        await DCDialler(network, 0.05, warnings).dial(BOTH)
    failures = [f"{address.host} port 443: refused" for address in (FOUR_A, SIX_B, FOUR_B)]
    late = "2001:db8::1 port 443: no answer within 0.05 s"
    assert str(caught.value) == f"DC 2 can't be reached ({'; '.join((*failures, late))})"


async def test_a_dial_that_succeeds_at_once_has_no_task_and_no_timer(
    warnings: Warnings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unexpected(*_: Any, **__: Any) -> Any:
        raise AssertionError("that costs each connection")

    monkeypatch.setattr(asyncio, "timeout", unexpected)
    monkeypatch.setattr(dc_dialler._Race, "_start_beside", unexpected)
    monkeypatch.setattr(dc_dialler._Race, "_start_timer", unexpected)
    monkeypatch.setattr(dc_dialler, "in_order", unexpected)

    (await DCDialler(Fates({SIX_A: connected}), 5.0, warnings).dial(BOTH))[0].close()
