"""Connecting to a DC: its addresses in turn, within bounds."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.dc import DCAddress, DCChoice
from mtglib.dc_dialler import DCDialler
from mtglib.ground.guarded_logger import Warnings
from unit.recorders import said
from unit.scripted_dials import Answer, ScriptedNetwork, broken, connected, no_socket, refused, silent

CHOICE = DCChoice(2, 2, tuple(DCAddress(ip_address(f"192.0.2.{n}"), 443 + n) for n in range(1, 4)))


async def test_addresses_are_tried_in_their_order(warnings: Warnings) -> None:
    network = ScriptedNetwork(refused, refused, connected)

    sock, address = await DCDialler(network, 5.0, warnings).dial(CHOICE)

    with sock:
        assert address == CHOICE.addresses[2]
        assert [(host, port) for host, port, _ in network.dialled] == [
            ("192.0.2.1", 444),
            ("192.0.2.2", 445),
            ("192.0.2.3", 446),
        ]
        assert all(0 < timeout <= 5.0 for _, _, timeout in network.dialled)
        assert sock.gettimeout() == 0, "made non-blocking, also if the network forgot"


async def test_if_none_answers_the_error_names_all(warnings: Warnings, logger: RecordingLogger) -> None:
    network = ScriptedNetwork(refused, refused, refused)

    with pytest.raises(mtglib.UpstreamError) as caught:
        await DCDialler(network, 5.0, warnings).dial(CHOICE)

    failures = "; ".join(f"192.0.2.{n} port {443 + n}: refused" for n in (1, 2, 3))
    assert str(caught.value) == f"DC 2 can't be reached ({failures})"
    assert said(logger) == [("warning", str(caught.value))]


async def test_a_dc_out_of_reach_is_told_once_a_minute_for_each_number(
    warnings: Warnings, logger: RecordingLogger
) -> None:
    dialler = DCDialler(ScriptedNetwork(*[refused] * 9), 5.0, warnings)

    for dc in (2, 2, 5):
        with pytest.raises(mtglib.UpstreamError):
            await dialler.dial(DCChoice(dc, dc, CHOICE.addresses))

    assert [text.partition(" (")[0] for _, text in said(logger)] == ["DC 2 can't be reached", "DC 5 can't be reached"]


async def test_a_silent_address_costs_its_time_and_all_together_twice_that(warnings: Warnings) -> None:
    network = ScriptedNetwork(silent, silent, silent)

    with pytest.raises(mtglib.UpstreamError, match=r"DC 2 can't be reached \(192\.0\.2\.1 port 444: "):
        await DCDialler(network, 0.02, warnings).dial(CHOICE)

    assert len(network.dialled) <= 3
    assert sum(timeout for _, _, timeout in network.dialled) <= 0.04 + 1e-6


async def test_a_time_out_is_called_one(warnings: Warnings) -> None:
    network = ScriptedNetwork(silent, refused, refused)

    with pytest.raises(
        mtglib.UpstreamError, match=r"192\.0\.2\.1 port 444: no answer within 0\.02 s; 192\.0\.2\.2 port 445: refused"
    ):
        await DCDialler(network, 0.02, warnings).dial(CHOICE)


async def test_what_the_network_says_of_a_time_out_is_heard(warnings: Warnings) -> None:
    class Slow(ScriptedNetwork):
        async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
            try:
                async with asyncio.timeout(timeout_seconds):
                    return await super().dial(host, port, timeout_seconds=timeout_seconds)
            except TimeoutError:
                raise TimeoutError("the tunnel's far end is silent") from None

    with pytest.raises(mtglib.UpstreamError, match=r"444: the tunnel's far end is silent; .*: refused; .*: refused"):
        await DCDialler(Slow(silent, refused, refused), 0.02, warnings).dial(CHOICE)


async def test_after_a_time_out_the_next_address_is_tried(warnings: Warnings) -> None:
    network = ScriptedNetwork(silent, connected)

    sock, address = await DCDialler(network, 0.02, warnings).dial(CHOICE)

    sock.close()
    assert address == CHOICE.addresses[1]


@pytest.mark.parametrize(("misbehave", "kind"), [(broken, "ZeroDivisionError"), (no_socket, "TypeError")])
async def test_a_network_that_misbehaves_ends_the_stream(
    misbehave: Answer, kind: str, warnings: Warnings, logger: RecordingLogger
) -> None:
    network = ScriptedNetwork(misbehave, connected)

    with pytest.raises(mtglib.UpstreamError, match=rf"^ScriptedNetwork\.dial failed: {kind}$"):
        await DCDialler(network, 5.0, warnings).dial(CHOICE)

    assert len(network.dialled) == 1, "what isn't a refusal isn't tried elsewhere"
    assert said(logger) == [("warning", f"ScriptedNetwork.dial failed: {kind}")]
