"""What a message shows of a key: its value as written, unless it may contain a password."""

from __future__ import annotations

from typing import Any

import pytest

from mtg.config.schema import Config, NetworkSection
from mtg.config.urls import PrivateURL
from mtg.config.written import given, got

TABLE: dict[str, Any] = {
    "concurrency": 5,
    "network": {"dns": "udp://192.0.2.1", "proxies": ["socks5://192.0.2.1:1", "socks5://192.0.2.2:1"]},
    "stats": [{"enabled": True}],
}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("concurrency", 5),
        ("network.dns", "udp://192.0.2.1"),
        ("network.proxies[1]", "socks5://192.0.2.2:1"),
        ("network.timeout.tcp", None),
        ("concurrency.most", None),
        ("stats.enabled", None),
        ("network.dns[0]", None),
    ],
)
def test_a_key_has_the_value_that_is_written_there(key: str, value: object) -> None:
    assert given(TABLE, key) == value


def test_a_message_shows_a_value_that_was_given() -> None:
    assert got(Config(), TABLE, "concurrency") == ", got 5"
    assert got(Config(), TABLE, "prefer-ip") == ""


@pytest.mark.parametrize("key", ["network.proxies", "network.proxies[1]"])
def test_a_message_shows_no_value_that_may_contain_a_password(key: str) -> None:
    config = Config(network=NetworkSection(proxies=(PrivateURL("socks5://a:b@192.0.2.1:1"),)))

    assert got(config, TABLE, key) == ""
