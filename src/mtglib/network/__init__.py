"""Networks: ways to make outgoing connections."""

from __future__ import annotations

from .balanced import Balanced, from_urls
from .breaker import CircuitBreaker
from .direct import Direct
from .dns.by_url import resolver_from_url
from .dns.url import ResolverURL
from .errors import CircuitOpenError, ResolverClosedError, TargetUnreachableError
from .proxy_url import ProxyURL
from .resolve import Answer, ClosableResolver, Resolver
from .socket_options import DEFAULT_SOCKET_OPTIONS, KeepAlive, SocketOptions
from .socks5 import Socks5
from .system_resolver import SystemResolver

__all__ = [
    "DEFAULT_SOCKET_OPTIONS",
    "Answer",
    "Balanced",
    "CircuitBreaker",
    "CircuitOpenError",
    "ClosableResolver",
    "Direct",
    "KeepAlive",
    "ProxyURL",
    "Resolver",
    "ResolverClosedError",
    "ResolverURL",
    "SocketOptions",
    "Socks5",
    "SystemResolver",
    "TargetUnreachableError",
    "from_urls",
    "resolver_from_url",
]
