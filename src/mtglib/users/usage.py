"""How much a user has used."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .user import QuotaPeriod

_DAY_SECONDS = 86_400


@dataclass(slots=True)
class Usage:
    """What was relayed for a user, and when.

    A day and a month end with those of the UTC calendar. If the clock is set to another day, a new one begins.

    Attributes:
        from_client_bytes, to_client_bytes: All bytes relayed in each direction.
        streams: All connections that the user has made.
        last_seen_unix: When the last byte was relayed or the last connection made, Unix seconds; 0: never.
        day: The day of `day_bytes`, counted from 1970-01-01.
        day_bytes, month_bytes: The bytes of both directions on that day, and in its month.
    """

    from_client_bytes: int = 0
    to_client_bytes: int = 0
    streams: int = 0
    last_seen_unix: float = 0.0
    day: int = 0
    day_bytes: int = 0
    month_bytes: int = 0

    def count_stream(self, now_unix: float) -> None:
        """Count a new connection."""
        self.streams += 1
        self.last_seen_unix = now_unix

    def count_bytes(self, from_client_bytes: int, to_client_bytes: int, now_unix: float) -> None:
        """Count what was relayed."""
        self._turn_to(now_unix)
        self.from_client_bytes += from_client_bytes
        self.to_client_bytes += to_client_bytes
        self.day_bytes += from_client_bytes + to_client_bytes
        self.month_bytes += from_client_bytes + to_client_bytes
        self.last_seen_unix = now_unix

    def add(self, earlier: Usage) -> None:
        """Add what was counted elsewhere, such as by an earlier process."""
        self.from_client_bytes += earlier.from_client_bytes
        self.to_client_bytes += earlier.to_client_bytes
        self.streams += earlier.streams
        self.last_seen_unix = max(self.last_seen_unix, earlier.last_seen_unix)
        day_bytes = {self.day: self.day_bytes}
        day_bytes[earlier.day] = day_bytes.get(earlier.day, 0) + earlier.day_bytes
        month_bytes = {_month(self.day): self.month_bytes}
        month_bytes[_month(earlier.day)] = month_bytes.get(_month(earlier.day), 0) + earlier.month_bytes
        self.day = max(self.day, earlier.day)
        self.day_bytes = day_bytes[self.day]
        self.month_bytes = month_bytes[_month(self.day)]

    def period_bytes(self, period: QuotaPeriod, now_unix: float) -> int:
        """Return the bytes of both directions in the current period.

        This changes nothing: a clock that is wrong for a moment, as before it is set at a start, costs no counts.
        """
        if period == "total":
            return self.from_client_bytes + self.to_client_bytes
        day = _day(now_unix)
        if period == "day":
            return self.day_bytes if day == self.day else 0
        return self.month_bytes if day == self.day or _month(day) == _month(self.day) else 0

    def _turn_to(self, now_unix: float) -> None:
        day = _day(now_unix)
        if day != self.day:
            self.day_bytes = 0
            if _month(day) != _month(self.day):
                self.month_bytes = 0
            self.day = day


def _day(now_unix: float) -> int:
    return int(now_unix // _DAY_SECONDS)


def _month(day: int) -> tuple[int, int]:
    return time.gmtime(day * _DAY_SECONDS)[:2]
