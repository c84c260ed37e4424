"""Makes resolvers from URLs."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

from ...ground.checks import check_callable, check_kind, check_seconds
from ...interfaces import Dial
from ..direct import Direct
from ..resolve import ClosableResolver
from ..streams import streams_over
from ..system_resolver import SystemResolver
from ..trust import default_context
from .url import ResolverURL

_TIMEOUT_SECONDS: Final = 3.0  # shorter than a dial, which can then still use addresses of an earlier answer
_MAX_TIMEOUT_SECONDS: Final = 3600.0


def resolver_from_url(
    url: str,
    *,
    dial: Dial | None = None,
    ssl_context: ssl.SSLContext | None = None,
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> ClosableResolver:
    """Make a resolver. It connects at the first lookup; `aclose` closes it permanently.

    A resolver with a server of its own belongs to the event loop in which it is first used; in another one it raises a
    `ProxyUseError`.

    Args:
        url: "" for the system's resolver; "1.1.1.1" or "udp://1.1.1.1" for plain DNS; "tls://1.1.1.1" for DNS over TLS;
            "https://1.1.1.1" or "https://dns.example/path" for DNS over HTTPS, where the default path is /dns-query. A
            port may follow the server; an IPv6 address with a port is in brackets. The server's certificate must be
            valid for the name or IP address given here.
        dial: Makes the connections to the server; None: directly, using the system's resolver if the server is given by
            name. Plain DNS always sends its datagrams directly.
        ssl_context: Defines the trusted certificates; None: the system's authorities.
        timeout_seconds: A lookup without an answer fails after this long; above 0, up to an hour. Keep it shorter than
            the time for a dial: only then is there time to fall back to an earlier answer of the server.

    Raises:
        OptionError: An argument is invalid.
    """
    if dial is not None:
        check_callable("dial", dial, "a function called as Network.dial")
    if ssl_context is not None:
        check_kind("ssl_context", ssl_context, ssl.SSLContext)
    check_seconds("timeout_seconds", timeout_seconds, _MAX_TIMEOUT_SECONDS)
    if url == "":
        return SystemResolver()
    parsed = ResolverURL.parse(url)
    dial = Direct().dial if dial is None else dial
    # Imported here, as they import dnspython and httpx2.
    from .resolver import DNSResolver

    if parsed.scheme == "https":
        from .https import DNSOverHTTPS

        over_https = DNSOverHTTPS(parsed.server + parsed.target, dial, timeout_seconds, ssl_context)
        return DNSResolver(over_https, parsed.server)
    from .stream import DNSOverStream
    from .udp import DNSOverUDP

    if parsed.scheme == "tls":
        with_tls = _OpeningTLS(dial, parsed, timeout_seconds, ssl_context)
        return DNSResolver(DNSOverStream(with_tls, timeout_seconds, padded=True), parsed.server)
    over_tcp = DNSOverStream(_Opening(dial, parsed, timeout_seconds), timeout_seconds)
    return DNSResolver(DNSOverUDP(parsed.host, parsed.port, over_tcp, timeout_seconds), parsed.server)


class _Opening:
    """Connects to a server."""

    def __init__(self, dial: Dial, url: ResolverURL, timeout_seconds: float) -> None:
        self._dial = dial
        self._url = url
        self._timeout_seconds = timeout_seconds

    async def __call__(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        sock = await self._dial(self._url.host, self._url.port, timeout_seconds=self._timeout_seconds)
        return await streams_over(sock)


class _OpeningTLS:
    """Connects to a server with TLS."""

    def __init__(
        self, dial: Dial, url: ResolverURL, timeout_seconds: float, ssl_context: ssl.SSLContext | None
    ) -> None:
        self._open = _Opening(dial, url, timeout_seconds)
        self._host = url.host
        self._ssl_context = ssl_context

    async def __call__(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = self._ssl_context or await default_context("dns")
        reader, writer = await self._open()
        await writer.start_tls(context, server_hostname=self._host)
        return reader, writer
