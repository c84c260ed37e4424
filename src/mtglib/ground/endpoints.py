"""IP addresses and ports as sockets, options and people write them, in canonical form."""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple, TypeAlias

from ..errors import OptionError
from ..event_types import IPAddress

IPNetwork: TypeAlias = IPv4Network | IPv6Network

_MAPPED_BITS = 96
_UNIX_NAMES = ("", "/")  # nameless, or a path; abstract ones are bytes


class Endpoint(NamedTuple):
    """One end of a connection.

    Attributes:
        ip: The IP address; IPv4-mapped IPv6 is converted to IPv4.
        port: 0 to 65535.
    """

    ip: IPAddress
    port: int


def canonical_ip(text: str) -> IPAddress | None:
    """Parse an address from a socket; None if it is invalid. IPv4-mapped IPv6 becomes IPv4, a zone is dropped."""
    return _parsed(text)


# A function of its own: type checkers accept anything as an argument of a cached one. The same few clients, our own
# addresses and those of the DCs come again and again.
@lru_cache(maxsize=4096)
def _parsed(text: str) -> IPAddress | None:
    try:
        ip = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(ip, IPv6Address):
        return ip.ipv4_mapped or ip
    return ip


def endpoint_of(address: Any) -> Endpoint | None:
    """Parse the result of `getpeername()`; None if the socket has no IP address (Unix sockets, pairs)."""
    if not isinstance(address, tuple) or len(address) < 2 or not isinstance(address[0], str):
        return None
    ip = canonical_ip(address[0])
    return None if ip is None else Endpoint(ip, address[1])


def client_endpoint(field: str, address: Any) -> Endpoint | None:
    """Parse a client's address given by the caller: (ip, port), or for IPv6 also (ip, port, flow, scope).

    Args:
        field: The name to use in an error.
        address: The IP address is text or an object of `ipaddress`; the port is 0 to 65535. The socket module's address
            of a Unix socket gives None.

    Raises:
        OptionError: The value is invalid.
    """
    if isinstance(address, tuple) and len(address) in (2, 4):
        ip = canonical_ip(str(address[0])) if isinstance(address[0], str | IPv4Address | IPv6Address) else None
        is_port = type(address[1]) is int and 0 <= address[1] <= 65535
        if ip is not None and is_port and (len(address) == 2 or ":" in str(address[0])):
            return Endpoint(ip, address[1])
    if isinstance(address, bytes) or (isinstance(address, str) and address[:1] in _UNIX_NAMES):
        return None
    raise OptionError(field, "a tuple (ip, port), such as ('192.0.2.1', 50000)", address)


def peer_endpoint(sock: socket.socket) -> Endpoint | None:
    """Return the address at the other end of a socket; None if it has none, or is broken."""
    try:
        return endpoint_of(sock.getpeername())
    except OSError:
        return None


def local_endpoint(sock: socket.socket) -> Endpoint | None:
    """Return the address that a socket is bound to, if it has one."""
    try:
        return endpoint_of(sock.getsockname())
    except OSError:
        return None


def parse_endpoint(text: str) -> Endpoint:
    """Parse `ip:port` or `[ipv6]:port`.

    Raises:
        ValueError: The value is invalid.
    """
    host, separator, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    ip = ip_address(host[1:-1] if bracketed else host)
    if not separator or not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
        raise ValueError(text)
    if bracketed != (ip.version == 6):
        raise ValueError(text)
    return Endpoint(ip, int(port))


def parse_network(text: str) -> IPNetwork:
    """Parse `ip/bits` or an IP address, which is a network of one; IPv4-mapped IPv6 becomes IPv4.

    Raises:
        ValueError: The value is invalid, or has bits behind its prefix.
    """
    if "%" in text:  # a zone has a meaning on one machine only, and `canonical_ip` has dropped it
        raise ValueError(text)
    network = ip_network(text)
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))


def host_and_port(host: str, port: int) -> str:
    """Return `host:port` or `[ipv6]:port`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
