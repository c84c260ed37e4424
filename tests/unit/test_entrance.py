"""Who may come in: lists and limits, before a byte is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any

import pytest

import mtglib
from mtglib import Reason
from mtglib.entrance import Entrance
from mtglib.roster import Entry, Roster
from support.timeless import timeless
from unit.recorders import Broken
from unit.surroundings import CLIENT_IP, Surroundings, surroundings, visitor

NOW_UNIX = 1_700_000_000.0


class Listed:
    """A list of these addresses."""

    def __init__(self, *ips: str) -> None:
        self._ips = {ip_address(ip) for ip in ips}

    def contains(self, ip: object) -> bool:
        return ip in self._ips

    async def run(self, update_each_seconds: float) -> None:
        return None

    async def shutdown(self) -> None:
        return None


@asynccontextmanager
async def entrance(
    concurrency: int = 10, visitors: int = 10, per_network: int = 10, **changes: Any
) -> AsyncIterator[tuple[Entrance, Roster, Surroundings]]:
    """An entrance, a roster with these limits, and where refusals are told; `changes` are ProxyOpts' attributes."""
    async with surroundings(clock=lambda: NOW_UNIX, concurrency=concurrency, **changes) as around:
        roster, shared, opts = Roster(concurrency, visitors, per_network), around.shared, around.generation.opts
        made = Entrance(opts, roster, shared.visitor_log, shared.events, shared.logger, shared.warnings)
        yield made, roster, around


def come(roster: Roster, *names: str, client: bool = False) -> list[Entry]:
    entries = [Entry(name, visitor(), 0.0) for name in names]
    for entry in entries:
        roster.add(entry)
        if client:
            roster.authenticated(entry)
    return entries


def kinds(events: Iterable[mtglib.Event]) -> list[str]:
    return [type(event).__name__ for event in events]


BROKEN: Any = Broken()


@pytest.mark.parametrize(
    ("lists", "admitted", "is_block_list"),
    [
        ({}, True, None),
        ({"ip_blocklist": Listed("192.0.2.1")}, True, None),
        ({"ip_blocklist": Listed(CLIENT_IP)}, False, True),
        ({"ip_allowlist": Listed(CLIENT_IP)}, True, None),
        ({"ip_allowlist": Listed("192.0.2.1")}, False, False),
        ({"ip_allowlist": Listed(CLIENT_IP), "ip_blocklist": Listed(CLIENT_IP)}, False, True),
        ({"ip_allowlist": Listed(), "ip_blocklist": Listed(CLIENT_IP)}, False, False),
        ({"ip_blocklist": BROKEN}, False, True),
        ({"ip_allowlist": BROKEN}, False, False),
    ],
)
@timeless
async def test_a_list_that_says_no_or_nothing_keeps_somebody_out(
    lists: dict[str, Any], admitted: bool, is_block_list: bool | None
) -> None:
    async with entrance(**lists) as (door, _, around):
        assert door.admits(visitor()) is admitted

        events = around.events.of(mtglib.EventIPBlocklisted)
        assert [(event.is_block_list, event.timestamp) for event in events] == (
            [] if admitted else [(is_block_list, NOW_UNIX)]
        )
        assert [str(event.remote_ip) for event in events] == ([] if admitted else [CLIENT_IP])
        said = [message for message in around.log.messages if message.level == "debug"]
        why = "refused: on the blocklist" if is_block_list else "refused: not on the allowlist"
        assert [message.text for message in said] == ([] if admitted else [why])
        assert all(message.fields["client_ip"] == CLIENT_IP for message in said)
        assert bool(around.log.warnings) is (BROKEN in lists.values())


@timeless
async def test_lists_have_nothing_to_say_about_who_has_no_address() -> None:
    async with entrance(ip_blocklist=BROKEN, ip_allowlist=Listed()) as (door, _, around):
        assert door.admits(visitor(None))
        assert around.log.messages == []


@timeless
async def test_who_is_refused_by_a_list_makes_nobody_go() -> None:
    async with entrance(1, 1, ip_blocklist=Listed(CLIENT_IP)) as (door, roster, around):
        (there,) = come(roster, "there")

        assert not door.admits(visitor())
        assert there.end_reason is None
        assert kinds(around.events.events) == ["EventIPBlocklisted"]


@timeless
async def test_where_it_is_full_a_visitor_makes_room_and_is_counted() -> None:
    async with entrance(2, 2) as (door, roster, around):
        first, second = come(roster, "first", "second")

        assert door.admits(visitor("192.0.2.9"))
        assert (first.end_reason, second.end_reason) == (Reason.EVICTED, None)
        assert roster.counted == 1
        around.shared.visitor_log.close()
        assert around.log.messages[-1].fields["evicted"] == 1
        assert around.events.events == []


@timeless
async def test_where_clients_fill_it_nobody_comes_in_and_that_is_told() -> None:
    async with entrance(2, 2) as (door, roster, around):
        clients = come(roster, "one", "other", client=True)
        for _ in range(3):
            assert not door.admits(visitor())

        assert [client.end_reason for client in clients] == [None, None]
        assert kinds(around.events.events) == ["EventConcurrencyLimited"] * 3
        assert around.events.events[0].timestamp == NOW_UNIX
        assert len(around.log.warnings) == 1
        assert "concurrency allows 2" in around.log.warnings[0]
        refused = [message.text for message in around.log.messages if message.level == "debug"]
        assert refused == ["refused: too many connections"] * 3


@timeless
async def test_one_is_evicted_for_a_descriptor_if_there_is_one() -> None:
    async with entrance() as (door, roster, around):
        door.evict_one()
        come(roster, "client", client=True)
        door.evict_one()
        first, second = come(roster, "first", "second")
        door.evict_one()

        assert (first.end_reason, second.end_reason) == (Reason.EVICTED, None)
        around.shared.visitor_log.close()
        assert around.log.messages[-1].fields["evicted"] == 1
