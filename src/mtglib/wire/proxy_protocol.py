"""The header of PROXY protocol, which tells a server a connection's real addresses.

Versions 1 and 2 are read, from a balancer; version 2 is written, for the fronting site.

Source: https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, sections 2.1 and 2.2.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from ..errors import ClientError
from ..event_types import IPAddress
from ..ground.endpoints import Endpoint, canonical_ip
from ..reasons import Reason

MAX_V1_BYTES: Final = 107
MAX_V2_REST_BYTES: Final = 2048
"""The most that may follow the 16 bytes of version 2. The field could say 65535; the addresses take 12 or 36, and what
balancers add to them (TLVs) is names and checksums."""

_V1_BEGIN: Final = b"PROXY "
_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_V2_BYTES: Final = 16
_LOCAL, _PROXY = b"\x20", b"\x21"
_UNSPECIFIED, _TCP4, _TCP6 = b"\x00", b"\x11", b"\x21"
_NOT_TCP: Final = (
    _UNSPECIFIED,
    b"\x12",
    b"\x22",
    b"\x31",
    b"\x32",
)  # UDP over IPv4 and IPv6, two kinds of Unix sockets


class ProxyHeader(NamedTuple):
    """A header that was read.

    Attributes:
        length_bytes: How many bytes it took.
        source: Where the connection comes from; None if the header doesn't say, or names no TCP connection: then it is
            the sender's own connection, such as a health check.
        destination: Where the source has connected to; None if `source` is.
    """

    length_bytes: int
    source: Endpoint | None = None
    destination: Endpoint | None = None


def parse_header(data: bytes) -> ProxyHeader | None:
    """Parse the header that starts `data`; None while bytes are missing. TLVs are skipped.

    Raises:
        ClientError: PROXY_HEADER: it doesn't start with a header, or with one that is malformed or too long.
    """
    if _SIGNATURE[: len(data)] == data[: len(_SIGNATURE)]:
        return _parse_v2(data)
    if _V1_BEGIN[: len(data)] == data[: len(_V1_BEGIN)]:
        return _parse_v1(data)
    raise _error("the connection doesn't begin with a PROXY header")


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


def _parse_v1(data: bytes) -> ProxyHeader | None:
    line, end, _ = data[:MAX_V1_BYTES].partition(b"\r\n")
    if not end:
        if len(data) < MAX_V1_BYTES:
            return None
        raise _error(f"the PROXY header is longer than {MAX_V1_BYTES} bytes")
    length_bytes = len(line) + len(end)
    _, protocol, *rest = line.decode("ascii", "replace").split(" ")
    if protocol == "UNKNOWN":  # whatever follows
        return ProxyHeader(length_bytes)
    if protocol not in ("TCP4", "TCP6") or len(rest) != 4:
        raise _error("the PROXY header is malformed")
    source_ip, destination_ip = (_ip_of_text(text, protocol == "TCP6") for text in rest[:2])
    source_port, destination_port = (_port_of_text(text) for text in rest[2:])
    return ProxyHeader(length_bytes, Endpoint(source_ip, source_port), Endpoint(destination_ip, destination_port))


def _parse_v2(data: bytes) -> ProxyHeader | None:
    if len(data) < _V2_BYTES:
        return None
    command, family, rest_bytes = data[12:13], data[13:14], int.from_bytes(data[14:_V2_BYTES])
    if rest_bytes > MAX_V2_REST_BYTES:
        raise _error(f"the PROXY header is longer than {_V2_BYTES} + {MAX_V2_REST_BYTES} bytes")
    ip_bytes = {_TCP4: 4, _TCP6: 16}.get(family, 0) if command == _PROXY else 0
    needs_bytes = 2 * ip_bytes + 4 if ip_bytes else 0
    is_known = command == _LOCAL or (command == _PROXY and (ip_bytes or family in _NOT_TCP))
    if not is_known or rest_bytes < needs_bytes:
        raise _error("the PROXY header is malformed")
    length_bytes = _V2_BYTES + rest_bytes
    if len(data) < length_bytes:
        return None
    if not ip_bytes:
        return ProxyHeader(length_bytes)
    source_ip, destination_ip = (_unpacked(data[at : at + ip_bytes]) for at in (_V2_BYTES, _V2_BYTES + ip_bytes))
    ports = data[_V2_BYTES + 2 * ip_bytes :]
    return ProxyHeader(
        length_bytes,
        Endpoint(source_ip, int.from_bytes(ports[:2])),
        Endpoint(destination_ip, int.from_bytes(ports[2:4])),
    )


def _ip_of_text(text: str, is_v6: bool) -> IPAddress:
    ip = canonical_ip(text)
    if ip is None or "%" in text or (":" in text) is not is_v6:
        raise _error("the PROXY header has an invalid address")
    return ip


def _port_of_text(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= 5 and str(int(text)) == text
    if not is_number or int(text) > 65535:
        raise _error("the PROXY header has an invalid port")
    return int(text)


def _packed(ip: IPAddress, both_v4: bool) -> bytes:
    if both_v4 or ip.version == 6:
        return ip.packed
    return b"\0" * 10 + b"\xff\xff" + ip.packed


def _unpacked(data: bytes) -> IPAddress:
    if len(data) == 4:
        return IPv4Address(data)
    ip = IPv6Address(data)
    return ip.ipv4_mapped or ip


def _error(message: str) -> ClientError:
    return ClientError(Reason.PROXY_HEADER, message)
