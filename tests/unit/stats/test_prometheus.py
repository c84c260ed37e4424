from __future__ import annotations

import asyncio
import math
import socket
from functools import partial
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import mtglib
from mtglib.stats import Prometheus, Statsd
from mtglib.stats.metrics import SAMPLED
from support.event_samples import CLIENTS, DC_IP, WAYS, stream_of
from support.metrics_page import of_metric, value

KINDS = {
    "client_connections": ("gauge", {"ip_family"}),
    "telegram_connections": ("gauge", {"telegram_ip", "dc"}),
    "domain_fronting_connections": ("gauge", {"ip_family"}),
    "iplist_size": ("gauge", {"ip_list"}),
    "telegram_traffic": ("counter", {"telegram_ip", "dc", "direction"}),
    "domain_fronting_traffic": ("counter", {"direction"}),
    "domain_fronting": ("counter", set()),
    "concurrency_limited": ("counter", set()),
    "visitors_evicted": ("counter", set()),
    "ip_blocklisted": ("counter", {"ip_list"}),
    "replay_attacks": ("counter", set()),
    "handshake_seconds": ("histogram", {"le"}),
    "dial_seconds": ("histogram", {"dc", "le"}),
    "connections_finished": ("counter", {"reason"}),
    "handshake_failures": ("counter", {"reason"}),
    "dc_errors": ("counter", {"dc"}),
    "build_info": ("gauge", {"version", "engine"}),
    "engine_threads": ("gauge", set()),
    "user_connections": ("gauge", {"user"}),
    "user_traffic": ("counter", {"user", "direction"}),
    "user_rejected": ("counter", {"user", "reason"}),
    "events_dropped": ("counter", set()),
    "front_learned_timestamp_seconds": ("gauge", {"host"}),
    "front_answer_bytes": ("gauge", {"host"}),
    "replay_memory_entries": ("gauge", set()),
    "replay_memory_reach_seconds": ("gauge", set()),
    "clients": ("gauge", set()),
    "visitors": ("gauge", set()),
    "engine_connections": ("gauge", set()),
    "engine_buffered_bytes": ("gauge", set()),
    "process_resident_memory_bytes": ("gauge", set()),
    "process_open_fds": ("gauge", set()),
    "process_max_fds": ("gauge", set()),
}
EVERYTHING = [
    *(event for way in WAYS for event in stream_of(way, way)),
    mtglib.EventIPListSize(size=5, is_block_list=True),
]


async def test_names_kinds_and_labels_are_those_of_mtg_and_ours() -> None:
    prometheus = Prometheus()
    await prometheus.observe(EVERYTHING)
    for metric in SAMPLED:
        prometheus.sample(metric.name, partial(dict[tuple[str, ...], float], {("x",) * len(metric.labels): 1.0}))

    families = list(text_string_to_metric_families(prometheus.render().decode()))

    found = {
        family.name.removeprefix("mtg_"): (family.type, {label for sample in family.samples for label in sample.labels})
        for family in families
    }
    assert found == KINDS
    assert b"_total" not in prometheus.render()


def test_series_that_are_known_are_there_from_the_start() -> None:
    page = Prometheus().render()

    assert value(page, "mtg_client_connections", ip_family="ipv6") == 0
    assert value(page, "mtg_handshake_failures", reason="sni") == 0
    assert value(page, "mtg_replay_attacks") == 0
    assert value(page, "mtg_handshake_seconds_count") == 0


async def test_values_are_those_of_the_events() -> None:
    prometheus = Prometheus()
    await prometheus.observe(stream_of("a", "dc", [(10**15, True)], client=CLIENTS[1])[:-1])
    page = prometheus.render()

    dc = {"telegram_ip": str(DC_IP), "dc": "2"}
    assert value(page, "mtg_client_connections", ip_family="ipv6") == 1
    assert value(page, "mtg_telegram_connections", **dc) == 1
    assert value(page, "mtg_telegram_traffic", **dc, direction="to_client") == 10**15
    assert value(page, "mtg_dial_seconds_sum", dc="2") == 0.3
    assert value(page, "mtg_dial_seconds_bucket", dc="2", le="0.25") == 0
    assert value(page, "mtg_dial_seconds_bucket", dc="2", le="0.5") == 1


async def test_series_stays_at_zero_when_its_last_stream_is_gone() -> None:
    prometheus = Prometheus()
    await prometheus.observe(stream_of("a", "dc"))

    assert value(prometheus.render(), "mtg_telegram_connections", telegram_ip=str(DC_IP), dc="2") == 0


def test_what_runs_and_what_was_dropped_is_shown() -> None:
    dropped = [5, 7]
    prometheus = Prometheus(metric_prefix="own:1")
    assert of_metric(prometheus.render(), "own:1_events_dropped") == []
    prometheus.sample("build_info", lambda: {('1 "x"', "native"): 1})
    prometheus.sample("events_dropped", lambda: sum(dropped))
    prometheus.sample("replay_memory_reach_seconds", lambda: 45.6)
    prometheus.sample("engine_buffered_bytes", dict)
    prometheus.sample("process_open_fds", lambda: 10**12)
    page = prometheus.render()

    assert value(page, "own:1_build_info", version='1 "x"', engine="native") == 1
    assert value(page, "own:1_events_dropped") == 12
    assert value(page, "own:1_replay_memory_reach_seconds") == 45.6
    assert value(page, "process_open_fds") == 10**12, "without a prefix"
    assert of_metric(page, "own:1_engine_buffered_bytes") == []
    assert of_metric(page, "own:1_clients") == []
    dropped.append(1)
    assert value(prometheus.render(), "own:1_events_dropped") == 13


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("metric_prefix", value) for value in ("", "1mtg", "9a", "mtg-proxy", "mtg.", "mtg\n", "é", None, b"mtg")),
    ],
)
def test_value_that_cannot_work(field: str, value: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=f"^{field}: ") as caught:
        Prometheus(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("name", "returned"),
    [
        *(("events_dropped", returned) for returned in (None, "7", {("a",): 1}, True, math.nan, math.inf, 10**400)),
        ("build_info", 1),
    ],
)
def test_sample_that_is_no_number_makes_no_page(name: str, returned: Any) -> None:
    prometheus = Prometheus()
    prometheus.sample(name, lambda: returned)
    with pytest.raises(TypeError, match=f"^{name}: expected a finite number"):
        prometheus.render()


@pytest.mark.parametrize("statistics", [Prometheus(), Statsd("127.0.0.1", 8125)])
@pytest.mark.parametrize(
    ("name", "function", "field"),
    [
        *(("events_dropped", function, "function") for function in (None, 5, asyncio.sleep)),
        *((name, int, "name") for name in ("replay_attacks", "mtg_clients", "")),
    ],
)
def test_sample_that_cannot_work(statistics: Prometheus | Statsd, name: str, function: Any, field: str) -> None:
    with pytest.raises(mtglib.OptionError, match=f"^{field}: ") as caught:
        statistics.sample(name, function)
    assert caught.value.field == field


@pytest.mark.parametrize("path", ["", "metrics", "/a b", "/a?b", "/a#b", "/a\n", "/é", None, b"/"])
async def test_path_that_cannot_work(path: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(mtglib.OptionError, match="http_path"):
        await Prometheus().serve(listener, path)


async def test_socket_that_does_not_listen() -> None:
    with socket.socket() as sock, pytest.raises(OSError, match="listening"):
        await Prometheus().serve(sock)


def test_it_is_an_observer() -> None:
    parts: list[Any] = [Prometheus()]
    assert all(isinstance(part, mtglib.Observer) for part in parts)


async def test_another_prefix_keeps_the_numbers() -> None:
    prometheus = Prometheus()
    await prometheus.observe([mtglib.EventConcurrencyLimited()])
    prometheus.rename("other")
    assert value(prometheus.render(), "other_concurrency_limited") == 1
    with pytest.raises(mtglib.OptionError):
        prometheus.rename("1")
    assert prometheus.metric_prefix == "other"
