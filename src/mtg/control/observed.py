"""What the program's events say of its data centres and its site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtg.control.feed import EventFeed
from mtglib import (
    Event,
    EventConnectedToDC,
    EventDomainFronting,
    EventFinish,
    EventTraffic,
    Reason,
)


@dataclass(slots=True)
class DCHealth:
    """How a data centre was seen last; times are Unix seconds, 0: never."""

    connected_unix: float = 0.0
    failed_unix: float = 0.0
    dial_seconds: float = 0.0


@dataclass(slots=True)
class FrontHealth:
    """How the site was seen last; times are Unix seconds, 0: never."""

    answered_unix: float = 0.0
    failed_unix: float = 0.0


class Observed:
    """An observer of events, which also passes them to the clients that read them.

    Attributes:
        dcs: The data centres, by number.
        front: The site.
        feed: The clients that read events.
    """

    def __init__(self, *, mask_client_addresses: bool = False) -> None:
        self.dcs: dict[int, DCHealth] = {}
        self.front = FrontHealth()
        self.feed = EventFeed(mask_client_addresses=mask_client_addresses)
        self._is_fronted: dict[str, bool] = {}  # for each stream that has got so far

    async def observe(self, events: Sequence[Event]) -> None:
        """Take note of events."""
        for event in events:
            match event:
                case EventTraffic():
                    self._move(event)
                case EventConnectedToDC():
                    self._connect(event)
                case EventDomainFronting():
                    self._is_fronted[event.stream_id] = True
                case EventFinish():
                    self._finish(event)
        self.feed.offer(events)

    def _connect(self, event: EventConnectedToDC) -> None:
        self._is_fronted[event.stream_id] = False
        dc = self.dcs.setdefault(event.dc, DCHealth())
        dc.connected_unix, dc.dial_seconds = event.timestamp, event.dial_seconds

    def _move(self, event: EventTraffic) -> None:
        if event.is_read and self._is_fronted.get(event.stream_id, True):
            self.front.answered_unix = event.timestamp

    def _finish(self, event: EventFinish) -> None:
        self._is_fronted.pop(event.stream_id, None)
        if event.reason == Reason.DC_UNREACHABLE:
            self.dcs.setdefault(event.dc, DCHealth()).failed_unix = event.timestamp
        elif event.reason == Reason.FRONT_UNREACHABLE:
            self.front.failed_unix = event.timestamp
