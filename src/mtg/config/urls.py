"""URLs of the configuration.

Parsers raise ValueError whose text says what was expected and never quotes the URL.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult, parse_qsl, urlsplit

from mtg.config.show import redact
from mtg.config.values import Duration

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_BREAKER_KEYS = frozenset({"open_threshold", "half_open_timeout", "reset_failures_timeout"})


class DNSServer(str):
    """`https://1.1.1.1`, `tls://dns.example`, `udp://1.1.1.1`, `1.1.1.1`, or "" for the system's resolver."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        expected = 'https://, tls:// or udp:// and a server, an IP address, or "" for the system\'s resolver'
        if value == "":
            return cls("")
        if not isinstance(value, str):
            raise ValueError(expected)
        bare = f"[{value}]" if value.count(":") > 1 and not value.startswith("[") else value
        url = _split(value if "://" in value else f"udp://{bare}", {"https", "tls", "udp"}, expected)
        if url.username is not None or (url.scheme != "https" and url.path.strip("/")):
            raise ValueError(expected)
        if url.scheme == "udp" and not _is_ip(url.hostname or ""):
            raise ValueError("udp:// with an IP address (a name could not be resolved without a resolver)")
        return cls(url.geturl())


class ListSource(str):
    """Where an IP list comes from: an http(s) URL or an absolute path."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        expected = "an http:// or https:// URL, or an absolute path"
        if isinstance(value, str) and value.startswith("/") and "\0" not in value:
            return cls(value)
        return cls(_split(value, {"http", "https"}, expected).geturl())


class HTTPSURL(str):
    """An https:// URL."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        return cls(_split(value, {"https"}, "an https:// URL").geturl())


@dataclass(frozen=True, slots=True)
class PrivateURL:
    """A URL that may hold a password: neither repr nor str shows its user part; `url` does."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        return redact(self.url)


class RedisURL(PrivateURL):
    """A redis:// or rediss:// URL."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        return cls(_split(value, {"redis", "rediss"}, "a redis:// or rediss:// URL").geturl())


class ProxyURL(PrivateURL):
    """An upstream SOCKS5 proxy or, with the empty URL, the direct way."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        if value == "":
            return cls("")
        expected = 'socks5://[user:password@]host[:port][?open_threshold=5&...], or "" for a direct connection'
        url = _split(value, {"socks5", "socks5h"}, expected)
        for key, text in parse_qsl(url.query, keep_blank_values=True):
            _check_breaker(key, text)
        return cls(url.geturl())


def _check_breaker(key: str, text: str) -> None:
    if key not in _BREAKER_KEYS:
        raise ValueError("only " + ", ".join(sorted(_BREAKER_KEYS)) + " after the question mark")
    if key != "open_threshold":
        Duration.parse(text)
    elif not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise ValueError("an open_threshold of at least 1")


def _split(value: object, schemes: set[str], expected: str) -> SplitResult:
    """The parts of a URL with one of `schemes` and a host; raises ValueError(expected)."""
    try:
        if not isinstance(value, str) or not re.fullmatch(r"[!-~]{1,2000}", value):
            raise ValueError
        url = urlsplit(value)
        if url.scheme not in schemes or not _HOST.fullmatch(url.hostname or "") or url.port == 0:
            raise ValueError
    except ValueError:  # ours, urlsplit's and that of .port, which is evaluated late
        raise ValueError(expected) from None
    return url


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
