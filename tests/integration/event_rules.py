"""The rules that the events of any run follow, whatever happened in it."""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import mtglib

_LETTERS: dict[type[mtglib.Event], str] = {
    mtglib.EventStart: "S",
    mtglib.EventReplayAttack: "R",
    mtglib.EventDomainFronting: "F",
    mtglib.EventConnectedToDC: "C",
    mtglib.EventTraffic: "T",
    mtglib.EventFinish: "E",
}
_STREAM = re.compile(r"S(R?FT*|CT*)?E")
_FRONTED_FOR = {"not_tls", "digest", "sni", "clock", "replay", "replay_cache", "timeout", "closed"} | {
    *("user_disabled", "user_expired", "user_quota", "user_connections", "user_networks", "user_share"),
}
_RELAYED_UNTIL = {"client_eof", "upstream_eof", "client_reset", "upstream_reset", "idle", "bad_record"}
_ANYWHERE = {"shutdown", "error", "evicted", "ended", "user"}
_NOT_RELAYED_FOR = {"closed", "proxy_header", "timeout", "frame", "unknown_dc", "client_reset", "dc_unreachable"}
_STREAMLESS = (mtglib.EventIPBlocklisted, mtglib.EventConcurrencyLimited, mtglib.EventIPListSize)


def names(events: Iterable[mtglib.Event]) -> list[str]:
    """The events' names without their prefix, Traffic once however many there were."""
    found = [type(event).__name__.removeprefix("Event") for event in events]
    return [name for at, name in enumerate(found) if name != "Traffic" or found[at - 1] != "Traffic"]


def by_stream(events: Iterable[mtglib.Event]) -> list[list[mtglib.Event]]:
    """The events of each stream, streams in the order of their start."""
    streams: dict[str, list[mtglib.Event]] = defaultdict(list)
    for event in events:
        if event.stream_id:
            streams[event.stream_id].append(event)
    return list(streams.values())


def traffic(events: Iterable[mtglib.Event]) -> tuple[int, int]:
    """Sums of Traffic: bytes from clients, bytes to clients."""
    found = [event for event in events if isinstance(event, mtglib.EventTraffic)]
    up = sum(event.traffic_bytes for event in found if not event.is_read)
    return up, sum(event.traffic_bytes for event in found if event.is_read)


def check_events(events: Sequence[mtglib.Event]) -> None:
    """Check the order within each finished stream, the ids, and that no Traffic is empty."""
    for event in events:
        assert bool(event.stream_id) != isinstance(event, _STREAMLESS), event
        assert event.timestamp > 0, event
        if isinstance(event, mtglib.EventTraffic):
            assert event.traffic_bytes > 0, event
    for stream in by_stream(events):
        shape = "".join(_LETTERS[type(event)] for event in stream)
        assert _STREAM.fullmatch(shape), f"a stream of {names(stream)}"
        stream_id = stream[0].stream_id
        assert len(base64.urlsafe_b64decode(stream_id + "==")) == mtglib.CONNECTION_ID_LENGTH_BYTES, stream_id
        assert re.fullmatch(r"[A-Za-z0-9_-]{22}", stream_id), stream_id
        _check_reasons(stream)


def _check_reasons(stream: Sequence[mtglib.Event]) -> None:
    finish = stream[-1]
    if not isinstance(finish, mtglib.EventFinish):
        return
    was_bound = False
    for event in stream:
        if isinstance(event, mtglib.EventDomainFronting):
            was_bound = True
            assert event.reason in _FRONTED_FOR, event
            assert finish.dc == 0, finish
            assert finish.reason in _RELAYED_UNTIL | _ANYWHERE | {"front_unreachable"}, finish
        elif isinstance(event, mtglib.EventConnectedToDC):
            was_bound = True
            assert finish.dc == event.dc, finish
            assert event.handshake_seconds > 0, event
            assert event.dial_seconds > 0, event
            assert finish.reason in _RELAYED_UNTIL | _ANYWHERE, finish
    if not was_bound:
        assert finish.reason in _NOT_RELAYED_FOR | _ANYWHERE, finish
        while_dialling = finish.reason in _ANYWHERE or finish.reason == "client_reset"
        assert (finish.dc > 0) == (finish.reason == "dc_unreachable") or while_dialling, finish
