"""A bounded queue that drops whole streams, so that a count of opened and closed streams never drifts.

Once it is full, new streams are dropped: their Start and all events that follow. Streams whose Start was queued are
queued up to their Finish, even beyond the bound. These are few events: a stream has at most one ReplayAttack, one
DomainFronting or ConnectedToDC and one Finish, and beyond the bound its Traffic events are merged with those already
queued there. So a queue holds at most `max_events` + 5 x the number of streams open at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from ..event_types import Event, EventFinish, EventStart, EventTraffic


class StreamQueue:
    """Events in order, with all of a stream's events or none.

    Args:
        max_events: The number of events from which new streams are dropped.

    Attributes:
        dropped: The number of dropped events.
    """

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._events: deque[Event] = deque()
        self._taken = 0
        self._open: set[str] = set()
        self._late_traffic: dict[tuple[str, bool], int] = {}  # positions, counted from the queue's first event ever
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        """Take an event, merge it or drop it."""
        full = len(self._events) >= self._max_events
        stream_id = event.stream_id
        if not stream_id or isinstance(event, EventStart):
            if full:
                self.dropped += 1
                return
            if stream_id:
                self._open.add(stream_id)
        elif stream_id not in self._open:
            self.dropped += 1
            return
        elif isinstance(event, EventFinish):
            self._forget(stream_id)
        elif full and isinstance(event, EventTraffic) and self._merge(event):
            return
        self._events.append(event)

    def take(self, max_events: int) -> list[Event]:
        """Remove and return the oldest events; empty if there are none."""
        count = min(max_events, len(self._events))
        self._taken += count
        return [self._events.popleft() for _ in range(count)]

    def close(self) -> None:
        """Drop all queued and later events."""
        self.dropped += len(self._events)
        self._max_events = 0
        self._events.clear()
        self._open.clear()
        self._late_traffic.clear()

    def _forget(self, stream_id: str) -> None:
        self._open.discard(stream_id)
        if self._late_traffic:
            self._late_traffic.pop((stream_id, True), None)
            self._late_traffic.pop((stream_id, False), None)

    def _merge(self, event: EventTraffic) -> bool:
        """Merge the event into a queued one of its kind; if there is none, note its position for later ones."""
        key = (event.stream_id, event.is_read)
        index = self._late_traffic.get(key, -1) - self._taken
        if index < 0:
            self._late_traffic[key] = self._taken + len(self._events)
            return False
        queued = self._events[index]
        assert isinstance(queued, EventTraffic)
        self._events[index] = replace(event, traffic_bytes=queued.traffic_bytes + event.traffic_bytes)
        return True
