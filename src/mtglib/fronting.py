"""What becomes of everybody who isn't a client of ours: they talk to the fronting site, which we know nothing about."""

import socket
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from .constants import MIN_FRONTING_IDLE_TIMEOUT
from .endpoints import endpoint_of, local_endpoint
from .errors import UpstreamError
from .event_types import IPAddress
from .guards import Warnings
from .options import ProxyOpts
from .relay.job import Job
from .upstream import dial
from .wire.proxy_protocol import header_v2

_BINDS_ANYWHERE = {
    4: Path("/proc/sys/net/ipv4/ip_nonlocal_bind"),
    6: Path("/proc/sys/net/ipv6/ip_nonlocal_bind"),
}


def fronting_address(opts: ProxyOpts) -> tuple[str, int]:
    """Return the host (or configured address) and port of the fronting site."""
    return str(opts.domain_fronting_ip or opts.secret.host), opts.domain_fronting_port


async def dial_front(
    opts: ProxyOpts,
    listeners: Collection[socket.socket],
    reached: tuple[IPAddress, int] | None,
    warnings: Warnings,
) -> socket.socket:
    """Connect to the fronting site.

    Args:
        opts: The proxy's options.
        listeners: Sockets that the proxy accepts on: a front that is one of them would front itself, and one probe
            would go round until the concurrency limit stops it.
        reached: Where the prober connected to, if that has an address: the listener may be one that the proxy doesn't
            know, as the connection may have been accepted by somebody else.
        warnings: Where a network that misbehaves is reported.

    Raises:
        OSError, TimeoutError, UpstreamError: It can't be reached, or mustn't.
    """
    host, port = fronting_address(opts)
    network = opts.front_network or opts.network
    upstream = await dial(network, host, port, 2 * opts.dial_timeout, warnings)
    if _is_own(upstream, listeners, reached):
        upstream.close()
        raise UpstreamError(
            f"domain-fronting: expected another server than this proxy, but {host} port {port} is its own address"
        )
    return upstream


def fronting_job(
    opts: ProxyOpts,
    client: socket.socket,
    upstream: socket.socket,
    unread: bytes,
    seen: tuple[IPAddress, int] | None,
) -> Job:
    """Describe the relay between a prober and the site: the very bytes, both ways.

    Args:
        opts: The proxy's options.
        client: The prober's socket.
        upstream: The site's.
        unread: Everything that was read from the prober.
        seen: The prober's address, for the PROXY protocol.
    """
    preamble = b""
    if opts.domain_fronting_proxy_protocol:
        preamble = header_v2(seen, local_endpoint(client))
    idle_timeout = max(opts.idle_timeout, MIN_FRONTING_IDLE_TIMEOUT)
    return Job(client, upstream, unread, preamble, None, idle_timeout)


def _is_own(
    upstream: socket.socket, listeners: Collection[socket.socket], reached: tuple[IPAddress, int] | None
) -> bool:
    try:
        peer = endpoint_of(upstream.getpeername())
    except OSError:
        return False
    if peer is None:
        return False
    # Of a transparent proxy's connection the own address is that of the very site; it isn't this machine's.
    if peer == reached and _is_local(peer[0]):
        return True
    for listener in listeners:
        own = local_endpoint(listener)
        if own is not None and own[1] == peer[1] and (own[0] == peer[0] or _covers(listener, own[0], peer[0])):
            return True
    return False


def _covers(listener: socket.socket, own: IPAddress, peer: IPAddress) -> bool:
    """Tell whether a listener on any address gets connections to `peer`: `::` has IPv4's, too, if it is dual stack."""
    if not own.is_unspecified or own.version < peer.version:
        return False
    if own.version > peer.version and listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        return False
    return _is_local(peer)


def _is_local(ip: IPAddress) -> bool:
    """Tell whether an address is one of this machine's: who sends there sends from it, or at least can bind to it."""
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect((str(ip), 9))  # sends nothing
        if local_endpoint(probe) == (ip, probe.getsockname()[1]):
            return True
    with socket.socket(family, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.bind((str(ip), 0))
        return not _BINDS_ANYWHERE[ip.version].exists() or _BINDS_ANYWHERE[ip.version].read_text().strip() == "0"
    return False
