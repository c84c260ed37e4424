"""Made-up streams of events, as a proxy would send them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, ip_address
from typing import Literal

from hypothesis import strategies as st

import mtglib

Way = Literal["gone", "frame", "timeout", "unreachable", "dc", "front", "replay"]
WAYS: tuple[Way, ...] = ("gone", "frame", "timeout", "unreachable", "dc", "front", "replay")
CLIENTS = (ip_address("192.0.2.7"), ip_address("2001:db8::7"), None)
DC_IP = IPv4Address("203.0.113.2")
FINISH_REASONS = {"gone": "closed", "frame": "frame", "timeout": "timeout", "unreachable": "dc_unreachable"}


def traffic_of(stream_id: str, count: int, *, is_read: bool = False) -> mtglib.EventTraffic:
    """A traffic event of `count` bytes."""
    return mtglib.EventTraffic(stream_id=stream_id, timestamp=1.0, traffic_bytes=count, is_read=is_read)


def stream_of(
    stream_id: str,
    way: Way,
    moved: Sequence[tuple[int, bool]] = ((3, False), (4, True)),
    *,
    client: mtglib.IPAddress | None = CLIENTS[0],
    dc: int = 2,
) -> list[mtglib.Event]:
    """All events of such a stream; ``moved`` are its bytes, and whether they go to the client."""
    events: list[mtglib.Event] = [mtglib.EventStart(stream_id=stream_id, timestamp=1.0, remote_ip=client)]
    bound_for = dc if way in ("dc", "unreachable") else 0
    reason = mtglib.Reason(FINISH_REASONS.get(way, "client_eof"))
    if way == "replay":
        events.append(mtglib.EventReplayAttack(stream_id=stream_id, timestamp=1.0))
    if way in ("replay", "front"):
        why = mtglib.Reason.REPLAY if way == "replay" else mtglib.Reason.NOT_TLS
        events.append(mtglib.EventDomainFronting(stream_id=stream_id, timestamp=1.0, reason=why))
    if way == "dc":
        events.append(
            mtglib.EventConnectedToDC(
                stream_id=stream_id, timestamp=1.0, remote_ip=DC_IP, dc=dc, handshake_seconds=0.02, dial_seconds=0.3
            )
        )
    if way in ("dc", "front", "replay"):
        events += [traffic_of(stream_id, count, is_read=is_read) for count, is_read in moved]
    events.append(mtglib.EventFinish(stream_id=stream_id, timestamp=1.0, reason=reason, dc=bound_for))
    return events


_MOVED = st.lists(st.tuples(st.integers(1, 2**40), st.booleans()), max_size=6)


@st.composite
def streams(draw: st.DrawFn) -> list[list[mtglib.Event]]:
    """Up to a dozen streams of any kind."""
    count = draw(st.integers(0, 12))
    return [
        stream_of(
            str(number),
            draw(st.sampled_from(WAYS)),
            draw(_MOVED),
            client=draw(st.sampled_from(CLIENTS)),
            dc=draw(st.integers(1, 5)),
        )
        for number in range(1, count + 1)
    ]


def interleaved(told: Sequence[Sequence[mtglib.Event]], chance: random.Random) -> Iterator[mtglib.Event]:
    """Yield the events of all streams in random order, but those of each stream in their own order."""
    left = [list(stream) for stream in told]
    while left := [stream for stream in left if stream]:
        yield chance.choice(left).pop(0)
