"""What is told of a stream: events, lines and the roster's entry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib import ClientError, Reason
from mtglib.dc import DCAddress
from mtglib.relay.job import RelayResult
from mtglib.roster import Entry, State
from mtglib.stream_report import StreamReport
from mtglib.users import User
from mtglib.users.account import Account
from support.running_proxy import EventRecorder
from support.timeless import timeless
from unit.surroundings import CLIENT_IP, SECRET, Surroundings, surroundings, visitor

NOW_UNIX = 1_700_000_000.0
SINCE_UNIX = NOW_UNIX - 5


@asynccontextmanager
async def reporting(ip: str | None = CLIENT_IP) -> AsyncIterator[tuple[StreamReport, Entry, Surroundings]]:
    """A report, its entry in the roster, and where all goes."""
    async with surroundings(clock=lambda: NOW_UNIX) as around:
        entry = Entry("the stream", visitor(ip), SINCE_UNIX)
        around.shared.roster.add(entry)
        yield StreamReport(around.shared, entry), entry, around


def fields(event: mtglib.Event) -> dict[str, Any]:
    """What an event says, without what all say."""
    assert event.stream_id == "the stream"
    return {name: getattr(event, name) for name in event.__dataclass_fields__ if name not in ("stream_id", "timestamp")}


@timeless
async def test_events_say_when_and_of_whom() -> None:
    async with reporting() as (report, entry, around):
        report.started()
        report.replayed()
        report.fronted(Reason.REPLAY)
        report.moved(5, 7, False)
        report.relayed(RelayResult(5, 7, Reason.CLIENT_EOF))
        report.finished()

        start, *later = around.events.events
        assert (start.timestamp, fields(start)) == (SINCE_UNIX, {"remote_ip": ip_address(CLIENT_IP)})
        assert {event.timestamp for event in later} == {NOW_UNIX}
        assert [type(event).__name__ for event in later] == [
            *("EventReplayAttack", "EventDomainFronting", "EventTraffic", "EventTraffic", "EventFinish"),
        ]
        assert [fields(event) for event in later] == [
            {},
            {"reason": Reason.REPLAY, "user": ""},
            {"traffic_bytes": 5, "is_read": False, "user": ""},
            {"traffic_bytes": 7, "is_read": True, "user": ""},
            {"reason": Reason.CLIENT_EOF, "dc": 0, "user": ""},
        ]
        assert entry.state is State.FRONTED
        assert len(around.shared.roster) == 0


@timeless
async def test_a_dc_that_is_reached_is_told_with_the_times_that_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 100.5, 102.75])
    async with reporting() as (_, entry, around):
        monkeypatch.setattr("time.monotonic", lambda: next(times))
        report = StreamReport(around.shared, entry)
        around.shared.limiter.came(Account(User("joe", SECRET)), entry)
        report.framed(4)
        report.connected(DCAddress(ip_address("2001:db8::4"), 443))
        monkeypatch.undo()
        report.closed(Reason.SHUTDOWN)
        report.finished()

        connected, finish = around.events.events
        assert fields(connected) == {
            "remote_ip": ip_address("2001:db8::4"),
            "dc": 4,
            "handshake_seconds": 0.5,
            "dial_seconds": 2.25,
            "user": "joe",
        }
        assert fields(finish) == {"reason": Reason.SHUTDOWN, "dc": 4, "user": "joe"}
        assert entry.state is State.TELEGRAM


@timeless
async def test_what_moves_adds_up_and_empty_traffic_is_no_event() -> None:
    async with reporting() as (report, entry, around):
        other = Entry("other", visitor(), 0.0)
        around.shared.roster.add(other)
        report.fronted(Reason.DIGEST)
        around.shared.roster.fronted(other)
        for up, down in ((3, 0), (0, 4), (10, 20)):
            report.moved(up, down, False)

        assert (entry.from_client_bytes, entry.to_client_bytes) == (13, 24)
        told = [(event.traffic_bytes, event.is_read) for event in around.events.of(mtglib.EventTraffic)]
        assert told == [(3, False), (4, True), (10, False), (20, True)]
        assert around.shared.roster.next_visitor_to_go() is other, "a byte puts its eviction off"
        around.shared.roster.remove(other)


@timeless
async def test_whose_upstream_has_ended_makes_room_first_whatever_still_moves() -> None:
    async with reporting() as (report, entry, around):
        for number in range(3):
            around.shared.roster.add(Entry(f"{number}", visitor(), 0.0))
        report.moved(1, 0, False)
        report.moved(0, 0, True)
        report.moved(1, 1, True)

        assert entry.is_past_the_end
        assert around.shared.roster.next_visitor_to_go() is entry
        for each in around.shared.roster.entries:
            around.shared.roster.remove(each)


@pytest.mark.parametrize(("user", "level"), [("default", "info"), ("", "debug")])
@timeless
async def test_the_end_of_a_client_is_told_at_info_and_that_of_a_visitor_at_debug(user: str, level: str) -> None:
    async with reporting() as (report, entry, around):
        entry.account = Account(User(user, SECRET)) if user else None
        report.fronted(Reason.SNI)
        report.relayed(RelayResult(5, 7, Reason.IDLE))
        report.closed(Reason.ERROR, "a fault", error=ZeroDivisionError("at work"))
        report.closed(Reason.SHUTDOWN)

        said = around.log.messages
        assert [message.text for message in said] == ["finished", "closed: a fault", "closed: shutdown"]
        assert {message.level for message in said} == {level}
        whose = {"stream_id": "the stream", "client_ip": CLIENT_IP, "upstream": "front (sni)"}
        whose |= {"user": user} if user else {}
        assert said[0].fields == {**whose, "reason": "idle", "from_client_bytes": 5, "to_client_bytes": 7}
        assert said[1].fields == {**whose, "reason": "error"}
        assert said[1].error == "ZeroDivisionError('at work')"


@timeless
async def test_no_event_is_made_that_nobody_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EventRecorder, "is_heard", False, raising=False)
    async with reporting() as (report, entry, around):
        report.started()
        report.framed(4)
        report.connected(DCAddress(ip_address("2001:db8::4"), 443))
        report.moved(1, 2, False)
        report.finished()
        assert around.events.events == []
        assert (entry.from_client_bytes, entry.to_client_bytes) == (1, 2)


@timeless
async def test_no_line_is_made_that_the_log_does_not_want(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RecordingLogger, "info_enabled", False, raising=False)
    async with reporting() as (report, entry, around):
        entry.account = Account(User("default", SECRET))
        report.relayed(RelayResult(5, 7, Reason.IDLE))
        assert around.log.messages == []


@timeless
async def test_a_visitor_is_counted_for_the_summary_and_told_at_debug() -> None:
    async with reporting() as (report, _, around):
        report.turned_away(ClientError(Reason.CLOCK, "the clock is off"))
        around.shared.visitor_log.close()

        told, summary = around.log.messages
        assert (told.level, told.text) == ("debug", "visitor: the clock is off")
        assert (summary.level, summary.fields["reasons"]) == ("info", {"clock": 1})


@timeless
async def test_a_visitor_without_an_address_has_none_in_events_and_lines() -> None:
    async with reporting(None) as (report, _, around):
        report.started()
        report.closed(Reason.CLOSED)

        assert fields(around.events.events[0]) == {"remote_ip": None}
        assert around.log.messages[0].fields["client_ip"] is None
