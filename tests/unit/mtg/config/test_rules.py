"""Rules over several keys: required ones, twins, and what isn't supported yet."""

from __future__ import annotations

from typing import Any

import pytest

import mtglib
from mtg.config.decode import decode
from mtg.config.rules import Findings, settle
from mtg.config.schema import Config

SECRET = mtglib.Secret(bytes(range(16)), "front.example").hex()
BASE: dict[str, Any] = {"secret": SECRET, "bind-to": "127.0.0.1:3128"}


def settled(table: dict[str, Any]) -> tuple[Config, Findings]:
    findings = Findings()
    config = settle(decode(Config, table, findings.problems), table, findings)
    return config, findings


def test_the_two_required_keys_are_enough() -> None:
    config, findings = settled(BASE)
    assert findings == Findings()
    assert config.concurrency == 8192


def test_missing_keys_are_named() -> None:
    _, findings = settled({})
    assert [line.partition(":")[0] for line in findings.problems] == ["secret", "bind-to"]


def test_a_bad_secret_is_not_also_missing() -> None:
    _, findings = settled({"secret": "x", "bind-to": 5})
    assert len(findings.problems) == 2
    assert not any("missing" in line for line in findings.problems)


def test_secret_and_secret_file_exclude_each_other() -> None:
    _, findings = settled({**BASE, "secret-file": "x"})
    assert findings.problems == ["secret-file: expected only one of secret and secret-file, got both"]


def test_the_same_address_twice_is_a_problem() -> None:
    _, findings = settled({**BASE, "bind-to": ["127.0.0.1:1", "127.0.0.1:1"]})
    assert findings.problems == ["bind-to[1]: 127.0.0.1:1 is listed twice"]


@pytest.mark.parametrize(
    ("old", "section", "field", "value"),
    [
        ("domain-fronting-port", "port", "port", 8443),
        ("domain-fronting-ip", "ip", "ip", "10.0.0.1"),
        ("domain-fronting-proxy-protocol", "proxy-protocol", "proxy_protocol", True),
    ],
)
def test_deprecated_twins_move_with_a_warning(old: str, section: str, field: str, value: object) -> None:
    config, findings = settled({**BASE, old: value, "domain-fronting": {section: value}})
    assert findings.problems == []
    assert findings.warnings == [f"{old}: deprecated, use domain-fronting.{section}"]
    assert getattr(config.domain_fronting, field) == value
    assert getattr(config, old.replace("-", "_")) is None


def test_deprecated_twins_alone_work_and_leave_the_rest() -> None:
    config, findings = settled({**BASE, "domain-fronting-port": 8443, "domain-fronting": {"ip": "10.0.0.1"}})
    assert findings.problems == []
    assert (config.domain_fronting.port, config.domain_fronting.ip) == (8443, "10.0.0.1")


def test_deprecated_twins_that_differ_are_a_problem() -> None:
    _, findings = settled({**BASE, "domain-fronting-port": 8443, "domain-fronting": {"port": 443}})
    assert findings.problems == [
        "domain-fronting-port: differs from domain-fronting.port; delete domain-fronting-port, the old name"
    ]


UNSUPPORTED: list[tuple[str, dict[str, Any]]] = [
    ("auto-update", {"auto-update": True}),
]


@pytest.mark.parametrize(("key", "table"), UNSUPPORTED)
def test_what_asks_for_a_missing_feature_is_refused(key: str, table: dict[str, Any]) -> None:
    _, findings = settled({**BASE, **table})
    (line,) = findings.problems
    assert line == f"{key}: not supported yet"


@pytest.mark.parametrize(
    ("key", "table"),
    [
        ("defense.anti-replay.url", {"defense": {"anti-replay": {"kind": "redis"}}}),
        ("defense.allowlist.urls", {"defense": {"allowlist": {"enabled": True}}}),
        ("stats.statsd.address", {"stats": {"statsd": {"enabled": True}}}),
        ("stats.prometheus.bind-to", {"stats": {"prometheus": {"enabled": True}}}),
    ],
)
def test_what_is_switched_on_needs_its_companion(key: str, table: dict[str, Any]) -> None:
    _, findings = settled({**BASE, **table})
    (line,) = findings.problems
    assert line.startswith(f"{key}: missing; ")


def test_a_bad_companion_is_not_also_missing() -> None:
    _, findings = settled({**BASE, "stats": {"prometheus": {"enabled": True, "bind-to": "localhost:80"}}})
    (line,) = findings.problems
    assert line.startswith("stats.prometheus.bind-to: expected IP:port")


@pytest.mark.parametrize(("doh_ip", "dns"), [("9.9.9.9", "https://9.9.9.9"), ("2620:fe::9", "https://[2620:fe::9]")])
def test_the_deprecated_resolver_moves_with_a_warning(doh_ip: str, dns: str) -> None:
    config, findings = settled({**BASE, "network": {"doh-ip": doh_ip}})
    assert findings.problems == []
    assert findings.warnings == ["network.doh-ip: deprecated, use network.dns"]
    assert (config.network.dns, config.network.doh_ip) == (dns, None)


def test_two_resolvers_that_differ_are_a_problem() -> None:
    _, findings = settled({**BASE, "network": {"doh-ip": "9.9.9.9", "dns": "https://1.1.1.1"}})
    assert findings.problems == ["network.doh-ip: differs from network.dns; delete network.doh-ip, the old name"]


@pytest.mark.parametrize(
    ("table", "level"),
    [
        ({}, "warning"),
        ({"log-level": "info"}, "info"),
        ({"log-level": "warn"}, "warning"),
        ({"debug": True}, "debug"),
        ({"debug": False}, "warning"),
        ({"debug": True, "log-level": "Debug"}, "debug"),
        ({"debug": False, "log-level": "debug"}, "debug"),
    ],
)
def test_debug_is_another_name_of_a_log_level(table: dict[str, Any], level: str) -> None:
    config, findings = settled({**BASE, **table})
    assert findings == Findings()
    assert config.log_level == level


def test_debug_and_another_level_are_a_problem() -> None:
    _, findings = settled({**BASE, "debug": True, "log-level": "info"})
    assert findings.problems == ['log-level: expected "debug" or nothing, as debug is true, got "info"']


LISTENER = {"proxy-protocol-listener": True}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (LISTENER, "not set, so anyone who can connect can claim any address"),
        ({**LISTENER, "bind-to": ["unix:/run/mtg.sock", "127.0.0.1:1"]}, "not set, so anyone who can connect"),
        ({**LISTENER, "proxy-protocol-trusted": ["10.0.0.0/8", "::1"]}, None),
        ({**LISTENER, "proxy-protocol-trusted": ["0.0.0.0/0", "::/0"]}, None),
        ({**LISTENER, "bind-to": "unix:/run/mtg.sock"}, None),
        ({"proxy-protocol-trusted": ["10.0.0.0/8"]}, "has no effect without proxy-protocol-listener"),
    ],
)
def test_who_is_trusted_is_to_be_said(table: dict[str, Any], told: str | None) -> None:
    _, findings = settled({**BASE, **table})
    assert findings.problems == []
    assert len(findings.warnings) == (told is not None)
    assert all(line.startswith(f"proxy-protocol-trusted: {told}") for line in findings.warnings)


def test_lists_have_an_effect_on_a_unix_socket_behind_a_balancer() -> None:
    blocklist = {"defense": {"blocklist": {"enabled": True, "urls": ["https://h/x"]}}}
    unix = {**BASE, "bind-to": "unix:/run/mtg.sock", **blocklist}
    assert len(settled(unix)[1].warnings) == 1
    assert settled({**unix, **LISTENER})[1].warnings == []


@pytest.mark.parametrize("value", [[], ["10.0.0.1/8"], ["10.0.0.0/8", "balancer.example"], "10.0.0.0/8", [5], True])
def test_a_network_that_is_none_is_a_problem(value: object) -> None:
    _, findings = settled({**BASE, **LISTENER, "proxy-protocol-trusted": value})
    assert len(findings.problems) == 1
    assert findings.problems[0].startswith("proxy-protocol-trusted")


def test_the_old_name_of_the_exact_memory_is_told() -> None:
    config, findings = settled({**BASE, "defense": {"anti-replay": {"kind": "window", "max-entries": 5000}}})
    assert findings == Findings(warnings=['defense.anti-replay.kind: "window" is deprecated, use "exact"'])
    assert (config.defense.anti_replay.kind, config.defense.anti_replay.max_entries) == ("exact", 5000)


@pytest.mark.parametrize(
    "table",
    [
        {"state-directory": "/var/lib/mtg"},
        {"defense": {"anti-replay": {"kind": "exact", "max-entries": 10_000_000}}},
        {"defense": {"anti-replay": {"kind": "redis", "url": "redis://h", "max-entries": 5000, "remember": "30d"}}},
        {"proxy-protocol-listener": False, "auto-update": False},
        {"network": {"dns": "tls://1.1.1.1", "proxies": ["", "socks5://joe:hush@127.0.0.1:1080"]}},
        {"network": {"dns": "https://1.1.1.1", "keep-alive": {"idle": "5s", "interval": "1s", "count": 3}}},
        {"defense": {"anti-replay": {"kind": "redis", "url": "redis://joe:hush@h"}}},
        {"defense": {"anti-replay": {"kind": "bloom", "max-size": "16mb", "error-rate": 0.01}}},
        {"defense": {"allowlist": {"enabled": True, "urls": ["/etc/mtg/friends"]}}},
        {"stats": {"statsd": {"enabled": True, "address": "127.0.0.1:8125"}}},
        {"defense": {"doppelganger": {"urls": [], "repeats-per-raid": 20, "raid-each": "1h"}}},
        {"defense": {"doppelganger": {"drs": True}}},
        {"defense": {"anti-replay": {"enabled": False, "kind": "redis", "url": "redis://h"}}},
        {"defense": {"blocklist": {"enabled": False, "urls": ["https://h/x"], "update-each": "1h"}}},
        {"stats": {"statsd": {"enabled": False, "tag-format": "graphite"}, "prometheus": {"http-path": "m"}}},
    ],
)
def test_what_is_off_or_complete_is_accepted_silently(table: dict[str, Any]) -> None:
    _, findings = settled({**BASE, **table})
    assert findings == Findings()


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"tcp-buffer": "4kb"}, "tcp-buffer"),
        ({"defense": {"anti-replay": {"url": "redis://joe:hush@h"}}}, "defense.anti-replay.url"),
        ({"defense": {"blocklist": {"enabled": True}}}, "defense.blocklist.urls"),
        ({"defense": {"anti-replay": {"max-size": "16mb"}}}, "defense.anti-replay"),
        ({"defense": {"anti-replay": {"remember": "30d"}}}, "defense.anti-replay.remember"),
        ({"defense": {"anti-replay": {"kind": "bloom", "max-entries": 5000}}}, "defense.anti-replay.max-entries"),
    ],
)
def test_keys_without_effect_get_a_warning(table: dict[str, Any], key: str) -> None:
    _, findings = settled({**BASE, **table})
    assert findings.problems == []
    (warning,) = findings.warnings
    assert warning.startswith(f"{key}: ")


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (
            {"stats": {"prometheus": {"enabled": True, "bind-to": "127.0.0.1:3128"}}},
            "stats.prometheus.bind-to: 127.0.0.1:3128 is already in bind-to",
        ),
        ({"defense": {"anti-replay": {"remember": "59m"}}}, "defense.anti-replay.remember: expected at least 1h"),
        ({"defense": {"blocklist": {"update-each": "59s"}}}, "defense.blocklist.update-each: expected at least 1m"),
        ({"defense": {"allowlist": {"update-each": "1ns"}}}, "defense.allowlist.update-each: expected at least 1m"),
    ],
)
def test_what_nobody_should_set_is_among_all_problems(table: dict[str, Any], line: str) -> None:
    problems = settled({**BASE, **table, "secret": "x"})[1].problems
    assert [problem for problem in problems if problem.startswith(line)]
    assert [problem for problem in problems if problem.startswith("secret: ")]


@pytest.mark.parametrize(
    ("address", "warned"),
    [
        ("0.0.0.0:3129", True),
        ("[::]:3129", True),
        ("192.0.2.1:3129", True),
        ("127.0.0.1:3129", False),
        ("127.8.9.10:3129", False),
        ("[::1]:3129", False),
        ("[::ffff:127.0.0.1]:3129", False),
    ],
)
@pytest.mark.parametrize("enabled", [True, False])
def test_a_metrics_page_that_others_can_reach_is_a_warning(address: str, warned: bool, enabled: bool) -> None:
    stats = {"prometheus": {"enabled": enabled, "bind-to": address}}
    found = settled({**BASE, "stats": stats})[1].warnings
    assert [line.startswith(f"stats.prometheus.bind-to: {address} isn't a loopback address") for line in found] == (
        [True] if warned and enabled else []
    )


@pytest.mark.parametrize(
    ("address", "token", "warned"),
    [("0.0.0.0:9090", None, True), ("[::]:9090", "token", False), ("127.0.0.1:9090", None, False)],
)
def test_an_api_that_others_can_ask_is_a_warning(address: str, token: str | None, warned: bool) -> None:
    table = {"api-bind-to": address, **({"api-token-file": token} if token else {})}
    found = settled({**BASE, **table})[1].warnings
    assert [line.startswith(f"api-bind-to: {address} isn't a loopback address, and") for line in found] == (
        [True] if warned else []
    )


def test_a_token_for_nobody_is_a_warning() -> None:
    assert settled({**BASE, "api-token-file": "token"})[1].warnings == [
        "api-token-file: has no effect without api-bind-to: the control socket needs no token"
    ]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"api-bind-to": "127.0.0.1:1"}, "api-bind-to: 127.0.0.1:1 is already in bind-to"),
        ({"control-socket": "/a.sock"}, "control-socket: /a.sock is already in bind-to"),
        (
            {
                "api-bind-to": "127.0.0.1:2",
                "stats": {"prometheus": {"enabled": True, "bind-to": "127.0.0.1:2"}},
            },
            "api-bind-to: 127.0.0.1:2 is already stats.prometheus.bind-to",
        ),
        ({"api-bind-to": "127.0.0.1:2", "stats": {"prometheus": {"bind-to": "127.0.0.1:2"}}}, None),
    ],
)
def test_no_two_listeners_want_one_address(table: dict[str, Any], problem: str | None) -> None:
    whole = {**BASE, "bind-to": ["127.0.0.1:1", "unix:/a.sock"], **table}
    assert settled(whole)[1].problems == ([problem] if problem else [])


def test_lists_do_not_hold_for_unix_sockets_which_is_said() -> None:
    lists = {"defense": {"allowlist": {"enabled": True, "urls": ["/list"]}}}
    table = {"bind-to": ["127.0.0.1:1", "unix:/run/mtg.sock"], **lists}
    assert settled({**BASE, **table})[1].warnings == [
        "bind-to: unix:/run/mtg.sock has no client addresses, so IP lists have no effect on it"
    ]


@pytest.mark.parametrize(
    ("bind_to", "ip", "is_circle"),
    [
        ("127.0.0.1:443", "127.0.0.1", True),
        ("192.0.2.1:443", "192.0.2.1", True),
        ("[::1]:443", "::1", True),
        ("0.0.0.0:443", "127.0.0.1", True),
        ("[::]:443", "127.0.0.1", True),
        ("[::]:443", "::1", True),
        ("[::]:443", "::ffff:127.0.0.1", True),
        ("[::]:8443", "127.0.0.1", False),
        ("192.0.2.1:443", "127.0.0.1", False),
        ("0.0.0.0:443", "192.0.2.1", False),
        ("0.0.0.0:443", "::1", False),
        ("unix:/443", "127.0.0.1", False),
        (["[::]:443", "192.0.2.1:443"], "127.0.0.1", False),
    ],
)
@pytest.mark.parametrize("key", ["ip", "host"])
def test_a_site_at_our_own_address_is_a_problem(bind_to: str | list[str], ip: str, is_circle: bool, key: str) -> None:
    _, findings = settled({**BASE, "bind-to": bind_to, "domain-fronting": {key: ip}})
    assert len(findings.problems) == is_circle
    for line in findings.problems:
        assert line.startswith(f"domain-fronting.{key}: ")
        assert f"is this proxy itself, which listens on {bind_to}; expected the site's address" in line


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"mss": 88, "window": "1152b"}, None),
        ({"mss": 32767, "window": "65535b"}, None),
        ({"mss": 0, "window": 0}, None),
        ({"mss": 87}, "mss: expected 0, or a whole number from 88 to 32767, got 87"),
        ({"mss": -1}, "mss: expected 0, or a whole number from 88 to 32767, got -1"),
        ({"mss": 32768}, "mss: expected 0, or a whole number from 88 to 32767, got 32768"),
        ({"window": "1151b"}, "window: expected 0, or a size in bytes from 1152 to 65535, got 1151"),
        ({"window": "64kib"}, "window: expected 0, or a size in bytes from 1152 to 65535, got 65536"),
    ],
)
def test_what_a_syn_ack_can_say_has_bounds(written: dict[str, object], problem: str | None) -> None:
    _, findings = settled({**BASE, "network": {"client-tcp": written}})
    assert findings.problems == ([] if problem is None else [f"network.client-tcp.{problem}"])


@pytest.mark.parametrize("old", [{"domain-fronting-ip": "192.0.2.1"}, {}])
def test_a_host_stands_for_the_ip_which_is_said(old: dict[str, object]) -> None:
    front = {"host": "other.example", **({} if old else {"ip": "192.0.2.1"})}
    config, findings = settled({**BASE, **old, "domain-fronting": front})
    assert (config.domain_fronting.host, config.domain_fronting.ip) == ("other.example", None)
    assert findings.problems == []
    assert findings.warnings[-1] == "domain-fronting.ip: has no effect beside domain-fronting.host"


def test_a_site_at_our_own_address_is_found_under_deprecated_keys_too() -> None:
    table = {**BASE, "domain-fronting-ip": "127.0.0.1", "domain-fronting-port": 3128}
    _, findings = settled(table)
    assert [line.partition(":")[0] for line in findings.problems] == ["domain-fronting.ip"]
