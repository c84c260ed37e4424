"""What parts refuse is told by key, all of it at once, beside what is wrong with the configuration by itself."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

import mtglib
from mtg.build import check
from mtg.config import config_from_table
from mtg.refusals import Refusals
from mtg.user_error import UserError
from mtglib.ipblocklist import FireHOL
from mtglib.network import Direct

SECRET = mtglib.Secret(bytes(range(16)), "front.example").hex()
BASE: dict[str, Any] = {"secret": SECRET, "bind-to": "127.0.0.1:3128"}
LISTS = ("blocklist", "allowlist")


def problems(table: dict[str, Any]) -> list[str]:
    loaded = config_from_table({**BASE, **table}, source="test")
    with pytest.raises(UserError) as raised:
        check(replace(loaded, problems=(*loaded.problems, "the last of the table")))
    assert raised.value.exit_code == 2
    return [line.removeprefix("test: ") for line in raised.value.lines if line != "the last of the table"]


KEEP_ALIVE = {"idle": "24h", "interval": "40000s", "count": 999}
BLOOM = {"kind": "bloom", "max-size": "1b", "error-rate": 5.0}


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        (
            {"network": {"keep-alive": KEEP_ALIVE}},
            [
                'network.keep-alive.idle: expected a duration above 0s, up to "32767s", got "24h"',
                'network.keep-alive.interval: expected a duration above 0s, up to "32767s", got "40000s"',
                "network.keep-alive.count: expected a whole number from 1 to 127, got 999",
            ],
        ),
        ({"network": {"keep-alive": {**KEEP_ALIVE, "disabled": True}}}, []),
        (
            {"defense": {"anti-replay": BLOOM}},
            [
                'defense.anti-replay.max-size: expected a size from 1024 to 268435456 bytes, got "1b"',
                "defense.anti-replay.error-rate: expected a number from 1e-09 to 0.5, got 5.0",
            ],
        ),
        ({"defense": {"anti-replay": {**BLOOM, "kind": "exact"}}}, []),
        (
            {"defense": {"anti-replay": {**BLOOM, "kind": "exactly", "url": "http://h"}}},
            [
                'defense.anti-replay.kind: expected one of exact, window, bloom, redis, got "exactly"',
                'defense.anti-replay.max-size: expected a size from 1024 to 268435456 bytes, got "1b"',
                "defense.anti-replay.error-rate: expected a number from 1e-09 to 0.5, got 5.0",
                "defense.anti-replay.url: expected redis://[user:password@]host[:port][/db], the same with "
                "rediss:// for TLS, or unix:///path[?db=number]; a # is written as %23",
            ],
        ),
        (
            {"defense": {"anti-replay": {"max-entries": 10**9 + 1}}},
            ["defense.anti-replay.max-entries: expected a whole number from 1 to 1000000000, got 1000000001"],
        ),
        (
            {"defense": {"anti-replay": {"max-entries": 0, "kind": "exactly", "url": "redis://h"}}},
            [
                'defense.anti-replay.kind: expected one of exact, window, bloom, redis, got "exactly"',
                "defense.anti-replay.max-entries: expected a whole number from 1 to 1000000000, got 0",
            ],
        ),
        ({"defense": {"anti-replay": {"max-entries": 0, "enabled": False}}}, []),
        (
            {"concurrency": 100, "defense": {"limits": {"visitors": 101}}},
            ["defense.limits.visitors: expected at most concurrency, which is 100, got 101"],
        ),
        ({"concurrency": 100, "defense": {"limits": {"visitors": 100}}}, []),
        (
            {"prefer-ip": "only-ipv6", "dc-overrides": {"2": ["127.0.0.1:9443"]}},
            ['prefer-ip: expected a value that leaves DC 2 with an address, got "only-ipv6"'],
        ),
        (
            {"stats": {"prometheus": {"enabled": True, "bind-to": "127.0.0.1:1", "metric-prefix": "9a"}}},
            [
                "stats.prometheus.metric-prefix: expected letters, digits, underscores and colons, not starting with a "
                'digit, got "9a"'
            ],
        ),
        (
            {"stats": {"statsd": {"enabled": True, "address": "127.0.0.1:1", "metric-prefix": "a b"}}},
            [
                "stats.statsd.metric-prefix: expected words of letters, digits, underscores and hyphens, separated by "
                'dots, got "a b"'
            ],
        ),
        (
            {"defense": {"blocklist": {"enabled": True, "urls": ["/x"], "download-concurrency": 1001}}},
            ["defense.blocklist.download-concurrency: expected a whole number from 1 to 1000, got 1001"],
        ),
        (
            {
                "network": {"keep-alive": {"count": 0}},
                "defense": {"allowlist": {"download-concurrency": 0}, "blocklist": {"download-concurrency": 5000}},
            },
            [
                "network.keep-alive.count: expected a whole number from 1 to 127, got 0",
                "defense.allowlist.download-concurrency: expected a whole number from 1 to 1000, got 0",
            ],
        ),
        (
            {"defense": {"front-learning": {"enabled": False, "samples": 99, "each": "1s"}}},
            [
                "defense.front-learning.samples: expected a whole number from 1 to 64, got 99",
                'defense.front-learning.each: expected a duration from "600s" to "31536000s" (a year), got "1s"',
            ],
        ),
        *(
            (
                {"defense": {section: {key: value}}},
                [f'defense.{section}.{key}: expected a duration from "{least}s" to "31536000s" (a year), got {shown}'],
            )
            for section, key, least in (("front-learning", "each", 600), ("doppelganger", "raid-each", 60))
            for value, shown in ((240, "240"), ("0s", '"0s"'), ("59s", '"59s"'), ("4 hours", '"4 hours"'))
        ),
        *(
            (
                {"defense": {"doppelganger": {"repeats-per-raid": value}}},
                [f"defense.doppelganger.repeats-per-raid: expected a whole number from 1 to 1000, got {shown}"],
            )
            for value, shown in ((0, "0"), (-3, "-3"), (1001, "1001"), (2.5, "2.5"), ("10", '"10"'))
        ),
        *(
            (
                {"network": {"tcp-not-sent-lowat": value}},
                [f'network.tcp-not-sent-lowat: expected a size from 1 to 1000000000 bytes, got "{value}"'],
            )
            for value in ("0b", "1gib", "2tib")
        ),
        *(
            (
                {"network": {"client-tcp": {"window": value}}},
                [f'network.client-tcp.window: expected 0, or a size in bytes from 1152 to 65535, got "{value}"'],
            )
            for value in ("0b", "2tib")
        ),
        (
            {"network": {"client-tcp": {"mss": "536"}}},
            ['network.client-tcp.mss: expected 0, or a whole number from 88 to 32767, got "536"'],
        ),
        (
            {"defense": {name: {"enabled": True, "urls": ["/x", "y", "/z", "http://[hush"]} for name in LISTS}},
            [
                f"defense.{name}.urls[{index}]: expected an http(s) URL or an absolute path"
                for name in LISTS
                for index in (1, 3)
            ],
        ),
    ],
)
def test_each_refusal_is_a_line_with_key_and_value(table: dict[str, Any], lines: list[str]) -> None:
    assert problems(table) == lines


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("redis", 'expected its package to be installed (pip install redis), got "redis"'),
        ("exactly", 'expected one of exact, window, bloom, redis, got "exactly"'),
    ],
)
def test_a_kind_without_its_package_is_a_wrong_kind(monkeypatch: pytest.MonkeyPatch, kind: str, line: str) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    anti_replay = {"kind": kind, "url": "redis://127.0.0.1:1"}
    assert problems({"defense": {"anti-replay": anti_replay}}) == [f"defense.anti-replay.kind: {line}"]


def test_all_refusals_stand_behind_all_problems_of_the_table() -> None:
    table = {
        "secret": "x",
        "debug": 1,
        "network": {
            "dns": "dns://x",
            "proxies": ["http://x:1", "socks5://h:1", "socks5://h:0"],
            "keep-alive": KEEP_ALIVE,
        },
        "defense": {"anti-replay": BLOOM, "blocklist": {"enabled": True, "urls": ["x"]}},
    }
    assert [line.partition(":")[0] for line in problems(table)] == [
        *("secret", "debug", "defense.anti-replay.max-size", "defense.anti-replay.error-rate"),
        *("network.keep-alive.idle", "network.keep-alive.interval", "network.keep-alive.count"),
        *("network.dns", "network.proxies[0]", "network.proxies[2]", "defense.blocklist.urls[0]"),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "socks5://127.0.0.1",
        "socks5h://user:password@proxy.example:1080",
        "socks5://[::1]:1080?open_threshold=5&half_open_timeout=1m&reset_failures_timeout=10s",
        "",
    ],
)
def test_proxies_are_what_mtg_accepts(url: str) -> None:
    assert problems({"network": {"proxies": [url]}}) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://x:1", "socks5://[user:password@]host"),
        ("socks5://h:99999", "a port from 1 to 65535 in the URL"),
        ("socks5://h:http", "socks5://[user:password@]host"),
        ("socks5://h:0", "a port from 1 to 65535 in the URL"),
        ("socks5://h/x", "socks5://[user:password@]host"),
        ("socks5://h:1?x=1", "only open_threshold, half_open_timeout, reset_failures_timeout"),
        ("socks5://h:1?open_threshold=0", "open_threshold to be a number"),
        ("socks5://h:1?half_open_timeout=5", "half_open_timeout to be a duration such as"),
    ],
)
def test_a_proxy_that_cannot_work_is_named_by_its_place(url: str, expected: str) -> None:
    (line,) = problems({"network": {"proxies": ["", url]}})
    assert line.startswith(f"network.proxies[1]: expected {expected}")


@pytest.mark.parametrize(
    "dns",
    [
        *("", "1.1.1.1", "2606:4700:4700::1111", "udp://1.1.1.1:5353"),
        *("tls://dns.google", "https://1.1.1.1/dns-query"),
    ],
)
def test_dns_servers_are_what_mtg_accepts(dns: str) -> None:
    assert problems({"network": {"dns": dns}}) == []


@pytest.mark.parametrize(
    "dns", ["xx", "dns://1.1.1.1", "udp://1.1.1.1/x", "1.1.1.1/x", "tls://1.1.1.1/x", "https://joe:hush@1.1.1.1"]
)
def test_dns_servers_that_mtg_refuses_are_refused(dns: str) -> None:
    (line,) = problems({"network": {"dns": dns}})
    assert line.startswith("network.dns: expected ")
    assert "hush" not in line


@pytest.mark.parametrize(
    "table",
    [
        {"network": {"proxies": ["socks5://127.0.0.1:1080:joe:hunter2"]}},
        {"network": {"proxies": ["socks5://joe:hunter2:127.0.0.1:1080"]}},
        {"network": {"proxies": ["socks5://host:1080/joe:hunter2"]}},
        {"network": {"proxies": ["socks5://joe:99999hunter2"]}},
        {"defense": {"anti-replay": {"kind": "redis", "url": "joe:hunter2/127.0.0.1"}}},
        {"defense": {"anti-replay": {"kind": "redis", "url": "redis://u:12#hunter2@h"}}},
        {"defense": {"blocklist": {"enabled": True, "urls": ["http://host:80:joe:hunter2/"]}}},
    ],
)
def test_what_may_hold_a_password_is_not_quoted(table: dict[str, Any]) -> None:
    (line,) = problems(table)
    assert "expected " in line
    assert "hunter2" not in line
    assert "got" not in line


@pytest.mark.parametrize(
    ("url", "end"),
    [
        ("http://front.example/a", '(this one is http), got "http://front.example/a"'),
        ("https://cdn.example:443/?key=hunter2", '(this one has another host), got "https://cdn.example:443/?***"'),
        ("https://front.example:1/", '(this one has another port), got "https://front.example:1/"'),
        ("https://joe:hunter2@front.example/", '(this one has a user part), got "https://***@front.example/"'),
        ("front.example/a", 'a valid host), got "front.example/a"'),
        ("https:///a", 'a valid host), got "https:///a"'),
        ("https://joe:hunter2/front.example", "a valid host)"),
        ("https://joe:99hunter2", "a valid host)"),
        ("joe:hunter2@front.example", "a valid host)"),
        ("https://cdn.example/joe:hunter2@x", "(this one has another host)"),
    ],
)
def test_a_page_that_is_not_the_sites_is_shown_with_the_reason_but_without_secrets(url: str, end: str) -> None:
    (line,) = problems({"defense": {"doppelganger": {"urls": ["https://front.example/", url]}}})
    expected = (
        "defense.doppelganger.urls[1]: expected an https URL of the fronting site, such as https://front.example/ "
    )
    assert line.startswith(expected)
    assert line.endswith(end)
    assert "hunter2" not in line


@pytest.mark.parametrize("shape", ["{}", "https://{}", "https://{}/", "https://front.example:1/{}", "https://x/?{}"])
def test_a_secret_in_place_of_a_page_is_not_shown(shape: str) -> None:
    (line,) = problems({"defense": {"doppelganger": {"urls": [shape.format(SECRET)]}}})
    assert SECRET[2:20] not in line


def test_what_has_no_key_is_not_the_users_fault() -> None:
    refusals = Refusals(config_from_table(BASE, source="test"))
    with pytest.raises(mtglib.OptionError, match=r"^retry_seconds: "):
        refusals.make(partial(FireHOL, urls=["/x"], network=Direct(), retry_seconds=-1), {"urls": "x"})
    assert refusals.lines == []
