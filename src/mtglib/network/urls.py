"""What the URLs of proxies and of DNS servers have in common: taken apart strictly, never quoted in an error."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..endpoints import canonical_ip
from ..errors import OptionError

_PRINTABLE = re.compile(r"[!-~]{1,2000}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_MAX_NAME_LENGTH = 253
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[Xx][0-9A-Fa-f]*)\.?")


@dataclass(frozen=True, slots=True)
class URLParts:
    """A URL's parts.

    Attributes:
        scheme: In lower case.
        host: A name in lower case, or an IP address without brackets, maybe with a zone.
        port: None if there is none.
        user: Still percent-encoded; None if there is no user part.
        password: Likewise; None if there is none.
        path: Begins with a slash, or is empty.
        query: Without its question mark.
    """

    scheme: str
    host: str
    port: int | None
    user: str | None
    password: str | None
    path: str
    query: str


def split_url(url: object, schemes: Collection[str], expected: str, option: str) -> URLParts:
    """Take a URL apart.

    Args:
        url: What somebody has written.
        schemes: Those that are right.
        expected: What to say of a URL that is wrong as a whole.
        option: What to call it in an error.

    Raises:
        OptionError: It isn't a URL of these schemes with a host that can be one.
    """
    if not isinstance(url, str) or not url:
        raise OptionError(option, expected)
    if not _PRINTABLE.fullmatch(url):
        raise OptionError(option, "at most 2000 ASCII characters, no blanks (a host as xn--..., others as %20)")
    if "#" in url:
        raise OptionError(option, "a URL without # (in a password it is %23)")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port  # a property that parses
    except ValueError:
        raise OptionError(option, expected) from None
    # A colon without a port is a slip: somebody's variable was empty.
    if parts.scheme not in schemes or port == 0 or parts.netloc.endswith(":"):
        raise OptionError(option, expected)
    if not (_is_ipv6(host) if "[" in parts.netloc else _is_name_or_ipv4(host)):
        raise OptionError(option, expected)
    return URLParts(parts.scheme, host, port, parts.username, parts.password, parts.path, parts.query)


def host_and_port(host: str, port: int) -> str:
    """Return `host:port` or `[ipv6]:port`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_ipv6(host: str) -> bool:
    return ":" in host and canonical_ip(host) is not None


def _is_name_or_ipv4(host: str) -> bool:
    if _ENDS_IN_A_NUMBER.fullmatch(host):  # as 1.2.3, which some systems take for an address, others for a name
        return canonical_ip(host) is not None
    return len(host) <= _MAX_NAME_LENGTH and _NAME.fullmatch(host) is not None
