"""Each key of the configuration gets to the part that it is for: what the parts are made with, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mtglib
from mtg import build
from mtg.client_tcp import ClientTCP
from mtg.config import config_from_table
from mtg.user_error import UserError
from mtglib import antireplay, network
from mtglib.events import Fanout
from mtglib.ipblocklist import FireHOL
from mtglib.noop import NoopLogger
from mtglib.stats import Prometheus, Statsd

SECRET = mtglib.Secret(bytes(range(16)), "front.example")
PARTS = (
    *(network.Direct, network.KeepAlive, network.resolver_from_url, network.from_urls),
    *(antireplay.Exact, antireplay.StableBloom, antireplay.Redis, FireHOL, Fanout, Statsd, Prometheus),
)

Calls = dict[str, list[dict[str, Any]]]
"""For each part, the arguments of each time that it was made, and under "made" what came out."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    seen: Calls = {part.__name__: [] for part in PARTS}

    def watch(part: Callable[..., Any]) -> None:
        name = part.__name__
        target, attribute = (part, "__init__") if isinstance(part, type) else (build, name)
        make = getattr(target, attribute)
        signature = inspect.signature(make)

        def made(*arguments: Any, **named: Any) -> Any:
            bound = dict(signature.bind(*arguments, **named).arguments)
            seen[name].append(bound)
            result = make(*arguments, **named)
            bound["made"] = bound.pop("self", result)
            return result

        monkeypatch.setattr(target, attribute, made)

    for part in PARTS:
        watch(part)
    return seen


def parts(calls: Calls, **table: Any) -> build.Parts:
    whole = {"secret": SECRET.hex(), "bind-to": "127.0.0.1:1", **table}
    loaded = config_from_table(whole, source="test")
    for made_to_check in calls.values():
        made_to_check.clear()
    return build.build_parts(loaded, logger=LOGGER)


LOGGER = NoopLogger()


def only(calls: Calls, name: str) -> dict[str, Any]:
    (call,) = calls[name]
    return call


def direct(calls: Calls) -> dict[str, Any]:
    """The way to Telegram; DNS servers are reached by another, which has no arguments, the site by a third."""
    return next(call for call in calls["Direct"] if len(call) > 1)


def test_the_direct_network(calls: Calls) -> None:
    settings = {"dns": "1.0.0.1", "keep-alive": {"idle": "7s", "interval": "8s", "count": 3}}
    built = parts(calls, **{"prefer-ip": "only-ipv6", "network": settings})
    made = direct(calls)
    assert only(calls, "resolver_from_url")["url"].endswith("1.0.0.1")
    assert made["resolver"] is built.resolver is only(calls, "resolver_from_url")["made"]
    assert made["socket_options"] is built.socket_options
    assert made["socket_options"].keep_alive == only(calls, "KeepAlive")["made"]
    assert made["prefer_ip"] == "only-ipv6"
    assert made["logger"] is LOGGER


def test_the_way_to_the_site_has_no_keep_alive(calls: Calls) -> None:
    built = parts(calls, **{"prefer-ip": "only-ipv6"})
    made = [call for call in calls["Direct"] if len(call) > 1][1]
    assert made["made"] is built.options.front_network
    assert made["resolver"] is built.resolver
    assert made["socket_options"] == network.SocketOptions(keep_alive=None, congestion_control=None)
    assert made["prefer_ip"] == "only-ipv6"
    assert made["logger"] is LOGGER


@pytest.mark.parametrize(
    ("written", "given_bytes"),
    [({}, 131_072), ({"tcp-not-sent-lowat": "1mib"}, 2**20), ({"tcp-not-sent-lowat": 0}, None)],
)
def test_what_may_wait_unsent_is_the_same_on_all_legs(
    calls: Calls, written: dict[str, object], given_bytes: int | None
) -> None:
    built = parts(calls, network=written)
    of_networks = [call["socket_options"] for call in calls["Direct"] if len(call) > 1]
    assert [each.not_sent_low_water_bytes for each in (built.socket_options, *of_networks)] == [given_bytes] * 3
    assert built.options.not_sent_low_water_bytes == given_bytes


def test_client_tcp(calls: Calls) -> None:
    assert parts(calls).client_tcp == ClientTCP(0, 0)
    built = parts(calls, network={"client-tcp": {"mss": 1400, "window": "4kib"}})
    assert built.client_tcp == ClientTCP(mss=1400, window_bytes=4096)


def test_the_sites_host(calls: Calls) -> None:
    built = parts(calls, **{"domain-fronting": {"host": "other.example"}})
    assert (built.options.domain_fronting_host, built.options.domain_fronting_ip) == ("other.example", None)


def test_balancers(calls: Calls) -> None:
    assert not parts(calls).options.proxy_protocol_listener
    built = parts(calls, **{"proxy-protocol-listener": True, "proxy-protocol-trusted": ["10.0.0.0/8", "::1"]})
    assert built.options.proxy_protocol_listener
    assert built.options.proxy_protocol_trusted == ("10.0.0.0/8", "::1/128")


@pytest.mark.parametrize("disabled", [True, False])
def test_keep_alive_of_clients_is_as_configured(calls: Calls, disabled: bool) -> None:
    built = parts(calls, network={"keep-alive": {"disabled": disabled}})
    assert built.options.keep_alive is not disabled


@pytest.mark.parametrize("drs", [True, False])
def test_dynamic_record_sizing_is_as_configured(calls: Calls, drs: bool) -> None:
    built = parts(calls, defense={"doppelganger": {"drs": drs}})
    assert built.options.drs is drs


def test_records_are_learnt_as_configured(calls: Calls) -> None:
    url = f"https://{SECRET.host}/file.bin"
    built = parts(calls, defense={"doppelganger": {"urls": [url], "repeats-per-raid": 3, "raid-each": "1h"}})
    options = built.options
    assert (options.record_urls, options.record_repeats, options.record_refresh_seconds) == ((url,), 3, 3600.0)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"urls": [f"https://{SECRET.host}/", "https://cdn.example/?key=hush"]},
            f"urls[1]: expected an https URL of the fronting site, such as https://{SECRET.host}/",
        ),
        ({"urls": ["http://front.example/"]}, "urls[0]: expected an https URL of the fronting site"),
        ({"repeats-per-raid": 1001}, "repeats-per-raid: expected a whole number from 1 to 1000, got 1001"),
        ({"raid-each": "1s"}, 'raid-each: expected a duration from "60s" to '),
    ],
)
def test_records_that_cant_be_learnt_are_one_clear_line(calls: Calls, settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as caught:
        parts(calls, defense={"doppelganger": settings})

    (said,) = caught.value.lines
    assert said.startswith(f"test: defense.doppelganger.{line}")
    assert "hush" not in said


def test_what_has_no_keys_stays_at_the_librarys_defaults(calls: Calls) -> None:
    parts(calls)
    assert {key: calls[key] for key in ("StableBloom", "Redis", "FireHOL", "Statsd", "Prometheus")} == {
        key: [] for key in ("StableBloom", "Redis", "FireHOL", "Statsd", "Prometheus")
    }
    assert only(calls, "resolver_from_url")["url"] == "https://1.1.1.1"
    keep_alive = only(calls, "KeepAlive")
    assert (keep_alive["idle_seconds"], keep_alive["interval_seconds"], keep_alive["count"]) == (15, 15, 9)


def test_proxies_are_over_the_direct_network(calls: Calls) -> None:
    urls = ["socks5://joe:hush@127.0.0.1:1080?open_threshold=3", ""]
    built = parts(calls, network={"proxies": urls})
    proxies = only(calls, "from_urls")
    assert list(proxies["urls"]) == urls
    assert proxies["logger"] is LOGGER
    assert proxies["base"] is direct(calls)["made"]
    assert proxies["made"] is built.options.network


STATE = {"state-directory": "/chosen"}


def test_the_exact_memory(calls: Calls) -> None:
    built = parts(calls, **STATE, defense={"anti-replay": {"max-entries": 5000}})
    exact = only(calls, "Exact")
    assert (exact["max_entries"], exact["directory"], exact["logger"]) == (5000, Path("/chosen/replay"), LOGGER)
    assert exact["made"] is built.replay_memory is built.options.anti_replay_cache


def test_the_bloom_filter(calls: Calls) -> None:
    settings = {"kind": "bloom", "max-size": "2mb", "error-rate": 0.02}
    built = parts(calls, **STATE, defense={"anti-replay": settings})
    bloom = only(calls, "StableBloom")
    assert (bloom["max_size_bytes"], bloom["error_rate"]) == (2 * 1024 * 1024, 0.02)
    assert (bloom["directory"], bloom["logger"]) == (Path("/chosen/replay"), LOGGER)
    assert bloom["made"] is built.replay_memory


def test_redis(calls: Calls) -> None:
    pytest.importorskip("redis")
    redis_url = "redis://u:hush@127.0.0.1:6379/3"
    settings = {"kind": "redis", "url": redis_url, "remember": "30d", "max-entries": 7000}
    built = parts(calls, **STATE, defense={"anti-replay": settings})
    redis = only(calls, "Redis")
    assert (redis["url"], redis["remember_seconds"], redis["max_entries"]) == (redis_url, 30 * 86400, 7000)
    assert (redis["directory"], redis["logger"]) == (Path("/chosen/replay"), LOGGER)
    assert redis["made"] is built.replay_memory is built.options.anti_replay_cache


@pytest.mark.parametrize("kind", ["blocklist", "allowlist"])
def test_ip_lists(calls: Calls, kind: str) -> None:
    urls = ["http://127.0.0.1:1/a", "/b"]
    settings = {"enabled": True, "urls": urls, "download-concurrency": 5, "update-each": "2h"}
    built = parts(
        calls,
        defense={kind: settings, "cache-directory": "/chosen"},
        network={"timeout": {"http": "33s"}, "proxies": ["socks5://127.0.0.1:1080"]},
    )
    ip_list = only(calls, "FireHOL")
    made = ip_list.pop("made")
    assert ip_list == {
        "urls": urls,
        "network": built.options.network,
        "is_block_list": kind == "blocklist",
        "download_concurrency": 5,
        "cache_directory": Path("/chosen"),
        "event_stream": built.fanout,
        "logger": LOGGER,
        "timeout_seconds": 33,
    }
    assert built.ip_lists == ((made, 7200),)
    assert made is (built.options.ip_blocklist if kind == "blocklist" else built.options.ip_allowlist)


def test_statistics(calls: Calls) -> None:
    prometheus_settings = {"enabled": True, "bind-to": "127.0.0.1:2", "metric-prefix": "ours"}
    statsd_settings = {
        "enabled": True,
        "address": "127.0.0.1:8125",
        "metric-prefix": "theirs",
        "tag-format": "graphite",
    }
    built = parts(calls, stats={"prometheus": prometheus_settings, "statsd": statsd_settings})
    prometheus, statsd, fanout = (only(calls, name) for name in ("Prometheus", "Statsd", "Fanout"))
    assert fanout["observers"] == [built.prometheus, built.statsd]
    assert fanout["logger"] is LOGGER
    assert built.options.event_stream is built.fanout is fanout["made"]
    assert prometheus["metric_prefix"] == "ours"
    assert (statsd["host"], statsd["port"]) == ("127.0.0.1", 8125)
    assert (statsd["metric_prefix"], statsd["tag_format"]) == ("theirs", "graphite")
    assert statsd["logger"] is LOGGER


def test_the_sites_answers_are_learnt_and_kept_in_the_state_directory(calls: Calls) -> None:
    section = {"each": "6h", "samples": 5}
    built = parts(calls, defense={"front-learning": section}, **{"state-directory": "/var/lib/ours"})

    expected = mtglib.FrontLearning(each_seconds=6 * 3600, samples=5, directory=Path("/var/lib/ours/answers"))
    assert built.options.front_learning == expected
    default = parts(calls, **{"state-directory": "/var/lib/ours"}).options.front_learning
    assert default == mtglib.FrontLearning(directory=Path("/var/lib/ours/answers"))


def test_nothing_is_learnt_if_that_is_switched_off(calls: Calls) -> None:
    assert parts(calls, defense={"front-learning": {"enabled": False}}).options.front_learning is None


@pytest.mark.parametrize("delay", ["front", "off"])
def test_clients_are_answered_when_the_site_would_answer_or_at_once(calls: Calls, delay: str) -> None:
    built = parts(calls, defense={"front-learning": {"answer-delay": delay}})

    assert built.options.answer_delay == delay
