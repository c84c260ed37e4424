"""Events are plain data, and each carries its stream and its time."""

from __future__ import annotations

import dataclasses
import time
from ipaddress import ip_address
from typing import Any

import pytest

import mtglib
from mtglib import event_types

IP = ip_address("192.0.2.1")
FIELDS: dict[type[mtglib.Event], dict[str, Any]] = {
    mtglib.EventStart: {"remote_ip": IP},
    mtglib.EventConnectedToDC: {"remote_ip": IP, "dc": 2, "handshake_seconds": 0.1, "dial_seconds": 0.2, "user": "a"},
    mtglib.EventDomainFronting: {"reason": mtglib.Reason.DIGEST, "user": "a"},
    mtglib.EventTraffic: {"traffic_bytes": 5, "is_read": True, "user": "a"},
    mtglib.EventFinish: {"reason": mtglib.Reason.IDLE, "dc": 2, "user": "a"},
    mtglib.EventReplayAttack: {},
    mtglib.EventConcurrencyLimited: {},
    mtglib.EventIPBlocklisted: {"remote_ip": IP, "is_block_list": False},
    mtglib.EventIPListSize: {"size": 7, "is_block_list": True},
}
kinds = pytest.mark.parametrize("kind", FIELDS, ids=lambda kind: kind.__name__)


def test_this_table_has_every_event() -> None:
    defined = {kind for kind in vars(event_types).values() if isinstance(kind, type) and kind.__name__ != "Event"}

    assert {kind for kind in defined if issubclass(kind, mtglib.Event)} == set(FIELDS)


@kinds
def test_an_event_has_exactly_its_fields_and_takes_them_by_name_only(kind: type[mtglib.Event]) -> None:
    event = kind(stream_id="s", timestamp=1.5, **FIELDS[kind])

    assert dataclasses.asdict(event) == {"stream_id": "s", "timestamp": 1.5, **FIELDS[kind]}
    assert event == kind(stream_id="s", timestamp=1.5, **FIELDS[kind])
    with pytest.raises(TypeError):
        kind("s", 1.5, *FIELDS[kind].values())  # type: ignore[call-arg]


@kinds
def test_an_event_is_frozen_and_happened_now_unless_said_otherwise(kind: type[mtglib.Event]) -> None:
    before = time.time()
    event = kind(**FIELDS[kind])

    assert before <= event.timestamp <= time.time()
    assert event.stream_id == ""
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.stream_id = "other"  # type: ignore[misc]
    assert not hasattr(event, "__dict__")


def test_a_refused_address_is_on_the_blocklist_unless_said_otherwise() -> None:
    assert mtglib.EventIPBlocklisted(remote_ip=IP).is_block_list
