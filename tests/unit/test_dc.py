"""Which data centre a number means, and in which order its addresses are tried."""

from __future__ import annotations

from ipaddress import ip_address
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib import ClientError
from mtglib.constants import PreferIP
from mtglib.dc import DCAddress, DCChoice, DCTable

PRODUCTION = {
    1: ["149.154.175.50", "2001:b28:f23d:f001::a"],
    2: ["149.154.167.51", "95.161.76.100", "2001:67c:4e8:f002::a"],
    3: ["149.154.175.100", "2001:b28:f23d:f003::a"],
    4: ["149.154.167.91", "2001:67c:4e8:f004::a"],
    5: ["149.154.171.5", "2001:b28:f23f:f005::a"],
    203: ["91.105.192.100", "2a0a:f280:203:a:5000::100"],
}
TEST = {
    1: ["149.154.175.10", "2001:b28:f23d:f001::e"],
    2: ["149.154.167.40", "2001:67c:4e8:f002::e"],
    3: ["149.154.175.117", "2001:b28:f23d:f003::e"],
}


def ips(choice: DCChoice) -> list[str]:
    return [str(address.ip) for address in choice.addresses]


def table(prefer_ip: PreferIP = "prefer-ipv4", **settings: bool) -> DCTable:
    return DCTable(prefer_ip, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("dc", PRODUCTION)
@pytest.mark.parametrize("sign", [1, -1])
def test_production_addresses_serve_media_too(dc: int, sign: int) -> None:
    choice = table().choose(sign * dc)

    assert sorted(ips(choice)) == sorted(PRODUCTION[dc])
    assert (choice.dc, choice.requested) == (dc, sign * dc)
    assert {address.port for address in choice.addresses} == {443}


def test_zero_means_any_and_is_taken_as_two() -> None:
    assert (table().choose(0).dc, table().choose(0).requested) == (2, 0)
    assert ips(table().choose(0))[-1] == PRODUCTION[2][-1]


@pytest.mark.parametrize("dc", TEST)
@pytest.mark.parametrize("sign", [1, -1])
def test_test_dcs_are_known_only_if_asked_for(dc: int, sign: int) -> None:
    number = sign * (10_000 + dc)

    assert ips(table(use_test_dcs=True).choose(number)) == TEST[dc]
    assert table(use_test_dcs=True).choose(number).requested == number
    with pytest.raises(ClientError) as caught:
        table().choose(number)
    assert caught.value.reason == "unknown_dc"


@given(dc=st.integers(-32768, 32767), test=st.booleans())
def test_any_number_is_known_or_refused_and_with_fallback_served(dc: int, test: bool) -> None:
    n = abs(dc) or 2
    known = n in PRODUCTION or (test and n - 10_000 in TEST)

    fallback = table(use_test_dcs=test, allow_fallback=True).choose(dc)

    assert (fallback.dc, fallback.requested) == ((n, dc) if known else (2, 2))
    assert fallback.addresses
    if not known:
        with pytest.raises(ClientError, match=f"DC {dc} isn't known"):
            table(use_test_dcs=test).choose(dc)


@pytest.mark.parametrize(
    ("prefer_ip", "families"),
    [("prefer-ipv4", [4, 4, 6]), ("prefer-ipv6", [6, 4, 4]), ("only-ipv4", [4, 4]), ("only-ipv6", [6])],
)
def test_preference_orders_and_only_filters(prefer_ip: PreferIP, families: list[int]) -> None:
    assert [address.ip.version for address in table(prefer_ip).choose(2).addresses] == families


def test_one_family_is_in_random_order() -> None:
    assert {tuple(ips(table("only-ipv4").choose(2))) for _ in range(200)} == {
        ("149.154.167.51", "95.161.76.100"),
        ("95.161.76.100", "149.154.167.51"),
    }


@pytest.mark.parametrize("prefer_ip", get_args(PreferIP))
def test_no_preference_leaves_a_known_dc_without_address(prefer_ip: PreferIP) -> None:
    assert table(prefer_ip).unreachable() is None


def test_overrides_replace_the_table_and_make_a_dc_known() -> None:
    mine = DCAddress(ip_address("127.0.0.1"), 9443)
    overridden = DCTable("prefer-ipv6", overrides={2: [mine], 77: [mine], 10_001: [mine]})

    for dc in (2, -2, 0, 77, -77, 10_001):
        assert overridden.choose(dc).addresses == (mine,)
    assert mine.host == "127.0.0.1"
    assert ips(overridden.choose(1))[0] == PRODUCTION[1][1]


def test_an_override_of_the_wrong_family_is_found() -> None:
    mine = DCAddress(ip_address("127.0.0.1"), 9443)

    assert DCTable("only-ipv6", overrides={77: [mine], 5: [mine]}).unreachable() == 5
    assert DCTable("only-ipv4", overrides={77: [mine]}).unreachable() is None
