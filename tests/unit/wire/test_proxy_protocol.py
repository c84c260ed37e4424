"""The PROXY protocol's header: written for another implementation, and read from it, however it comes."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from proxyprotocol.result import ProxyResultIPv4, ProxyResultIPv6
from proxyprotocol.v1 import ProxyProtocolV1
from proxyprotocol.v2 import ProxyProtocolV2

from mtglib import Reason
from mtglib.errors import ClientError
from mtglib.ground.endpoints import Endpoint
from mtglib.wire.proxy_protocol import ProxyHeader, header_v2, parse_header

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n"
V2 = SIGNATURE + bytes.fromhex("2111000c" + "c0000207" + "c6336401" + "c350" + "01bb")
SOURCE, DESTINATION = Endpoint(ip_address("192.0.2.7"), 50_000), Endpoint(ip_address("198.51.100.1"), 443)

endpoints = st.builds(Endpoint, st.ip_addresses(), st.integers(0, 65535))


def pairs(version: int) -> st.SearchStrategy[tuple[Endpoint, Endpoint]]:
    ends = st.builds(Endpoint, st.ip_addresses(v=version), st.integers(0, 65535))  # type: ignore[arg-type]
    return st.tuples(ends, ends)


same_family = pairs(4) | pairs(6)


def as_ipv6(ip: IPv4Address | IPv6Address) -> IPv6Address:
    return ip if isinstance(ip, IPv6Address) else IPv6Address(f"::ffff:{ip}")


def canonical(end: Endpoint) -> Endpoint:
    mapped = end.ip.ipv4_mapped if isinstance(end.ip, IPv6Address) else None
    return Endpoint(mapped or end.ip, end.port)


def result(source: Endpoint, destination: Endpoint) -> ProxyResultIPv4 | ProxyResultIPv6:
    """The addresses as the other implementation knows them."""
    kind = ProxyResultIPv4 if source.ip.version == 4 else ProxyResultIPv6
    return kind(tuple(source), tuple(destination), protocol=socket.SOCK_STREAM)  # type: ignore[arg-type]


def refused(data: bytes) -> str:
    with pytest.raises(ClientError) as raised:
        parse_header(data)
    assert raised.value.reason is Reason.PROXY_HEADER
    return str(raised.value)


def read_by_steps(data: bytes, ends: list[int]) -> ProxyHeader | str | None:
    """Read as its bytes come: the header, the error, or None if it never ends."""
    for end in [*sorted(ends), len(data)]:
        try:
            header = parse_header(data[:end])
        except ClientError as error:
            return str(error)
        if header is not None:
            return header
    return None


class TestWritten:
    @given(source=endpoints, destination=endpoints)
    def test_another_implementation_reads_both_endpoints(self, source: Endpoint, destination: Endpoint) -> None:
        header = header_v2(source, destination)

        read = ProxyProtocolV2().unpack(header)

        both_v4 = source[0].version == destination[0].version == 4
        assert read.family == (socket.AF_INET if both_v4 else socket.AF_INET6)
        assert (read.proxied, read.protocol) == (True, socket.SOCK_STREAM)
        wanted = [source, destination] if both_v4 else [(as_ipv6(ip), port) for ip, port in (source, destination)]
        assert [read.source, read.dest] == wanted
        assert len(header) == 16 + (12 if both_v4 else 36)

    @given(known=endpoints)
    def test_an_unknown_endpoint_makes_it_local(self, known: Endpoint) -> None:
        for source, destination in ((None, known), (known, None), (None, None)):
            header = header_v2(source, destination)
            assert header == b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"
            assert not ProxyProtocolV2().unpack(header).proxied

    @given(source=endpoints, destination=endpoints)
    def test_we_read_what_we_write(self, source: Endpoint, destination: Endpoint) -> None:
        header = header_v2(source, destination)

        assert parse_header(header) == ProxyHeader(len(header), canonical(source), canonical(destination))


class TestRead:
    @given(ends=same_family, rest=st.binary(max_size=40))
    def test_both_versions_of_another_implementation(self, ends: tuple[Endpoint, Endpoint], rest: bytes) -> None:
        for header in (ProxyProtocolV1().pack(result(*ends)), ProxyProtocolV2().pack(result(*ends))):
            wanted = ProxyHeader(len(header), canonical(ends[0]), canonical(ends[1]))
            assert parse_header(header + rest) == wanted
            assert all(parse_header(header[:end]) is None for end in range(len(header)))

    @given(
        start=st.sampled_from([b"", V1, V2, V1[:-2], V2[:13], V2[:14], SIGNATURE + b"\x21\x11", b"PROXY TCP6 "]),
        rest=st.binary(max_size=120) | st.text("0123456789abcdef:. \r\n", max_size=120).map(str.encode),
        ends=st.lists(st.integers(0, 150), max_size=20),
    )
    @example(start=b"PROXY ", rest=b"UNKNOWN" + b"x" * 92 + b"\r\n", ends=[106, 107])
    @example(start=b"PROXY ", rest=b"UNKNOWN" + b"x" * 93 + b"\r\n", ends=[106, 107, 108])
    def test_however_the_bytes_come(self, start: bytes, rest: bytes, ends: list[int]) -> None:
        """Whole, byte by byte or in pieces: the same header or the same error, and never anything else."""
        data = start + rest
        whole = read_by_steps(data, [])

        assert read_by_steps(data, ends) == whole
        assert read_by_steps(data, list(range(len(data)))) == whole
        if isinstance(whole, ProxyHeader):
            assert (whole.source is None) is (whole.destination is None)
            assert parse_header(data[: whole.length_bytes]) == whole

    @given(tlvs=st.binary(max_size=2036))
    @example(tlvs=bytes(2036))
    def test_what_follows_the_addresses_is_skipped(self, tlvs: bytes) -> None:
        header = V2[:14] + (12 + len(tlvs)).to_bytes(2) + V2[16:] + tlvs

        assert parse_header(header + b"more") == ProxyHeader(len(header), SOURCE, DESTINATION)
        assert parse_header(header[:-1]) is None

    @pytest.mark.parametrize(
        "header",
        [
            *(b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN 192.0.2.7 ::1 70000 any\xff\r\n"),
            *(SIGNATURE + b"\x20\x00\0\0", SIGNATURE + b"\x20\x11\x00\x0c" + bytes(12), SIGNATURE + b"\x20\xff\0\1x"),
            SIGNATURE + b"\x21\x00\0\0",
            *(SIGNATURE + b"\x21\x12\x00\x0c" + bytes(12), SIGNATURE + b"\x21\x22\x00\x24" + bytes(36)),
            *(SIGNATURE + b"\x21\x31\x00\xd8" + bytes(216), SIGNATURE + b"\x21\x32\x00\xd8" + bytes(216)),
        ],
        ids=[
            *("v1", "v1 with more", "local", "local with addresses", "local of any kind", "no family", "udp4", "udp6"),
            *("unix", "unix datagrams"),
        ],
    )
    def test_without_addresses_of_a_tcp_connection_it_is_the_peers_own(self, header: bytes) -> None:
        assert parse_header(header + b"more") == ProxyHeader(len(header), None, None)

    def test_an_ipv4_mapped_address_is_ipv4(self) -> None:
        text = b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 50000 443\r\n"

        assert parse_header(text) == ProxyHeader(len(text), SOURCE, DESTINATION)


class TestRefused:
    @pytest.mark.parametrize("data", [b"G", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"PROXX", b"\r\n\r\nx", b"proxy "])
    def test_what_is_no_header_at_its_first_wrong_byte(self, data: bytes) -> None:
        assert refused(data) == "the connection doesn't begin with a PROXY header"

    @pytest.mark.parametrize("address", ["192.0.2", "192.0.2.07", "192.0.2.256", "::1", "1", "", "192.0.2.7%1", "x"])
    def test_an_address_that_is_none_or_of_another_family(self, address: str) -> None:
        assert refused(f"PROXY TCP4 {address} 192.0.2.1 1 2\r\n".encode()) == "the PROXY header has an invalid address"
        assert refused(f"PROXY TCP4 192.0.2.1 {address} 1 2\r\n".encode()) == "the PROXY header has an invalid address"

    @pytest.mark.parametrize("address", ["192.0.2.7", "fe80::1%eth0", "::1::", "[::1]"])
    def test_the_same_of_ipv6(self, address: str) -> None:
        assert refused(f"PROXY TCP6 {address} ::1 1 2\r\n".encode()) == "the PROXY header has an invalid address"

    @pytest.mark.parametrize("port", ["65536", "-1", "+1", "01", "00", "1_0", "", "\u0661", "1" * 30])
    def test_a_port_that_is_none(self, port: str) -> None:
        assert (
            refused(f"PROXY TCP4 192.0.2.7 192.0.2.1 {port} 2\r\n".encode()) == "the PROXY header has an invalid port"
        )

    @pytest.mark.parametrize(
        "line",
        [
            *(b"PROXY \r\n", b"PROXY TCP4\r\n", b"PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n", b"PROXY UNKNOWNX\r\n"),
            *(b"PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n"),
            *(b"PROXY TCP4  192.0.2.7 192.0.2.1 1 2\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 \r\n"),
            *(b"PROXY tcp4 192.0.2.7 192.0.2.1 1 2\r\n",),
            *(SIGNATURE + b"\x11\x11\x00\x0c", SIGNATURE + b"\x22\x11\x00\x0c", SIGNATURE + b"\x31\x11\x00\x0c"),
            *(SIGNATURE + b"\x21\x10\x00\x0c", SIGNATURE + b"\x21\x41\x00\x0c", SIGNATURE + b"\x21\x13\x00\x0c"),
            *(SIGNATURE + b"\x21\x11\x00\x0b", SIGNATURE + b"\x21\x21\x00\x23"),
        ],
    )
    def test_what_is_malformed(self, line: bytes) -> None:
        assert refused(line) == "the PROXY header is malformed"

    def test_what_is_too_long_as_soon_as_that_is_certain(self) -> None:
        longest = b"PROXY UNKNOWN ".ljust(105, b"x")
        assert parse_header(longest + b"\r\n") == ProxyHeader(107)
        assert parse_header(longest + b"x") is None
        for end in (b"x\r", b"x\r\n", b"xx"):
            assert refused(longest + end) == "the PROXY header is longer than 107 bytes"
        assert refused(SIGNATURE + b"\x21\x11\x08\x01") == "the PROXY header is longer than 16 + 2048 bytes"
        assert refused(SIGNATURE + b"\x20\x00\xff\xff") == "the PROXY header is longer than 16 + 2048 bytes"
