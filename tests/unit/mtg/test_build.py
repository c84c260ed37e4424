"""From a configuration to the library's options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mtglib
from mtg.build import Parts, build_parts
from mtg.config import config_from_table
from mtg.directories import cache_directory, state_directory
from mtg.user_error import UserError
from mtglib.antireplay import Exact, Redis, StableBloom
from mtglib.network import Balanced, Direct, KeepAlive
from mtglib.noop import NoopAntiReplayCache, NoopLogger

SECRET = mtglib.Secret(bytes(range(16)), "front.example")


def parts(table: dict[str, Any]) -> Parts:
    whole = {"secret": SECRET.hex(), "bind-to": "127.0.0.1:1", "concurrency": 7, **table}
    return build_parts(config_from_table(whole, source="test"), logger=NoopLogger())


def options(table: dict[str, Any]) -> mtglib.ProxyOpts:
    return parts(table).options


def test_defaults_are_the_programs_not_the_librarys() -> None:
    built = options({})
    assert built.users is not None
    assert [user.secret for user in built.users] == [SECRET]
    assert built.concurrency == 7
    assert built.tolerate_time_skewness_seconds == 5
    assert built.anti_replay_cache is not None
    assert (built.dial_timeout, built.idle_timeout) == (5, 300)
    assert (built.handshake_timeout, built.frame_timeout) == (10, 30)
    assert (built.domain_fronting_ip, built.domain_fronting_port) == (None, 443)
    assert built.fast_mode is True
    assert built.prefer_ip == "prefer-ipv6"


def test_every_working_key_arrives() -> None:
    built = options(
        {
            "prefer-ip": "only-ipv4",
            "tolerate-time-skewness": "9s",
            "allow-fallback-on-unknown-dc": True,
            "fast-mode": False,
            "domain-fronting": {"ip": "127.0.0.9", "port": 8443, "proxy-protocol": True},
            "network": {"timeout": {"tcp": "1s", "idle": "2m", "handshake": "3s", "frame": "4s"}},
            "dc-overrides": {"2": ["127.0.0.1:9443", "[::1]:9444"]},
        }
    )
    assert built.prefer_ip == "only-ipv4"
    assert built.tolerate_time_skewness_seconds == 9
    assert built.allow_fallback_on_unknown_dc is True
    assert built.fast_mode is False
    assert (built.domain_fronting_ip, built.domain_fronting_port) == ("127.0.0.9", 8443)
    assert built.domain_fronting_proxy_protocol is True
    assert (built.dial_timeout, built.idle_timeout) == (1, 120)
    assert (built.handshake_timeout, built.frame_timeout) == (3, 4)
    assert dict(built.dc_overrides) == {2: ["127.0.0.1:9443", "[::1]:9444"]}


def test_anti_replay_can_be_switched_off() -> None:
    assert isinstance(options({"defense": {"anti-replay": {"enabled": False}}}).anti_replay_cache, NoopAntiReplayCache)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, Exact),
        ({"kind": "window"}, Exact),
        ({"kind": "bloom"}, StableBloom),
        ({"kind": "redis", "url": "redis://127.0.0.1:1"}, Redis),
    ],
)
def test_each_kind_of_anti_replay_cache_can_be_had(settings: dict[str, Any], kind: type) -> None:
    if kind is Redis:
        pytest.importorskip("redis")
    built = parts({"defense": {"anti-replay": settings}})
    assert type(built.options.anti_replay_cache) is kind
    assert built.replay_memory is built.options.anti_replay_cache


def test_proxies_lead_to_telegram_and_the_site_is_reached_directly() -> None:
    built = options({"network": {"proxies": ["socks5://127.0.0.1:1080", ""]}})
    assert isinstance(built.network, Balanced)
    assert isinstance(built.front_network, Direct)
    assert options({}).network is not None
    assert isinstance(options({}).network, Direct)


def test_keep_alive_can_be_set_and_switched_off() -> None:
    keep_alive = {"idle": "7s", "interval": "8s", "count": 3}
    assert parts({"network": {"keep-alive": keep_alive}}).socket_options.keep_alive == KeepAlive(
        idle_seconds=7, interval_seconds=8, count=3
    )
    assert parts({"network": {"keep-alive": {"disabled": True}}}).socket_options.keep_alive is None


def test_lists_are_there_when_they_are_switched_on() -> None:
    lists = {name: {"enabled": True, "urls": [f"/{name}"], "update-each": "1h"} for name in ("blocklist", "allowlist")}
    built = parts({"defense": lists})
    assert [each for _, each in built.ip_lists] == [3600, 3600]
    assert (built.options.ip_blocklist, built.options.ip_allowlist) == tuple(ip_list for ip_list, _ in built.ip_lists)
    assert parts({"defense": {"blocklist": {"enabled": True}}}).ip_lists == ()


def test_statistics_are_there_when_they_are_switched_on() -> None:
    built = parts(
        {
            "stats": {
                "prometheus": {"enabled": True, "bind-to": "127.0.0.1:2", "metric-prefix": "ours"},
                "statsd": {"enabled": True, "address": "127.0.0.1:8125", "tag-format": "graphite"},
            }
        }
    )
    assert built.prometheus is not None
    assert built.statsd is not None
    assert b"ours_replay_attacks 0" in built.prometheus.render()
    assert (parts({}).prometheus, parts({}).statsd) == (None, None)


@pytest.mark.parametrize(
    ("environment", "directory"),
    [
        ({"STATE_DIRECTORY": "/var/lib/mtg:/other", "XDG_STATE_HOME": "/x"}, "/var/lib/mtg"),
        ({"XDG_STATE_HOME": "/x"}, "/x/mtg"),
        ({"HOME": "/h"}, "/h/.local/state/mtg"),
        ({"STATE_DIRECTORY": "var", "XDG_STATE_HOME": "x", "HOME": "/h"}, "/h/.local/state/mtg"),
    ],
)
def test_state_is_kept_where_the_system_keeps_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], directory: str
) -> None:
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    table = {"secret": SECRET.hex(), "bind-to": "127.0.0.1:1"}
    assert str(state_directory(config_from_table(table, source="test").config)) == directory
    chosen = config_from_table({**table, "state-directory": "/chosen"}, source="test").config
    assert str(state_directory(chosen)) == "/chosen"


@pytest.mark.parametrize(
    ("environment", "directory"),
    [
        ({"CACHE_DIRECTORY": "/var/cache/mtg:/other", "XDG_CACHE_HOME": "/x"}, "/var/cache/mtg"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/mtg"),
        ({"HOME": "/h"}, "/h/.cache/mtg"),
        ({"CACHE_DIRECTORY": "var", "XDG_CACHE_HOME": "x", "HOME": "/h"}, "/h/.cache/mtg"),
    ],
)
def test_copies_of_lists_are_kept_where_the_system_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], directory: str
) -> None:
    for name in ("CACHE_DIRECTORY", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    table = {"secret": SECRET.hex(), "bind-to": "127.0.0.1:1"}
    assert str(cache_directory(config_from_table(table, source="test").config)) == directory
    chosen = config_from_table({**table, "defense": {"cache-directory": "/chosen"}}, source="test").config
    assert str(cache_directory(chosen)) == "/chosen"


def test_without_a_home_nothing_is_kept_which_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("CACHE_DIRECTORY", "XDG_CACHE_HOME", "STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    built = parts({"defense": {"blocklist": {"enabled": True, "urls": ["/list"]}}})
    assert [note.partition(":")[0] for note in built.warnings] == ["state-directory", "defense.cache-directory"]


def test_values_that_do_not_fit_together_are_the_users_fault() -> None:
    with pytest.raises(
        UserError, match=r'^test: prefer-ip: expected a value that leaves DC 2 with an address, got "only-ipv6"$'
    ) as raised:
        options({"prefer-ip": "only-ipv6", "dc-overrides": {"2": ["127.0.0.1:9443"]}})
    assert raised.value.exit_code == 2
