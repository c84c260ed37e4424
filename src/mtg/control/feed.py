"""Events for clients that read them while they happen. A client that is too slow loses some, and is told how many.

Nothing is made of an event as long as nobody reads.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import msgspec

import mtglib
from mtglib.logger import mask_address

MOST_QUEUED_EVENTS = 4096
"""For each client; an event takes some 200 bytes."""

EVENT_NAMES: dict[type[mtglib.Event], str] = {
    mtglib.EventStart: "start",
    mtglib.EventReplayAttack: "replay_attack",
    mtglib.EventDomainFronting: "domain_fronting",
    mtglib.EventConnectedToDC: "connected_to_dc",
    mtglib.EventTraffic: "traffic",
    mtglib.EventFinish: "finish",
    mtglib.EventConcurrencyLimited: "concurrency_limited",
    mtglib.EventIPBlocklisted: "ip_blocklisted",
    mtglib.EventIPListSize: "ip_list_size",
}
"""Each event's name in the feed."""

_OF_CLIENTS = (mtglib.EventStart, mtglib.EventIPBlocklisted)
"""Events whose address is a client's."""

_RENAMED = {"timestamp": "timestamp_unix"}


class EventReader:
    """One client's queue of events that are ready to be sent.

    Args:
        most_events: The most events in it. More are lost.
    """

    def __init__(self, most_events: int = MOST_QUEUED_EVENTS) -> None:
        self._most_events = most_events
        self._queue: deque[bytes] = deque()
        self._lost = 0
        self._came = asyncio.Event()

    def offer(self, events: Sequence[bytes]) -> None:
        """Queue as many as there is room for."""
        room = self._most_events - len(self._queue)
        self._queue.extend(events[:room])
        self._lost += max(0, len(events) - room)
        self._came.set()

    async def take(self, timeout_seconds: float) -> bytes:
        """Wait for events and return them all; after the time-out, a comment that says nothing."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._came.wait()
        except TimeoutError:
            return b": no events\n\n"
        self._came.clear()
        parts, self._queue = self._queue, deque()
        if self._lost:
            parts.append(_message("lost", {"events": self._lost}))
            self._lost = 0
        return b"".join(parts)


class EventFeed:
    """Passes events on to all readers.

    Args:
        mask_client_addresses: Whether to pass on a client's network instead of its address.
    """

    def __init__(self, *, mask_client_addresses: bool = False) -> None:
        self.mask_client_addresses = mask_client_addresses
        self._readers: dict[EventReader, None] = {}

    def __len__(self) -> int:
        return len(self._readers)

    @contextmanager
    def reading(self) -> Iterator[EventReader]:
        """A reader of the events from now on."""
        reader = EventReader()
        self._readers[reader] = None
        try:
            yield reader
        finally:
            del self._readers[reader]

    def offer(self, events: Sequence[mtglib.Event]) -> None:
        """Pass events on; a reader never makes anybody wait."""
        if self._readers:
            messages = [self._encode(event) for event in events]
            for reader in self._readers:
                reader.offer(messages)

    def _encode(self, event: mtglib.Event) -> bytes:
        kind = type(event)
        data: dict[str, Any] = {}
        for field in fields(event):
            value = getattr(event, field.name)
            if field.name == "remote_ip" and value is not None:
                value = mask_address(str(value)) if self.mask_client_addresses and kind in _OF_CLIENTS else str(value)
            data[_RENAMED.get(field.name, field.name)] = value
        return _message(EVENT_NAMES.get(kind, "other"), data)


def _message(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode("ascii"), msgspec.json.encode(data))
