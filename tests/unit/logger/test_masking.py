"""Client addresses that tell a network and not a person."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.logger.masking import mask_address, mask_client_ip


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:7:8::9", "2001:db8:7::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", "***"),
        ("192.0.2.77:443", "***"),
        ("somebody", "***"),
        ("192.0.2.077", "***"),
    ],
)
def test_an_address_becomes_its_network_and_whatever_else_nothing(address: str, network: str) -> None:
    assert mask_address(address) == network


@given(st.ip_addresses())
def test_it_is_a_network_of_many_which_the_address_is_in(ip: IPv4Address | IPv6Address) -> None:
    network = ip_network(mask_address(str(ip)))
    canonical = ip_address(ip.ipv4_mapped) if isinstance(ip, IPv6Address) and ip.ipv4_mapped else ip

    assert canonical in network
    assert network.num_addresses == (2**8 if network.version == 4 else 2**80)


@given(st.text())
def test_no_text_shows_more_than_a_network(text: str) -> None:
    shown = mask_address(text)

    assert shown == "***" or ip_network(shown).num_addresses >= 2**8


def test_of_a_messages_fields_one_is_masked_and_the_callers_are_left_alone() -> None:
    fields = {"client_ip": "192.0.2.77", "upstream": "192.0.2.77", "stream_id": "a"}

    assert mask_client_ip(fields) == {"client_ip": "192.0.2.0/24", "upstream": "192.0.2.77", "stream_id": "a"}
    assert fields["client_ip"] == "192.0.2.77"


@pytest.mark.parametrize("fields", [{}, {"client_ip": None}, {"client_ip": ""}, {"other": 5}])
def test_where_there_is_no_address_nothing_is_made_up(fields: dict[str, object]) -> None:
    assert mask_client_ip(fields) == fields


def test_an_address_that_is_no_text_is_masked_too() -> None:
    assert mask_client_ip({"client_ip": ip_address("192.0.2.77")}) == {"client_ip": "192.0.2.0/24"}
