"""Addresses in every form that they come in."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib import OptionError
from mtglib.ground.endpoints import (
    canonical_ip,
    client_endpoint,
    endpoint_of,
    local_endpoint,
    parse_endpoint,
    parse_network,
)

addresses = st.ip_addresses()


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.1%eth0", "192.0.2.1"),
        ("front.example", None),
        ("", None),
        ("192.0.2.1:80", None),
        ("[::1]", None),
    ],
)
def test_canonical_form(text: str, canonical: str | None) -> None:
    assert canonical_ip(text) == (canonical and ip_address(canonical))


@given(addresses)
def test_mapped_and_plain_addresses_are_one(ip: IPv4Address | IPv6Address) -> None:
    if ip.version == 4:
        assert canonical_ip(f"::ffff:{ip}") == canonical_ip(str(ip)) == ip
    elif ip.ipv4_mapped is None:
        assert canonical_ip(str(ip)) == canonical_ip(f"{ip}%lo") == ip


@pytest.mark.parametrize("address", ["", "/run/mtg.sock", b"\0abstract", None, (), ("127.0.0.1",), (1, 2), ("x", 1)])
def test_what_is_no_ip_address_has_no_endpoint(address: Any) -> None:
    assert endpoint_of(address) is None


@given(addresses, st.integers(0, 65535), st.booleans(), st.booleans())
def test_a_clients_address_is_taken_in_all_its_forms(
    ip: IPv4Address | IPv6Address, port: int, as_text: bool, is_long: bool
) -> None:
    address = (str(ip) if as_text else ip, port, *((0, 7) if is_long and ip.version == 6 else ()))

    assert client_endpoint("client_address", address) == (canonical_ip(str(ip)), port)


@given(st.one_of(st.none(), st.text(), st.tuples(st.text(), st.integers()), st.lists(st.integers()), st.binary()))
def test_nothing_else_is_a_clients_address(value: Any) -> None:
    hypothesis.assume(endpoint_of(value) is None)
    hypothesis.assume(not isinstance(value, bytes) and not (isinstance(value, str) and value[:1] in ("", "/")))

    with pytest.raises(OptionError, match=r"^client_address: expected a tuple \(ip, port\)"):
        client_endpoint("client_address", value)


@pytest.mark.parametrize("name", ["", b"", "/run/mtg.sock", b"\0abstract"])
def test_a_client_on_a_unix_socket_has_no_address(name: Any) -> None:
    assert client_endpoint("client_address", name) is None


def test_endpoints_of_both_families() -> None:
    assert endpoint_of(("192.0.2.1", 80)) == (ip_address("192.0.2.1"), 80)
    assert endpoint_of(("::ffff:192.0.2.1", 80, 0, 0)) == (ip_address("192.0.2.1"), 80)
    assert endpoint_of(("fe80::1%lo", 80, 0, 1)) == (ip_address("fe80::1"), 80)


def test_local_endpoint_of_tcp_pairs_and_closed_sockets() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert local_endpoint(listener) == (ip_address("127.0.0.1"), listener.getsockname()[1])
    one, other = socket.socketpair()
    assert local_endpoint(one) is None
    one.close()
    other.close()
    assert local_endpoint(one) is None


@given(ip=addresses, port=st.integers(1, 65535))
def test_endpoints_roundtrip(ip: IPv4Address | IPv6Address, port: int) -> None:
    assert parse_endpoint(f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}") == (ip, port)


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1"),
        *("127.0.0.1:+1", "127.0.0.1: 1", "127.0.0.1:٣", "127.0.0.1:1_0", "[127.0.0.1]:1", "::1:1", "[::1]", "[::1"),
        *("[::1]1", "::1]:1", "host:1", "https://127.0.0.1:1"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_endpoint(text)


@given(st.text(alphabet="0123456789abf.:[]% x٣", max_size=24))
def test_parsing_raises_value_errors_only(text: str) -> None:
    try:
        ip, port = parse_endpoint(text)
    except ValueError:
        return
    assert canonical_ip(str(ip)) is not None
    assert 1 <= port <= 65535


@given(ip=addresses)
def test_a_network_has_the_canonical_addresses_that_are_in_it(ip: IPv4Address | IPv6Address) -> None:
    canonical = canonical_ip(str(ip))
    bits = 32 if ip.version == 4 else 128

    assert canonical in parse_network(str(ip))
    assert parse_network(f"{ip}/{bits}") == parse_network(str(ip))
    assert parse_network(str(ip)).num_addresses == 1


def test_a_mapped_network_is_ipv4_and_a_wider_one_is_not() -> None:
    assert str(parse_network("::ffff:10.0.0.0/104")) == "10.0.0.0/8"
    assert str(parse_network("::ffff:0:0/96")) == "0.0.0.0/0"
    assert str(parse_network("::/0")) == "::/0"


@pytest.mark.parametrize("text", ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10", "fe80::%lo/64", "2001:db8::1/32"])
def test_anything_else_is_no_network(text: str) -> None:
    with pytest.raises(ValueError):
        parse_network(text)
