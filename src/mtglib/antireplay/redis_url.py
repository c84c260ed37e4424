"""URLs of Redis and Valkey servers."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..errors import OptionError

_URL = (
    "redis://[user:password@]host[:port][/db], the same with rediss:// for TLS, or unix:///path[?db=number]"
    "; a # is written as %23"
)
_SCHEMES = ("redis", "rediss", "unix")
_URL_OPTIONS = {"db", "ssl_ca_certs"}
_DEFAULT_PORT = 6379


def checked_address(url: Any) -> str:
    """Return where the server is, for messages.

    Raises:
        OptionError: The URL can't work; without a word of it, as it may have a password.
    """
    try:
        if not isinstance(url, str):
            raise ValueError
        parts = urlsplit(url)
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
        database = options.get("db", [parts.path.strip("/") if parts.scheme != "unix" else ""])[0] or "0"
        place = parts.path if parts.scheme == "unix" else parts.hostname
        is_right = parts.scheme in _SCHEMES and place and parts.port != 0 and options.keys() <= _URL_OPTIONS
        # A # ends the host and port: of user:12#34@host, user would be asked at port 12, and the log would say so.
        if not is_right or "#" in url or not (database.isascii() and database.isdigit()):
            raise ValueError
    except ValueError:  # ours, urlsplit's and that of .port, which is evaluated late
        raise OptionError("url", _URL) from None
    if parts.scheme == "unix":
        return parts.path
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or _DEFAULT_PORT}"
