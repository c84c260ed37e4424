"""What the tests of IP lists share: texts, lists of which nothing takes long, and look-ups."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from mtglib.ipblocklist import FireHOL
from mtglib.network import Direct

GOOD = b"192.0.2.0/24\n"
OTHER = b"198.51.100.0/24\n203.0.113.0/24\n"
MAX_BYTES = 100_000


def make_list(urls: list[str], **changes: Any) -> FireHOL:
    """Make a list that takes no more than ``MAX_BYTES`` of a source."""
    settings: dict[str, Any] = {"network": Direct(), "timeout_seconds": 20.0, "max_download_bytes": MAX_BYTES}
    return FireHOL(urls, **(settings | changes))


def has(found: FireHOL, *ips: str) -> list[bool]:
    """Look addresses up."""
    return [found.contains(ip_address(ip)) for ip in ips]
