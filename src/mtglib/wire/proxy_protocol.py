"""The header of PROXY protocol v2, which tells a fronting site the visitor's address.

Source: https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, section 2.2.
"""

from __future__ import annotations

from typing import Final

from ..event_types import IPAddress
from ..ground.endpoints import Endpoint

_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_LOCAL, _PROXY = b"\x20", b"\x21"
_UNSPECIFIED, _TCP4, _TCP6 = b"\x00", b"\x11", b"\x21"


def header_v2(source: Endpoint | None, destination: Endpoint | None) -> bytes:
    """Make the header for a connection; LOCAL without addresses where one of them isn't known.

    An IPv4 and an IPv6 address in one connection (a dual-stack listener) both go as IPv6.
    """
    if source is None or destination is None:
        return _SIGNATURE + _LOCAL + _UNSPECIFIED + b"\0\0"
    both_v4 = source[0].version == destination[0].version == 4
    family = _TCP4 if both_v4 else _TCP6
    addresses = b"".join(_packed(ip, both_v4) for ip, _port in (source, destination))
    ports = b"".join(port.to_bytes(2) for _ip, port in (source, destination))
    return _SIGNATURE + _PROXY + family + len(addresses + ports).to_bytes(2) + addresses + ports


def _packed(ip: IPAddress, both_v4: bool) -> bytes:
    if both_v4 or ip.version == 6:
        return ip.packed
    return b"\0" * 10 + b"\xff\xff" + ip.packed
