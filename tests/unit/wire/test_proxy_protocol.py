"""The PROXY protocol's header, read by another implementation."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from proxyprotocol.v2 import ProxyProtocolV2

from mtglib.ground.endpoints import Endpoint
from mtglib.wire.proxy_protocol import header_v2

endpoints = st.tuples(st.ip_addresses(), st.integers(0, 65535))


def as_ipv6(ip: IPv4Address | IPv6Address) -> IPv6Address:
    return ip if isinstance(ip, IPv6Address) else IPv6Address(f"::ffff:{ip}")


@given(source=endpoints, destination=endpoints)
def test_another_implementation_reads_both_endpoints(source: Endpoint, destination: Endpoint) -> None:
    header = header_v2(source, destination)

    read = ProxyProtocolV2().unpack(header)

    both_v4 = source[0].version == destination[0].version == 4
    assert read.family == (socket.AF_INET if both_v4 else socket.AF_INET6)
    assert (read.proxied, read.protocol) == (True, socket.SOCK_STREAM)
    wanted = [source, destination] if both_v4 else [(as_ipv6(ip), port) for ip, port in (source, destination)]
    assert [read.source, read.dest] == wanted
    assert len(header) == 16 + (12 if both_v4 else 36)


@given(known=endpoints)
def test_an_unknown_endpoint_makes_it_local(known: Endpoint) -> None:
    for source, destination in ((None, known), (known, None), (None, None)):
        header = header_v2(source, destination)
        assert header == b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"
        assert not ProxyProtocolV2().unpack(header).proxied
