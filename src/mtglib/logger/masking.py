"""Masks client addresses, so that the log shows a network and not a person."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from ..ground.endpoints import canonical_ip

_PREFIX_LENGTHS = {4: 24, 6: 48}


def mask_client_ip(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Mask the field `client_ip`, under which the proxy logs its clients."""
    address = fields.get("client_ip")
    return {**fields, "client_ip": mask_address(str(address))} if address else fields


def mask_address(address: str) -> str:
    """Return the network of an IP address, such as "192.0.2.0/24" or "2001:db8:7::/48"; "***" for anything else."""
    ip = canonical_ip(address)
    return "***" if ip is None else str(ip_network((ip, _PREFIX_LENGTHS[ip.version]), strict=False))
