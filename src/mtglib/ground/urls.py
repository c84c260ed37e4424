"""URLs of servers: parsed strictly, never quoted in an error, and shown without possible secrets."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from ..errors import OptionError
from .endpoints import canonical_ip

_PRINTABLE = re.compile(r"[!-~]{1,2000}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_MAX_NAME_LENGTH = 253
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[Xx][0-9A-Fa-f]*)\.?")


@dataclass(frozen=True, slots=True)
class URLParts:
    """A URL's parts.

    Attributes:
        text: The whole URL, as written.
        scheme: In lower case.
        host: A name in lower case, or an IP address without brackets, optionally with a zone; empty for a file's
            scheme.
        port: None if there is none.
        user: Still percent-encoded; None if there is no user part.
        password: Likewise; None if there is none.
        path: Begins with a slash, or is empty.
        query: Without its question mark.
        fragment: Without its #.
    """

    text: str = field(repr=False)
    scheme: str
    host: str
    port: int | None
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    path: str
    query: str = field(repr=False)
    fragment: str = field(repr=False)

    @property
    def label(self) -> str:
        """Scheme, host, port and path: the part that may be shown."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{'' if self.port is None else f':{self.port}'}{self.path}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The parts that aren't in the label and must not be shown elsewhere, longest first."""
        user = self.user or ""
        both = user if self.password is None else f"{user}:{self.password}"
        found = {both, self.password or "", self.query, self.fragment} - {""}
        return tuple(sorted(found, key=len, reverse=True))


def split_url(
    url: object,
    schemes: Collection[str],
    expected: str,
    option: str,
    *,
    file_scheme: str | None = None,
    may_have_fragment: bool = False,
) -> URLParts:
    """Parse a URL.

    Args:
        url: The URL as written by the user.
        schemes: The valid schemes.
        expected: What is expected, for the error about an invalid URL.
        option: The name to use in an error.
        file_scheme: The one of `schemes` that has a path and no host.
        may_have_fragment: Whether a # may end the rest.

    Raises:
        OptionError: It isn't a URL with one of these schemes and a valid host.
    """
    if not isinstance(url, str) or not url:
        raise OptionError(option, expected)
    if not _PRINTABLE.fullmatch(url):
        raise OptionError(
            option, "at most 2000 ASCII characters without spaces (write a host as xn--..., a space as %20)"
        )
    # A # ends host and port: user:12#34@host would mean port 12 of the host "user", and the log would show it.
    if "#" in url and not (may_have_fragment and "@" not in url.partition("#")[2]):
        raise OptionError(option, "a URL without # (in a password, write %23)")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise OptionError(option, expected) from None
    # A colon without a port is a mistake: somebody's variable was empty.
    if parts.scheme not in schemes or parts.netloc.endswith(":"):
        raise OptionError(option, expected)
    port = _port(parts, expected, option)
    is_place = parts.path if parts.scheme == file_scheme else _is_host(host, "[" in parts.netloc)
    if not is_place:
        raise OptionError(option, expected)
    return URLParts(
        url, parts.scheme, host, port, parts.username, parts.password, parts.path, parts.query, parts.fragment
    )


def _port(parts: SplitResult, expected: str, option: str) -> int | None:
    try:
        port = parts.port  # a property that parses
    except ValueError:
        if not parts.netloc.rpartition(":")[2].isdigit():
            raise OptionError(option, expected) from None
        port = 0
    if port == 0:  # not shown: in a URL without a host, this would be the password
        raise OptionError(option, "a port from 1 to 65535 in the URL")
    return port


def check_host(option: str, host: object) -> None:
    """Want a host name, or an IP address without brackets."""
    if not isinstance(host, str) or not _is_host(host, ":" in host):
        raise OptionError(option, 'a host name such as "www.example.com" or an IP address', host)


def is_ip_or_number(host: str) -> bool:
    """Tell whether a host is an IP address, or ends in a number, like 1.2.3, which some systems take for one."""
    return canonical_ip(host) is not None or _ENDS_IN_A_NUMBER.fullmatch(host) is not None


def _is_host(host: str, has_brackets: bool) -> bool:
    if has_brackets:
        return ":" in host and canonical_ip(host) is not None
    if _ENDS_IN_A_NUMBER.fullmatch(host):  # like 1.2.3, which some systems take for an address, others for a name
        return canonical_ip(host) is not None
    return len(host) <= _MAX_NAME_LENGTH and _NAME.fullmatch(host) is not None
