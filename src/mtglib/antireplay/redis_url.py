"""URLs of Redis and Valkey servers."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from ..errors import OptionError
from ..ground.endpoints import host_and_port
from ..ground.urls import split_url

_URL = (
    "redis://[user:password@]host[:port][/db], the same with rediss:// for TLS, or unix:///path[?db=number]"
    "; a # is written as %23"
)
_FILE_SCHEME = "unix"
_URL_OPTIONS = {"db", "ssl_ca_certs"}
_DEFAULT_PORT = 6379


def checked_address(url: Any) -> str:
    """Return the server's address, for messages.

    Raises:
        OptionError: The URL is invalid. The message doesn't quote it, as it may contain a password.
    """
    parts = split_url(url, ("redis", "rediss", _FILE_SCHEME), _URL, "url", file_scheme=_FILE_SCHEME)
    is_file = parts.scheme == _FILE_SCHEME
    try:
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise OptionError("url", _URL) from None
    database = options.get("db", ["" if is_file else parts.path.strip("/")])[0] or "0"
    if not options.keys() <= _URL_OPTIONS or not database.isdigit():
        raise OptionError("url", _URL)
    return parts.path if is_file else host_and_port(parts.host, parts.port or _DEFAULT_PORT)
