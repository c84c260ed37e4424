"""Parsing of durations such as 1m30s."""

from __future__ import annotations

import re
from decimal import Decimal

from .checks import MAX_DURATION_SECONDS

_UNITS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),  # the micro sign
    "μs": Decimal("1e-6"),  # the Greek letter, which looks the same
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86_400),  # ours: Go has no days, as some have 23 hours
}
_TERM = re.compile(rf"([0-9]{{1,15}}(?:\.[0-9]{{0,9}})?|\.[0-9]{{1,9}})({'|'.join(_UNITS)})")
_MAX_CHARACTERS = 64


def parse_duration(text: str) -> float:
    """Return a Go-style duration, such as 300ms, 1m30s or 7d, in seconds; case and blanks don't matter.

    Raises:
        ValueError: The text isn't a duration, is empty, or the duration is over a year.
    """
    text = "".join(text.split()).lower()
    terms = _TERM.findall(text) if len(text) <= _MAX_CHARACTERS else []
    seconds = sum((Decimal(number) * _UNITS[unit] for number, unit in terms), Decimal(0))
    if "".join(number + unit for number, unit in terms) != text or not 0 < seconds <= MAX_DURATION_SECONDS:
        raise ValueError('expected a duration such as "300ms", "5s" or "1m30s", above 0s and at most a year')
    return float(seconds)
