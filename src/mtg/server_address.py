"""Finds the address at which clients reach this machine, without asking the network."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from mtg.config.addresses import Listen, ListenIP
from mtg.config.schema import Config
from mtglib import IPAddress

# Reserved for documentation (RFC 5737, RFC 3849): the default route leads there, but nobody is there. A UDP socket that
# is connected to them has chosen its source address, and has sent nothing.
_ANYWHERE = {4: (socket.AF_INET, "192.0.2.1"), 6: (socket.AF_INET6, "2001:db8::1")}
_ANY_PORT = 9


def server_address(config: Config, version: int, given: IPAddress | None = None) -> IPAddress | None:
    """The address of IP `version` 4 or 6 for links.

    In this order: `given`, the configuration's `public-ipv4` or `-ipv6`, a specific address of `bind-to`, and, if the
    proxy listens on all addresses, the source address of the default route. None if clients of that version can't
    connect anyway, or if no address is known.
    """
    configured = config.public_ipv4 if version == 4 else config.public_ipv6
    if known := given or configured:
        return known
    listens = [listen for listen in config.bind_to if isinstance(listen, ListenIP)]
    specific = [listen.ip for listen in listens if listen.ip.version == version and not listen.ip.is_unspecified]
    if specific:
        return specific[0]
    return default_source(version) if _accepts(listens, version) else None


def default_source(version: int) -> IPAddress | None:
    """Return the source address of the default route, or None without one. Sends nothing."""
    family, anywhere = _ANYWHERE[version]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((anywhere, _ANY_PORT))
            address = ipaddress.ip_address(probe.getsockname()[0].partition("%")[0])
    except OSError:
        return None
    return None if address.is_unspecified or address.is_link_local else address


def reach(address: IPAddress) -> str:
    """Return a note on a link with this address: "" for a public one."""
    if address.is_loopback:
        return f"{address} works on this machine only"
    if not address.is_global:
        return f"{address} is a private address, so it works only on your local network"
    return ""


def link_port(listens: Iterable[Listen], version: int) -> int | None:
    """The port that clients of IP `version` connect to: that of the first entry that accepts them, or None."""
    usable = [listen for listen in listens if isinstance(listen, ListenIP)]
    fitting = [listen for listen in usable if _accepts([listen], version)]
    return next((listen.port for listen in (*fitting, *usable) if listen.port), None)


def _accepts(listens: Iterable[ListenIP], version: int) -> bool:
    """Return whether clients of IP `version` can connect: `[::]` accepts both."""
    return any(
        listen.ip.version == version or (listen.ip.version == 6 and listen.ip.is_unspecified) for listen in listens
    )
