"""Networks: ways to reach others."""

from .balanced import Balanced, from_urls
from .breaker import CircuitBreaker, CircuitOpenError
from .direct import Direct
from .resolve import Answer, Resolver, SystemResolver
from .resolver_url import resolver_from_url
from .socket_options import DEFAULT_SOCKET_OPTIONS, KeepAlive, SocketOptions
from .socks5 import Socks5
from .target_error import TargetUnreachableError

__all__ = [
    "DEFAULT_SOCKET_OPTIONS",
    "Answer",
    "Balanced",
    "CircuitBreaker",
    "CircuitOpenError",
    "Direct",
    "KeepAlive",
    "Resolver",
    "SocketOptions",
    "Socks5",
    "SystemResolver",
    "TargetUnreachableError",
    "from_urls",
    "resolver_from_url",
]
