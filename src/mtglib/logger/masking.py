"""Client addresses that tell a network and not a person."""

from __future__ import annotations

from collections.abc import MutableMapping
from ipaddress import ip_network
from typing import Any

from ..endpoints import canonical_ip

_PREFIX_LENGTHS = {4: 24, 6: 48}


def mask_client_ip(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask the field `client_ip`, under which the proxy logs its clients; for structlog's list of processors."""
    if event.get("client_ip"):
        event["client_ip"] = masked(str(event["client_ip"]))
    return event


def masked(address: str) -> str:
    """Return the network of an IP address, such as "192.0.2.0/24" or "2001:db8:7::/48"; "***" for anything else."""
    ip = canonical_ip(address)
    return "***" if ip is None else str(ip_network((ip, _PREFIX_LENGTHS[ip.version]), strict=False))
