"""Events for clients that read them: all of them in order, but never more than there is room for."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

import pytest

import mtglib
from mtg.control.feed import EVENT_NAMES, MOST_QUEUED_EVENTS, EventFeed, EventReader
from mtglib import EventConnectedToDC, EventIPBlocklisted, EventIPListSize, EventStart, EventTraffic
from support.timeless import timeless

CLIENT = ip_address("192.0.2.7")


def messages(taken: bytes) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for message in taken.decode().split("\n\n")[:-1]:
        name, data = message.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_every_event_has_a_name() -> None:
    kinds = {getattr(mtglib, name) for name in mtglib.__all__ if name.startswith("Event")}
    streams = {mtglib.Event, mtglib.EventStream}
    errors = {kind for kind in kinds if issubclass(kind, Exception)}
    assert kinds - streams - errors == set(EVENT_NAMES)


async def test_a_reader_gets_what_comes_from_now_on() -> None:
    feed = EventFeed()
    feed.offer([EventIPListSize(size=1, is_block_list=True)])
    with feed.reading() as reader:
        feed.offer([EventStart(stream_id="a", timestamp=1.5, remote_ip=CLIENT)])
        feed.offer([EventTraffic(stream_id="a", timestamp=2.5, traffic_bytes=3, is_read=True)])
        taken = messages(await reader.take(20))
        assert len(feed) == 1
    feed.offer([EventIPListSize(size=1, is_block_list=True)])
    assert taken == [
        ("start", {"stream_id": "a", "timestamp_unix": 1.5, "remote_ip": "192.0.2.7"}),
        ("traffic", {"stream_id": "a", "timestamp_unix": 2.5, "traffic_bytes": 3, "is_read": True, "user": ""}),
    ]
    assert len(feed) == 0


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (EventStart(stream_id="a", remote_ip=CLIENT), "192.0.2.0/24"),
        (EventStart(stream_id="a", remote_ip=None), None),
        (EventIPBlocklisted(remote_ip=ip_address("2001:db8:7:1::1")), "2001:db8:7::/48"),
        (EventConnectedToDC(stream_id="a", remote_ip=CLIENT, dc=2), "192.0.2.7"),
    ],
)
async def test_clients_addresses_can_be_masked(event: mtglib.Event, shown: str | None) -> None:
    feed = EventFeed(mask_client_addresses=True)
    with feed.reading() as reader:
        feed.offer([event])
        ((_, data),) = messages(await reader.take(20))
    assert data["remote_ip"] == shown


async def test_a_slow_reader_loses_events_and_is_told_how_many() -> None:
    feed = EventFeed()
    with feed.reading() as slow, feed.reading() as quick:
        for _ in range(MOST_QUEUED_EVENTS // 100 + 3):
            feed.offer([EventIPListSize(size=1, is_block_list=True)] * 100)
            assert len(messages(await quick.take(20))) == 100
        taken = messages(await slow.take(20))
        lost = (MOST_QUEUED_EVENTS // 100 + 3) * 100 - MOST_QUEUED_EVENTS
        assert (len(taken), taken[-1]) == (MOST_QUEUED_EVENTS + 1, ("lost", {"events": lost}))
        feed.offer([EventIPListSize(size=1, is_block_list=True)])
        assert len(messages(await slow.take(20))) == 1


@timeless
async def test_silence_is_a_sign_of_life_now_and_then() -> None:
    assert await EventReader().take(15) == b": no events\n\n"
