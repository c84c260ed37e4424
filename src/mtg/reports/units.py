"""Sizes, durations and points in time, short enough for a table."""

from __future__ import annotations

import time

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def size(size_bytes: float) -> str:
    """Return a size in bytes with three digits or so: "0 B", "1.5 KiB", "23 MiB"."""
    unit = 0
    while size_bytes >= 999.5 and unit < len(_SIZES) - 1:
        size_bytes /= 1024
        unit += 1
    digits = 1 if unit and size_bytes < 9.95 else 0
    return f"{size_bytes:.{digits}f} {_SIZES[unit]}"


def duration(seconds: float) -> str:
    """Return a duration in its two largest units: "35 ms", "5 s", "12 min", "3 h 5 min", "4 d 3 h"."""
    seconds = max(0.0, seconds)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.0005 else "<1 ms"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def ago(unix: float | None, now_unix: float | None = None) -> str:
    """Return how long ago a time was: "5 s ago", or "never"."""
    if unix is None:
        return "never"
    age = (time.time() if now_unix is None else now_unix) - unix
    return "now" if age < 1 else f"{duration(age)} ago"


def moment(unix: float) -> str:
    """Return a time in the machine's time zone: "2027-01-31 12:00:00 CET"."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(unix)).strip()
    except (OverflowError, ValueError, OSError):
        return f"{unix:.0f} (Unix seconds)"


def age(seconds: float) -> str:
    """Return a duration in six characters or so, for a narrow table: "35s", "12m", "3h05m", "4d12h"."""
    whole = round(max(0.0, seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02}h"
