"""One line for everything that is wrong, all at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mtglib
from mtg.config.decode import decode
from mtg.config.schema import Config

SECRET = mtglib.Secret(bytes(range(16)), "front.example")


def lines(table: dict[str, Any]) -> list[str]:
    problems: list[str] = []
    decode(Config, table, problems)
    return problems


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"debug": "yes"}, 'debug: expected true or false, got "yes"'),
        ({"debug": 1}, "debug: expected true or false, got 1"),
        ({"concurrency": 0}, "concurrency: expected a whole number from 1 to 1000000000, got 0"),
        ({"concurrency": 1.5}, "concurrency: expected a whole number from 1 to 1000000000, got 1.5"),
        ({"concurrency": 2**70}, "concurrency: expected a whole number from 1 to 1000000000, got a huge number"),
        ({"concurrency": True}, "concurrency: expected a whole number from 1 to 1000000000, got true"),
        ({"network": 1}, "network: expected a table, got 1"),
        ({"network": {"proxies": "x"}}, "network.proxies: expected a list"),
        (
            {"domain-fronting": {"port": 65536}},
            "domain-fronting.port: expected a port from 1 to 65535, got 65536",
        ),
        (
            {"defense": {"anti-replay": {"error-rate": "1%"}}},
            'defense.anti-replay.error-rate: expected a number, got "1%"',
        ),
        ({"bind-to": []}, "bind-to: expected a list with at least one entry, got an empty list"),
        ({"secret-file": 1}, "secret-file: expected a string, got 1"),
        ({"public-ipv4": "::1"}, 'public-ipv4: expected an IPv4 address, got "::1"'),
        ({"dc-overrides": {"0": ["1.2.3.4:1"]}}, "dc-overrides.0: expected a DC number of at least 1, got 0"),
        ({"dc-overrides": {"x": ["1.2.3.4:1"]}}, 'dc-overrides.x: expected a DC number of at least 1, got "x"'),
        ({"dc-overrides": {"-2": ["1.2.3.4:1"]}}, 'dc-overrides.-2: expected a DC number of at least 1, got "-2"'),
        ({"dc-overrides": {"2": []}}, "dc-overrides.2: expected a list with at least one entry, got an empty list"),
        ({"dc-overrides": []}, "dc-overrides: expected a table, got an empty list"),
    ],
)
def test_each_problem_names_key_value_and_what_was_expected(table: dict[str, Any], line: str) -> None:
    assert lines(table) == [line]


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"concurency": 1}, 'concurency: unknown key, did you mean "concurrency"?'),
        ({"network": {"timeouts": {}}}, 'network.timeouts: unknown key, did you mean "network.timeout"?'),
        ({"idle": "5m"}, 'idle: unknown key, did you mean "network.timeout.idle"?'),
        ({"network": {"concurrency": 1}}, 'network.concurrency: unknown key, did you mean "concurrency"?'),
        ({"zzz": 1}, "zzz: unknown key"),
        ({"a b": 1}, '"a b": unknown key'),
    ],
)
def test_unknown_keys_get_a_suggestion(table: dict[str, Any], line: str) -> None:
    assert lines(table) == [line]


def test_all_problems_are_found_at_once() -> None:
    table = {
        "debug": 1,
        "bind-to": ["x", "127.0.0.1:1", 5],
        "network": {"timeout": {"tcp": "soon", "idle": 5}, "proxies": [5, ""]},
        "nonsense": {},
    }
    assert [line.partition(":")[0] for line in lines(table)] == [
        *("debug", "bind-to[0]", "bind-to[2]", "network.timeout.tcp", "network.timeout.idle"),
        *("network.proxies[0]", "nonsense"),
    ]


def test_good_values_survive_beside_bad_ones() -> None:
    config = decode(Config, {"debug": 1, "concurrency": 5, "network": {"timeout": {"tcp": "x", "idle": "7s"}}}, [])
    assert (config.debug, config.concurrency) == (False, 5)
    assert [float(config.network.timeout.tcp), float(config.network.timeout.idle)] == [5, 7]


@pytest.mark.parametrize("text", [SECRET.hex()[:-2] + "zz", "dd" + SECRET.hex()[2:], "ee00", SECRET.base64() + "!"])
def test_a_bad_secret_is_never_echoed(text: str) -> None:
    (line,) = lines({"secret": text})
    assert line.startswith("secret: expected ")
    assert text not in line


def test_a_secret_that_is_no_text_is_never_echoed() -> None:
    assert lines({"secret": 1234567890}) == ["secret: expected a string"]
    assert lines({"secret": ""}) == ["secret: expected hex or base64, got nothing"]


def test_an_empty_text_unsets_optional_keys() -> None:
    table = {"public-ipv4": "", "domain-fronting": {"ip": ""}, "stats": {"statsd": {"address": ""}}}
    assert lines(table) == []


def test_bind_to_is_one_or_many() -> None:
    one = decode(Config, {"bind-to": "127.0.0.1:1"}, [])
    many = decode(Config, {"bind-to": ["127.0.0.1:1", "[::1]:2", "unix:/x"]}, [])
    assert [str(listen) for listen in one.bind_to] == ["127.0.0.1:1"]
    assert [str(listen) for listen in many.bind_to] == ["127.0.0.1:1", "[::1]:2", "unix:/x"]


def test_no_repr_of_a_configuration_has_a_secret_in_it() -> None:
    table = {"secret": SECRET.hex(), "network": {"proxies": ["socks5://joe:hush@h:1"]}}
    config = decode(Config, table, [])
    assert config.secret == SECRET
    for text in (repr(config), str(config)):
        assert SECRET.key.hex() not in text
        assert repr(SECRET.key) not in text
        assert "hush" not in text


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates()
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
_keys = st.sampled_from(["secret", "bind-to", "network", "defense", "dc-overrides", "users", "stats", "prefer-ip"])


@settings(deadline=None)
@given(st.dictionaries(_keys | st.text(max_size=12), _values, max_size=6))
def test_any_table_gives_lines_and_nothing_else(table: dict[str, Any]) -> None:
    for line in lines(table):
        assert line.isprintable()
