"""URLs of SOCKS5 proxies, with the parameters of their circuit breakers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from ..errors import OptionError
from ..ground.durations import parse_duration
from ..ground.endpoints import host_and_port
from ..ground.urls import URLParts, split_url

DEFAULT_PORT = 1080
MAX_CREDENTIAL_BYTES = 255

_EXPECTED = "socks5://[user:password@]host[:port][?open_threshold=5&...]"


@dataclass(frozen=True, slots=True)
class ProxyURL:
    """A parsed URL `socks5://user:password@host:port?open_threshold=5&...`.

    Attributes:
        host: A name or an IP address, without brackets.
        port: The port; 1080 if the URL has none.
        user: The user name, at most 255 bytes; None without credentials.
        password: The password, at most 255 bytes; may be empty.
        open_threshold: The number of failures in a row that opens the breaker.
        half_open_timeout_seconds: How long the breaker stays open before a trial.
        reset_failures_timeout_seconds: After this long without a failure, earlier ones are forgotten.
    """

    host: str
    port: int = DEFAULT_PORT
    user: bytes | None = field(default=None, repr=False)
    password: bytes = field(default=b"", repr=False)
    open_threshold: int = 5
    half_open_timeout_seconds: float = 60.0
    reset_failures_timeout_seconds: float = 10.0

    @classmethod
    def parse(cls, url: str, option: str = "url") -> ProxyURL:
        """Parse a URL.

        Args:
            url: Begins with socks5:// or socks5h://, which mean the same: the proxy resolves names, never this machine.
            option: The URL's name in an error. The error never quotes the URL, but names the invalid parameter.

        Raises:
            OptionError: The URL is invalid.
        """
        parts = split_url(url, ("socks5", "socks5h"), _EXPECTED, option)
        if parts.path not in ("", "/") or "%" in parts.host:
            raise OptionError(option, _EXPECTED)
        user, password = _credentials(parts, option)
        return cls(parts.host, parts.port or DEFAULT_PORT, user, password, **_breaker(parts.query, option))

    @property
    def address(self) -> str:
        """`host:port` or `[ipv6]:port`, for messages."""
        return host_and_port(self.host, self.port)


def _credentials(parts: URLParts, option: str) -> tuple[bytes | None, bytes]:
    if parts.user is None:
        return None, b""
    user, password = unquote_to_bytes(parts.user), unquote_to_bytes(parts.password or "")
    if not 1 <= len(user) <= MAX_CREDENTIAL_BYTES or len(password) > MAX_CREDENTIAL_BYTES:
        raise OptionError(option, "a user of 1 to 255 bytes and a password of at most 255")
    return user, password


def _breaker(query: str, option: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, text in parse_qsl(query, keep_blank_values=True):
        if key not in _PARAMETERS:
            raise OptionError(option, "only " + ", ".join(_PARAMETERS) + " after the question mark")
        name, parse, expected = _PARAMETERS[key]
        if name in values:
            raise OptionError(option, f"{key} only once")
        try:
            values[name] = parse(text)
        except ValueError:
            raise OptionError(option, f"{key} to be {expected}") from None
    return values


def _parse_threshold(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise ValueError("not a threshold")
    return int(text)


_PARAMETERS: dict[str, tuple[str, Callable[[str], float], str]] = {
    "open_threshold": ("open_threshold", _parse_threshold, "a number of 1 to 999999"),
    "half_open_timeout": ("half_open_timeout_seconds", parse_duration, "a duration such as 300ms or 1m30s"),
    "reset_failures_timeout": ("reset_failures_timeout_seconds", parse_duration, "a duration such as 300ms or 1m30s"),
}
