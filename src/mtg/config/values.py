"""Durations, sizes and words. Every parser raises ValueError; its message says only what was expected.

The formats are those of mtg 2.x: Go-style durations, here with days as well, and sizes in which a KB is a KiB; case and
blanks don't matter.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Self

import mtglib

MAX_SIZE_BYTES = 2**40
MSS_BOUNDS = (88, 32_767)
WINDOW_BOUNDS_BYTES = (1152, 65_535)
"""Both as in Linux; a SYN-ACK's window has 16 bits."""

_SIZE_UNITS = {"b": Decimal(1)} | {
    unit: Decimal(1024**power) for power, letter in enumerate("kmgt", start=1) for unit in (f"{letter}b", f"{letter}ib")
}
_TERM = re.compile(rf"([0-9]{{1,15}}(?:\.[0-9]{{0,9}})?|\.[0-9]{{1,9}})({'|'.join(_SIZE_UNITS)})")
_MAX_TEXT_CHARACTERS = 64
_MAX_UNIX = 253_402_300_799  # the end of the year 9999
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].+)?")
_USER_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Duration(float):
    """A positive time span in seconds, written `300ms`, `5s`, `1m30s`, `24h`, `7d` or `1.5s`; at most a year."""

    expected = 'a duration such as "300ms", "5s" or "1m30s", above 0s and at most a year'

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        with suppress(ValueError):
            if isinstance(value, str):
                return cls(mtglib.parse_duration(value))
        raise ValueError(cls.expected)


class LearningPause(Duration):
    """A pause between two questions; `mtglib.FrontLearning` has these bounds, and refuses in the same words."""

    expected = 'a duration from "600s" to "31536000s" (a year)'


class RaidPause(Duration):
    """A pause between two loads of all pages; likewise `mtglib.ProxyOpts`."""

    expected = 'a duration from "60s" to "31536000s" (a year)'


class Size(int):
    """A positive number of bytes, written `512b`, `16kib` or `1MB`; KB is 1024 bytes, as in mtg 2.x."""

    expected = 'a size such as "16kib" or "1MB"'
    bounds = "a size from 1 byte to 1 TiB"
    most_bytes = MAX_SIZE_BYTES

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        text = "".join(value.split()).lower() if isinstance(value, str) else ""
        terms = _TERM.findall(text) if len(text) <= _MAX_TEXT_CHARACTERS else []
        size_bytes = sum((Decimal(number) * _SIZE_UNITS[unit] for number, unit in terms), Decimal(0))
        if not terms or "".join(number + unit for number, unit in terms) != text or size_bytes != int(size_bytes):
            raise ValueError(cls.expected)
        if not 0 < size_bytes <= cls.most_bytes:
            raise ValueError(cls.bounds)
        return cls(int(size_bytes))


class SystemSize(Size):
    """A size, or 0 for whatever the system has."""

    expected = 'a size such as "16kib", or 0 for the system\'s'

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        if value == "0" or (type(value) is int and not value):
            return cls(0)
        return super().parse(value)


class NotSentSize(SystemSize):
    """How much the kernel may hold; the socket options have the same bounds, and refuse in the same words."""

    bounds = "a size from 1 to 1000000000 bytes"


class WindowSize(SystemSize):
    """The window of a SYN-ACK; `mtg.config.rules` requires these bounds."""

    bounds = f"0, or a size in bytes from {WINDOW_BOUNDS_BYTES[0]} to {WINDOW_BOUNDS_BYTES[1]}"


class QuotaSize(Size):
    """How much a user may use; `mtglib.users.UserLimits` has the same bounds."""

    expected = 'a size above 0, up to 1048576tib, such as "10gb" (without a quota: no such key)'
    bounds = expected
    most_bytes = 2**60


class Moment(float):
    """A moment in Unix seconds, written as a date, which is its beginning, or as a date and time; without a zone: UTC.

    TOML has a type for these; the same in quotes is accepted as well, for everything that makes TOML from JSON.
    """

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        with suppress(ValueError):
            if isinstance(value, str) and _DATE.fullmatch(value):
                value = datetime.fromisoformat(value)
            if isinstance(value, date) and not isinstance(value, datetime):
                value = datetime(value.year, value.month, value.day)
            if isinstance(value, datetime):
                aware = value if value.tzinfo else value.replace(tzinfo=UTC)
                if 0 <= (unix := aware.timestamp()) <= _MAX_UNIX:
                    return cls(unix)
        raise ValueError("a date such as 2027-01-31, or a date and time such as 2027-01-31T18:00:00Z, from 1970 on")

    def __str__(self) -> str:
        text = datetime.fromtimestamp(self, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return text.removesuffix("T00:00:00Z")


class UserName(str):
    """The name of a user; `mtglib.users.User` requires the same."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML key; raises ValueError with what was expected."""
        if not isinstance(value, str) or not _USER_NAME.fullmatch(value):
            raise ValueError("a name of 1 to 64 letters, digits, dots, underscores and hyphens")
        return cls(value)


class HostName(str):
    """The name of a site, in lower case; anything that a secret's host can be."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value or key; raises ValueError with what was expected."""
        if not isinstance(value, str) or not mtglib.Secret(b"\1" * 16, value).valid:
            raise ValueError("a host name such as www.example.com")
        return cls(value.lower())


class Word(str):
    """One of a few words, compared without case; subclasses name them."""

    choices: tuple[str, ...] = ()

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        word = value.strip().lower() if isinstance(value, str) else ""
        if word not in cls.choices:
            raise ValueError("one of " + ", ".join(cls.choices))
        return cls(word)


class PreferIPWord(Word):
    """Which addresses of Telegram come first, or at all."""

    choices = ("prefer-ipv4", "prefer-ipv6", "only-ipv4", "only-ipv6")


class TagFormatWord(Word):
    """How statsd tags are written."""

    choices = ("datadog", "influxdb", "graphite")


class ReplayCacheKind(Word):
    """The kind of anti-replay cache."""

    choices = ("exact", "window", "bloom", "redis")


class AnswerDelayWord(Word):
    """When clients are answered."""

    choices = ("front", "off")


class LogLevelWord(Word):
    """The least important messages that are logged."""

    choices = ("debug", "info", "warning")

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; `warn`, as the log itself spells it, will do."""
        return super().parse("warning" if value == "warn" else value)


class QuotaPeriodWord(Word):
    """How often a quota begins anew."""

    choices = ("total", "day", "month")


class HTTPPath(str):
    """The path that metrics are served at; the leading slash may be left out."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        if not isinstance(value, str) or not re.fullmatch(r"[!-~]{0,200}", value) or re.search(r"[?#]|://", value):
            raise ValueError('a path such as "/metrics"')
        return cls("/" + value.lstrip("/"))


class Directory(str):
    """An absolute path of a directory, which need not exist yet."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
            raise ValueError('an absolute path such as "/var/lib/mtg"')
        return cls(value)
