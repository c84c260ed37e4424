"""Wrappers around the user's parts, which catch their exceptions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from .event_types import Event, IPAddress
from .ground.guarded_logger import Warnings
from .interfaces import EventStream, IPBlocklist


class Emitter:
    """Sends events.

    Attributes:
        dropped: The number of events on which the stream raised.
    """

    def __init__(self, stream: EventStream, warnings: Warnings) -> None:
        self.use(stream)
        self._warnings = warnings
        self.dropped = 0

    def use(self, stream: EventStream) -> None:
        """Send to another stream from now on."""
        self._stream = stream
        self._send = stream.send

    @property
    def is_heard(self) -> bool:
        """Whether anybody gets events; True if the stream doesn't say."""
        try:
            return bool(getattr(self._stream, "is_heard", True))
        except Exception:
            return True

    def send(self, event: Event) -> None:
        """Hand an event over."""
        try:
            self._send(event)
        except Exception as error:
            self.dropped += 1
            self._warnings.part_failed(self._stream, "send", error)


def contains(ip_list: IPBlocklist, ip: IPAddress, warnings: Warnings, *, when_broken: bool) -> bool:
    """Ask a list about an address; `when_broken` if it raises, or returns something else than a bool."""
    try:
        answer: Any = ip_list.contains(ip)
        if isinstance(answer, bool):
            return answer
        if asyncio.iscoroutine(answer):
            answer.close()  # otherwise Python warns as well that it was never awaited
        raise TypeError(f"expected True or False, got {type(answer).__name__}")
    except Exception as error:
        warnings.part_failed(ip_list, "contains", error)
        return when_broken


def guarded_clock(clock: Callable[[], float], warnings: Warnings) -> Callable[[], float]:
    """Return a clock that falls back to the system's when it fails, so that every stream gets its last event."""

    def now_unix() -> float:
        try:
            return float(clock())
        except Exception as error:
            warnings.warn("clock", f"the clock failed: {type(error).__name__}", error=error)
            return time.time()

    return now_unix
