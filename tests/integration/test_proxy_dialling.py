"""How a DC is reached: which of its addresses, in which order, for how long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import mtglib
from integration.event_rules import names
from integration.routed_network import RoutedNetwork
from integration.stage import stage
from support import sockets
from support.timeless import timeless

FOUR_A, FOUR_B = ("192.0.2.1", 1001), ("192.0.2.2", 1002)
SIX_A, SIX_B = ("2001:db8::1", 2001), ("2001:db8::2", 2002)
FOURS, SIXES = {FOUR_A, FOUR_B}, {SIX_A, SIX_B}
ALL = [FOUR_A, SIX_A, FOUR_B, SIX_B]
OVERRIDES = {2: ["192.0.2.1:1001", "[2001:db8::1]:2001", "192.0.2.2:1002", "[2001:db8::2]:2002"]}


async def dialled(relay: str, network: RoutedNetwork, dc: int = 2, **changes: Any) -> Sequence[tuple[str, int]]:
    """Ask for a DC of which no address works; return which were tried."""
    async with stage(relay, network=network, warnings=True, **({"dc_overrides": OVERRIDES} | changes)) as around:
        client = await around.client(dc)
        assert await client.recv_until_end() == sockets.Received(b"", "eof")
        assert names(await around.finished()) == ["Start", "Finish"]
        return network.addresses


@pytest.mark.parametrize(
    ("prefer_ip", "order"),
    [
        ("prefer-ipv4", [FOURS, SIXES, FOURS, SIXES]),
        ("prefer-ipv6", [SIXES, FOURS, SIXES, FOURS]),
        ("only-ipv4", [FOURS, FOURS]),
        ("only-ipv6", [SIXES, SIXES]),
    ],
)
async def test_every_address_is_tried_in_the_preferred_order(
    relay: str, prefer_ip: str, order: list[set[tuple[str, int]]]
) -> None:
    tried = list(await dialled(relay, RoutedNetwork(), prefer_ip=prefer_ip))

    assert len(set(tried)) == len(tried) == len(order)
    assert all(address in family for address, family in zip(tried, order, strict=True))


async def test_addresses_of_a_family_take_turns() -> None:
    firsts = {(await dialled("pure", RoutedNetwork(), prefer_ip="only-ipv4"))[0] for _ in range(40)}

    assert firsts == {FOUR_A, FOUR_B}


@pytest.mark.parametrize("failure", [ConnectionRefusedError("no"), TimeoutError(), OSError(113, "no route")], ids=repr)
async def test_last_address_may_be_the_one_that_works(relay: str, failure: Exception) -> None:
    network = RoutedNetwork()
    async with stage(relay, network=network, dc_overrides=OVERRIDES, prefer_ip="prefer-ipv6") as around:
        network.routes = dict.fromkeys(ALL, failure)
        network.on_dial = lambda: _let_the_fourth_through(network, around.dc.port)
        client = await around.client()
        await client.send(b"in")
        assert await client.recv_exactly(2) == b"in"

        assert set(network.addresses) == set(ALL)
        (connected,) = around.events.of(mtglib.EventConnectedToDC)
        assert (str(connected.remote_ip), connected.dc) == (network.addresses[-1][0], 2)
        assert len(network.addresses) == 4


def _let_the_fourth_through(network: RoutedNetwork, port: int) -> None:
    if len(network.addresses) == 4:
        network.routes = {network.addresses[3]: ("127.0.0.1", port)}


async def test_a_family_that_leads_nowhere_costs_no_dial_time_out(relay: str) -> None:
    network = RoutedNetwork()
    overrides = {2: ["192.0.2.1:1001", "[2001:db8::1]:2001"]}
    async with stage(relay, network=network, dc_overrides=overrides, dial_timeout=3600, frame_timeout=3600) as around:
        network.routes = {SIX_A: None, FOUR_A: ("127.0.0.1", around.dc.port)}
        for _ in range(2):
            client = await around.client()
            await client.send(b"in")
            assert await client.recv_exactly(2) == b"in"

        assert network.addresses == [SIX_A, FOUR_A, FOUR_A], "the second client begins with what has answered"


@timeless
async def test_address_that_hangs_is_left_for_the_next() -> None:
    network = RoutedNetwork()
    async with stage("pure", network=network, dc_overrides=OVERRIDES, dial_timeout=0.2) as around:
        network.routes = dict.fromkeys(ALL)
        client = await around.client_before_hello()
        network.on_dial = lambda: _let_the_second_through(network, around.dc.port)
        await client.handshake()
        await client.send(b"in")

        assert await client.recv_exactly(2) == b"in"
        assert len(network.addresses) == 2


def _let_the_second_through(network: RoutedNetwork, port: int) -> None:
    if len(network.addresses) == 2:
        network.routes = {network.addresses[1]: ("127.0.0.1", port)}


async def test_all_addresses_together_have_twice_the_time_of_one(relay: str) -> None:
    network = RoutedNetwork(dict.fromkeys(ALL))

    tried = await dialled(relay, network, dial_timeout=0.05)

    assert len(tried) == 2
    assert [call.timeout_seconds <= 0.05 for call in network.dialled] == [True, True]


@pytest.mark.parametrize(
    ("dc", "prefer_ip", "addresses"),
    [
        (1, "only-ipv4", {("149.154.175.50", 443)}),
        (2, "only-ipv4", {("149.154.167.51", 443), ("95.161.76.100", 443)}),
        (-4, "only-ipv6", {("2001:67c:4e8:f004::a", 443)}),
        (203, "prefer-ipv4", {("91.105.192.100", 443), ("2a0a:f280:203:a:5000::100", 443)}),
        (0, "only-ipv6", {("2001:67c:4e8:f002::a", 443)}),
        (10_002, "only-ipv4", {("149.154.167.40", 443)}),
        (-10_003, "only-ipv6", {("2001:b28:f23d:f003::e", 443)}),
    ],
)
async def test_built_in_addresses_are_used_where_nothing_overrides_them(
    relay: str, dc: int, prefer_ip: str, addresses: set[tuple[str, int]]
) -> None:
    tried = await dialled(relay, RoutedNetwork(), dc, dc_overrides={}, prefer_ip=prefer_ip, use_test_dcs=True)

    assert set(tried) == addresses
    assert len(tried) == len(addresses)


async def test_dc_that_cannot_be_reached_is_told_in_the_log(relay: str) -> None:
    network = RoutedNetwork()
    async with stage(relay, network=network, warnings=True, dc_overrides=OVERRIDES) as around:
        client = await around.client()
        await client.recv_until_end()
        await around.finished()

        assert "DC 2 can't be reached" in around.log.everything()
        assert "192.0.2.1 port 1001: no route to" in around.log.everything()
        assert [message.text.partition(" (")[0] for message in around.log.messages if message.level == "warning"] == [
            "DC 2 can't be reached"
        ]
