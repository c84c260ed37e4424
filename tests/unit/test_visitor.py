"""Who somebody is, as far as sockets tell."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from mtglib.ground.endpoints import Endpoint
from mtglib.visitor import Visitor

addresses_v4, addresses_v6 = st.ip_addresses(v=4), st.ip_addresses(v=6)


def network(ip: IPv4Address | IPv6Address, port: int = 1) -> int | None:
    return Visitor(Endpoint(ip, port)).network


@given(one=addresses_v4, other=addresses_v4, ports=st.tuples(st.integers(0, 65535), st.integers(0, 65535)))
def test_an_ipv4_address_is_a_network_of_its_own_whatever_the_port(
    one: IPv4Address, other: IPv4Address, ports: tuple[int, int]
) -> None:
    assert (network(one, ports[0]) == network(other, ports[1])) is (one == other)


@given(one=addresses_v6, host=st.integers(0, 2**64 - 1), other=addresses_v6)
def test_all_of_a_64_is_one_network(one: IPv6Address, host: int, other: IPv6Address) -> None:
    beside = IPv6Address(int(one) >> 64 << 64 | host)

    assert network(one) == network(beside)
    assert (network(one) == network(other)) is (int(one) >> 64 == int(other) >> 64)


@given(one=addresses_v4, other=addresses_v6)
def test_no_network_of_one_family_is_one_of_the_other(one: IPv4Address, other: IPv6Address) -> None:
    assert network(one) != network(other)


def test_without_an_address_there_is_no_network() -> None:
    nobody = Visitor(None)

    assert (nobody.ip, nobody.network) == (None, None)
    assert Visitor(Endpoint(IPv4Address("192.0.2.7"), 5)).ip == IPv4Address("192.0.2.7")


def test_the_address_that_was_reached_is_looked_up_once_and_only_if_it_is_asked_for() -> None:
    found = [Endpoint(IPv4Address("192.0.2.1"), 443)]
    visitor = Visitor(None, found.pop)

    assert len(found) == 1
    assert visitor.reached == visitor.reached == Endpoint(IPv4Address("192.0.2.1"), 443)
    assert Visitor(None).reached is None


def test_once_the_socket_is_given_away_the_address_is_looked_up_no_more() -> None:
    found = [Endpoint(IPv4Address("192.0.2.1"), 443)]
    visitor = Visitor(None, found.pop)
    visitor.let_go()

    assert (visitor.reached, len(found)) == (None, 1)
