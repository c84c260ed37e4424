"""Detects a connection to the front that has come back to this very proxy, by its addresses."""

from __future__ import annotations

import socket
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from ..event_types import IPAddress
from ..ground.endpoints import Endpoint, endpoint_of, local_endpoint

_BINDS_ANYWHERE = {
    4: Path("/proc/sys/net/ipv4/ip_nonlocal_bind"),
    6: Path("/proc/sys/net/ipv6/ip_nonlocal_bind"),
}


def leads_to_us(upstream: socket.socket, listeners: Collection[socket.socket], reached: Endpoint | None) -> bool:
    """Return whether a connection's other end is one of our listeners.

    Args:
        upstream: The connection.
        listeners: Sockets that the proxy accepts on.
        reached: The address at which a visitor has just arrived, if any: the proxy may not know the listener, since
            other code may have accepted the connection.
    """
    try:
        peer = endpoint_of(upstream.getpeername())
    except OSError:
        return False
    if peer is None:
        return False
    # With transparent proxying, `reached` is the address of the site itself; it isn't this machine's.
    if peer == reached and _is_own_ip(peer.ip):
        return True
    for listener in listeners:
        own = local_endpoint(listener)
        if own is not None and own.port == peer.port and (own.ip == peer.ip or _covers(listener, own.ip, peer.ip)):
            return True
    return False


def _covers(listener: socket.socket, own: IPAddress, peer: IPAddress) -> bool:
    """Return whether a wildcard listener gets connections to `peer`; a dual-stack `::` gets those to IPv4 as well."""
    if not own.is_unspecified or own.version < peer.version:
        return False
    if own.version > peer.version and listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        return False
    return _is_own_ip(peer)


def _is_own_ip(ip: IPAddress) -> bool:
    """Return whether an address is this machine's: a connection to it comes from it, or it can be bound."""
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect((str(ip), 9))  # sends nothing
        if local_endpoint(probe) == (ip, probe.getsockname()[1]):
            return True
    with socket.socket(family, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.bind((str(ip), 0))
        return not _BINDS_ANYWHERE[ip.version].exists() or _BINDS_ANYWHERE[ip.version].read_text().strip() == "0"
    return False
