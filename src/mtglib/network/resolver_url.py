"""Resolvers by their URL."""

import asyncio
import ssl
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ..endpoints import canonical_ip
from ..errors import OptionError
from ..interfaces import Dial
from .direct import Direct
from .resolve import Resolver, SystemResolver
from .streams import streams_over

_PORTS: Final = {"udp": 53, "tls": 853, "https": 443}
_DEFAULT_PATH: Final = "/dns-query"
_TIMEOUT_SECONDS: Final = 3.0  # below the time of a dial, so that it can go on with addresses of before


def resolver_from_url(
    text: str,
    *,
    dial: Dial | None = None,
    ssl_context: ssl.SSLContext | None = None,
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> Resolver:
    """Make a resolver.

    Args:
        text: "" for the system's resolver; "1.1.1.1" or "udp://1.1.1.1" for plain DNS; "tls://1.1.1.1" for DNS over
            TLS; "https://1.1.1.1" or "https://dns.example/path" for DNS over HTTPS, whose path is /dns-query if there
            is none. A port may follow the server; an IPv6 address with a port stands in brackets. A server's
            certificate must be for the name, or the IP address, that is given here.
        dial: How the server is connected to; None: directly, with the system's resolver for a server that has a name.
            Plain DNS sends its datagrams directly all the same.
        ssl_context: Which certificates are good; None: those of the system's authorities.
        timeout_seconds: A look-up without an answer for so long has failed; above 0. Less than the time for a dial,
            or what the server said before can't stand in for it.

    Raises:
        OptionError: `dns` or `timeout_seconds` can't work.
    """
    if not timeout_seconds > 0:
        raise OptionError("timeout_seconds", "seconds above 0", timeout_seconds)
    if text == "":
        return SystemResolver()
    scheme, host, port, path = _parse(text)
    dial = Direct().dial if dial is None else dial
    # Here, as they bring dnspython and httpx2 with them.
    from .dns_resolver import DNSResolver

    if scheme == "https":
        from .dns_https import DNSOverHTTPS

        server = f"[{host}]" if ":" in host else host
        return DNSResolver(DNSOverHTTPS(f"https://{server}:{port}{path}", dial, timeout_seconds, ssl_context))
    from .dns_stream import DNSOverStream
    from .dns_udp import DNSOverUDP

    if scheme == "tls":
        context = ssl.create_default_context() if ssl_context is None else ssl_context
        opening = _Opening(dial, host, port, timeout_seconds, context)
        return DNSResolver(DNSOverStream(opening, timeout_seconds, padded=True))
    opening = _Opening(dial, host, port, timeout_seconds, None)
    return DNSResolver(DNSOverUDP(host, port, DNSOverStream(opening, timeout_seconds), timeout_seconds))


class _Opening:
    """Connects to a server, with TLS if there is a context."""

    def __init__(
        self, dial: Dial, host: str, port: int, timeout_seconds: float, context: ssl.SSLContext | None
    ) -> None:
        self._dial = dial
        self._server = (host, port)
        self._timeout_seconds = timeout_seconds
        self._context = context

    async def __call__(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        sock = await self._dial(*self._server, timeout_seconds=self._timeout_seconds)
        reader, writer = await streams_over(sock)
        if self._context is not None:
            await writer.start_tls(self._context, server_hostname=self._server[0])
        return reader, writer


def _parse(text: str) -> tuple[str, str, int, str]:
    """Return scheme, host, port and path."""
    wrong = OptionError("dns", 'https://, tls:// or udp:// and a server, an IP address, or ""')
    try:
        bare = text.strip()
        if "://" not in bare:
            bare = f"udp://[{bare}]" if bare.count(":") > 1 and not {"[", "]"} & set(bare) else f"udp://{bare}"
        url = urlsplit(bare)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise wrong from None
    if url.scheme not in _PORTS or not host or port == 0 or not _is_plain(url):
        raise wrong
    if url.scheme == "udp" and canonical_ip(host) is None:
        raise OptionError("dns", "udp:// with an IP address (a name could not be resolved without a resolver)")
    path = url.path if url.path not in ("", "/") else _DEFAULT_PATH
    return url.scheme, host, port or _PORTS[url.scheme], path + (f"?{url.query}" if url.query else "")


def _is_plain(url: SplitResult) -> bool:
    """Nothing is there that has no meaning here."""
    if url.username is not None or url.password is not None or url.fragment:
        return False
    return url.scheme == "https" or (url.path in ("", "/") and not url.query)
