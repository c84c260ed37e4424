from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from integration.event_rules import traffic
from mtglib.stats.counts import Counts
from mtglib.stats.metrics import METRICS
from support.event_samples import CLIENTS, DC_IP, Way, interleaved, stream_of, streams, traffic_of

CLIENT = CLIENTS[0]
assert CLIENT is not None


def counted(*events: mtglib.Event) -> Counts:
    counts = Counts()
    for event in events:
        counts.add(event)
    return counts


def changed(counts: Counts) -> dict[str, dict[tuple[str, ...], int]]:
    """All that isn't 0."""
    found = {
        name: {labels: value for labels, value in series.items() if value} for name, series in counts.series.items()
    }
    return {name: series for name, series in found.items() if series}


def test_stream_to_a_dc_while_it_lasts() -> None:
    assert changed(counted(*stream_of("a", "dc", [(3, False), (4, True), (5, True)])[:-1])) == {
        "client_connections": {("ipv4",): 1},
        "telegram_connections": {(str(DC_IP), "2"): 1},
        "telegram_traffic": {(str(DC_IP), "2", "from_client"): 3, (str(DC_IP), "2", "to_client"): 9},
    }


def test_stream_to_a_dc_leaves_its_gauges_at_zero() -> None:
    counts = counted(*stream_of("a", "dc", []))

    assert changed(counts) == {"connections_finished": {("client_eof",): 1}}
    assert counts.series["telegram_connections"] == {(str(DC_IP), "2"): 0}


def test_fronted_stream_while_it_lasts() -> None:
    assert changed(counted(*stream_of("a", "front", client=CLIENTS[1])[:-1])) == {
        "client_connections": {("ipv6",): 1},
        "domain_fronting_connections": {("ipv6",): 1},
        "domain_fronting": {(): 1},
        "domain_fronting_traffic": {("from_client",): 3, ("to_client",): 4},
        "handshake_failures": {("not_tls",): 1},
    }


@pytest.mark.parametrize(
    ("way", "counted_too"),
    [
        ("gone", {}),
        ("frame", {"handshake_failures": {("frame",): 1}}),
        ("timeout", {"handshake_failures": {("timeout",): 1}}),
        ("unreachable", {"dc_errors": {("2",): 1}}),
    ],
)
def test_stream_that_leads_nowhere(way: Way, counted_too: dict[str, object]) -> None:
    reason = stream_of("a", way)[-1]
    assert isinstance(reason, mtglib.EventFinish)

    assert changed(counted(*stream_of("a", way))) == {"connections_finished": {(reason.reason,): 1}, **counted_too}


def test_replay_is_an_attack_and_a_failed_handshake() -> None:
    values = changed(counted(*stream_of("a", "replay")))

    assert values["replay_attacks"] == {(): 1}
    assert values["handshake_failures"] == {("replay",): 1}


@pytest.mark.parametrize("reason", ["not_tls", "digest", "sni", "clock", "replay", "timeout"])
def test_whatever_a_client_is_fronted_for_is_a_failed_handshake(reason: str) -> None:
    start = stream_of("a", "front")[0]
    fronted = mtglib.EventDomainFronting(stream_id="a", reason=mtglib.Reason(reason))

    assert changed(counted(start, fronted))["handshake_failures"] == {(reason,): 1}


def test_client_that_closed_before_its_hello_did_not_fail() -> None:
    start = stream_of("a", "front")[0]
    fronted = mtglib.EventDomainFronting(stream_id="a", reason=mtglib.Reason.CLOSED)

    assert "handshake_failures" not in changed(counted(start, fronted))


def test_client_without_an_address() -> None:
    assert changed(counted(stream_of("a", "dc", client=None)[0])) == {"client_connections": {("unknown",): 1}}


def test_durations_are_returned_with_the_dc() -> None:
    counts = counted(stream_of("a", "dc")[0])

    took = counts.add(stream_of("a", "dc")[1])

    assert [(metric.name, labels, seconds) for metric, labels, seconds in took] == [
        ("handshake_seconds", (), 0.02),
        ("dial_seconds", ("2",), 0.3),
    ]


def test_events_without_a_stream() -> None:
    refused = [mtglib.EventIPBlocklisted(remote_ip=CLIENT, is_block_list=kind) for kind in (True, True, False)]
    sizes = [mtglib.EventIPListSize(size=size, is_block_list=size > 10) for size in (9, 100, 7, 50)]

    assert changed(counted(mtglib.EventConcurrencyLimited(), *refused, *sizes)) == {
        "concurrency_limited": {(): 1},
        "ip_blocklisted": {("blocklist",): 2, ("allowlist",): 1},
        "iplist_size": {("blocklist",): 50, ("allowlist",): 7},
    }


@pytest.mark.parametrize("told", [1, 2], ids=["before it was known", "fronted"])
def test_visitor_that_made_room_is_counted(told: int) -> None:
    evicted = mtglib.EventFinish(stream_id="a", reason=mtglib.Reason.EVICTED)

    values = changed(counted(*stream_of("a", "front")[:told], evicted))

    assert (values["visitors_evicted"], values["connections_finished"]) == ({(): 1}, {("evicted",): 1})


def test_stream_without_a_start_is_ignored() -> None:
    assert changed(counted(*stream_of("a", "dc")[1:], *stream_of("b", "replay")[1:])) == {}


@given(streams(), st.integers(0, 2**32).map(random.Random))
def test_any_interleaving_brings_all_gauges_back_to_zero(told: list[list[mtglib.Event]], chance: random.Random) -> None:
    events = list(interleaved(told, chance))
    counts = counted(*events)

    gauges = {metric.name for metric in METRICS if metric.kind == "gauge"}
    assert gauges.isdisjoint(changed(counts))
    assert sum(counts.series["connections_finished"].values()) == len(told)
    moved = counts.series["telegram_traffic"].values(), counts.series["domain_fronting_traffic"].values()
    assert sum(map(sum, moved)) == sum(traffic(events))
    for stream in told:  # each is over and forgotten: what comes late has no stream
        counts.add(traffic_of(stream[0].stream_id, 1))
    assert sum(map(sum, moved)) == sum(traffic(events))


@given(streams(), st.integers(0, 2**32).map(random.Random), st.data())
def test_gauges_are_the_streams_that_are_open(
    told: list[list[mtglib.Event]], chance: random.Random, data: st.DataObject
) -> None:
    events = list(interleaved(told, chance))
    events = events[: data.draw(st.integers(0, len(events)))]
    series = counted(*events).series

    open_ids = {event.stream_id for event in events}
    open_ids -= {event.stream_id for event in events if isinstance(event, mtglib.EventFinish)}
    of_dc = {event.stream_id for event in events if isinstance(event, mtglib.EventConnectedToDC)}
    fronted = {event.stream_id for event in events if isinstance(event, mtglib.EventDomainFronting)}
    assert sum(series["client_connections"].values()) == len(open_ids)
    assert sum(series["telegram_connections"].values()) == len(open_ids & of_dc)
    assert sum(series["domain_fronting_connections"].values()) == len(open_ids & fronted)
