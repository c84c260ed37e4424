"""URLs of the configuration.

The parts that use them say which ones they can use. Parsers raise ValueError whose text says what was expected and
never quotes the URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self, cast
from urllib.parse import urlsplit

from mtg.config.redaction import redact
from mtglib import OptionError, network
from mtglib.ipblocklist import FireHOL


class DNSServer(str):
    """`https://1.1.1.1`, `tls://dns.example`, `udp://1.1.1.1`, `1.1.1.1`, or "" for the system's resolver."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        if value != "":
            with _expected():
                network.ResolverURL.parse(cast(Any, value))
        return cls(value)


class ListSource(str):
    """Where an IP list comes from: an http(s) URL or an absolute path."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        with _expected():
            FireHOL([cast(Any, value)], network=network.Direct())
        return cls(value)


class HTTPSURL(str):
    """An https:// URL."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        try:
            url = urlsplit(value if isinstance(value, str) and re.fullmatch(r"[!-~]{1,2000}", value) else "")
            is_right = url.scheme == "https" and url.hostname and url.port != 0
        except ValueError:  # urlsplit's, and that of .port, which is evaluated late
            is_right = False
        if not is_right:
            raise ValueError("an https:// URL")
        return cls(value)


@dataclass(frozen=True, slots=True)
class PrivateURL:
    """A URL that may hold a password: neither repr nor str shows its user part; `url` does."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        return redact(self.url)


class RedisURL(PrivateURL):
    """A redis://, rediss:// or unix:// URL; whether it can work is for `mtg.config.rules`, if it is used at all."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        if not isinstance(value, str) or not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("a redis://, rediss:// or unix:// URL")
        return cls(value)


class ProxyURL(PrivateURL):
    """An upstream SOCKS5 proxy or, with the empty URL, the direct way."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        if value == "":
            return cls("")
        with _expected():
            network.ProxyURL.parse(cast(Any, value))
        return cls(cast(str, value))


MAY_HOLD_A_PASSWORD = frozenset({ProxyURL, RedisURL, ListSource})
"""What isn't quoted when it is wrong: in a URL that is, a password may be anywhere."""


@contextmanager
def _expected() -> Iterator[None]:
    try:
        yield
    except OptionError as error:
        raise ValueError(error.expected) from None
