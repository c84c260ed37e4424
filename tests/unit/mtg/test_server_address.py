"""Which address links get."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

import mtglib
from mtg import server_address
from mtg.config import config_from_table
from mtg.config.schema import Config

SECRET = mtglib.Secret(bytes(range(16)), "front.example").hex()
ROUTE = {4: ipaddress.ip_address("203.0.113.4"), 6: ipaddress.ip_address("2001:db8::4")}


@pytest.fixture(autouse=True)
def _route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_address, "default_source", ROUTE.get)


def config(bind_to: str | list[str], **keys: Any) -> Config:
    table = {"secret": SECRET, "bind-to": bind_to} | {key.replace("_", "-"): value for key, value in keys.items()}
    return config_from_table(table, source="test").config


@pytest.mark.parametrize(
    ("bind_to", "ipv4", "ipv6"),
    [
        ("0.0.0.0:1", "203.0.113.4", None),
        ("[::]:1", "203.0.113.4", "2001:db8::4"),
        (["0.0.0.0:1", "[::]:1"], "203.0.113.4", "2001:db8::4"),
        ("198.51.100.9:1", "198.51.100.9", None),
        ("[2001:db8::9]:1", None, "2001:db8::9"),
        (["0.0.0.0:1", "[2001:db8::9]:1"], "203.0.113.4", "2001:db8::9"),
        ("unix:/x", None, None),
    ],
)
def test_the_address_comes_from_bind_to_or_the_route(
    bind_to: str | list[str], ipv4: str | None, ipv6: str | None
) -> None:
    found = [server_address.server_address(config(bind_to), version) for version in (4, 6)]
    assert [address and str(address) for address in found] == [ipv4, ipv6]


def test_what_is_given_wins_over_what_is_configured() -> None:
    configured = config("127.0.0.1:1", public_ipv4="198.51.100.7", public_ipv6="2001:db8::7")
    given = ipaddress.ip_address("198.51.100.8")
    assert str(server_address.server_address(configured, 4)) == "198.51.100.7"
    assert str(server_address.server_address(configured, 6)) == "2001:db8::7"
    assert server_address.server_address(configured, 4, given) == given


@pytest.mark.parametrize(
    ("address", "note"),
    [
        ("127.0.0.1", "127.0.0.1 works on this machine only"),
        ("10.1.2.3", "10.1.2.3 is a private address, so it works only on your local network"),
        ("100.64.0.1", "100.64.0.1 is a private address, so it works only on your local network"),
        ("fd00::1", "fd00::1 is a private address, so it works only on your local network"),
        ("8.8.8.8", ""),
        ("2a00::1", ""),
    ],
)
def test_reach_is_told(address: str, note: str) -> None:
    assert server_address.reach(ipaddress.ip_address(address)) == note


@pytest.mark.parametrize(
    ("bind_to", "ipv4", "ipv6"),
    [
        ("0.0.0.0:1", 1, 1),
        (["0.0.0.0:1", "[::]:2"], 1, 2),
        (["unix:/x", "[::]:2"], 2, 2),
        ("127.0.0.1:0", None, None),
        ("unix:/x", None, None),
    ],
)
def test_the_port_is_that_of_the_fitting_entry(bind_to: str, ipv4: int | None, ipv6: int | None) -> None:
    listens = config(bind_to).bind_to
    assert [server_address.link_port(listens, version) for version in (4, 6)] == [ipv4, ipv6]
