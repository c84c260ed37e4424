"""URLs of DNS servers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from ...errors import OptionError
from ...ground.endpoints import canonical_ip, host_and_port
from ...ground.urls import URLParts, split_url

_PORTS: Final = {"udp": 53, "tls": 853, "https": 443}
_DEFAULT_PATH: Final = "/dns-query"
_EXPECTED: Final = 'https://, tls:// or udp:// and a server, an IP address, or "" for the system\'s resolver'
_TARGET: Final = re.compile(r"[A-Za-z0-9/?%._~!$&'()*+,;=:@-]*")


@dataclass(frozen=True, slots=True)
class ResolverURL:
    """A parsed resolver URL such as `https://dns.example/path`.

    Attributes:
        scheme: "udp", "tls" or "https".
        host: An IP address without brackets, optionally with a zone for udp; or a name, except for udp.
        port: The port; the scheme's default if the URL has none.
        target: Path and query for https; /dns-query if there is no path. May identify the user, so it isn't shown.
    """

    scheme: str
    host: str
    port: int
    target: str = field(default=_DEFAULT_PATH, repr=False)

    @classmethod
    def parse(cls, url: str, option: str = "url") -> ResolverURL:
        """Parse a URL.

        Args:
            url: As for `resolver_from_url`, but not empty.
            option: The URL's name in an error, which never quotes the URL.

        Raises:
            OptionError: The URL is invalid.
        """
        parts = split_url(_with_scheme(url), _PORTS, _EXPECTED, option)
        if parts.user is not None or not (parts.scheme == "https" or _is_bare(parts)):
            raise OptionError(option, _EXPECTED)
        if parts.scheme == "udp" and canonical_ip(parts.host) is None:
            raise OptionError(option, "udp:// with an IP address (a name could not be resolved without a resolver)")
        if parts.scheme != "udp" and "%" in parts.host:
            raise OptionError(option, f"{parts.scheme}:// with a server that a certificate can name, without a zone")
        target = (parts.path if parts.path not in ("", "/") else _DEFAULT_PATH) + (parts.query and f"?{parts.query}")
        if not _TARGET.fullmatch(target):
            raise OptionError(option, "a literal path, without {?dns} or the like")
        return cls(parts.scheme, parts.host, parts.port or _PORTS[parts.scheme], target)

    @property
    def server(self) -> str:
        """Scheme, host and port, for messages."""
        return f"{self.scheme}://{host_and_port(self.host, self.port)}"


def _with_scheme(url: object) -> object:
    """Make a URL of a bare IP address, maybe with a port."""
    if not isinstance(url, str) or not url or "://" in url:
        return url
    if url.count(":") > 1 and not {"[", "]"} & set(url):
        return f"udp://[{url}]"
    return f"udp://{url}"


def _is_bare(parts: URLParts) -> bool:
    return parts.path in ("", "/") and not parts.query
