"""All metrics: names, types, help texts and labels. Where mtg has the same metric, the name is mtg's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..reasons import HANDSHAKE_FAILURES

Labels: TypeAlias = tuple[str, ...]
"""A series' label values, in the order of its metric's label names."""

IP_LISTS = ("allowlist", "blocklist")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric.

    Attributes:
        name: Without the prefix.
        kind: Whether it can go down.
        help: The help text, in one line.
        labels: The names of its labels.
        known: Series that exist from the start, at 0: a rate would miss the first event of a series that appears with
            it.
        is_standard: Whether it is a standard name of all programs, so that Prometheus exports it without a prefix.
    """

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    labels: Labels = ()
    known: tuple[Labels, ...] = ()
    is_standard: bool = False


@dataclass(frozen=True, slots=True)
class DurationMetric:
    """A metric of durations in seconds, of which each one matters; attributes as in `Metric`."""

    name: str
    help: str
    labels: Labels = ()


_FAMILIES = (("ipv4",), ("ipv6",))
_DIRECTIONS = (("to_client",), ("from_client",))
_LISTS = tuple((name,) for name in IP_LISTS)
_NO_LABELS: tuple[Labels, ...] = ((),)

METRICS = (
    Metric(
        "client_connections", "gauge", "Connections that are open, of clients and visitors.", ("ip_family",), _FAMILIES
    ),
    Metric("telegram_connections", "gauge", "Connections to Telegram that are open.", ("telegram_ip", "dc")),
    Metric(
        "domain_fronting_connections",
        "gauge",
        "Visitors who are connected to the fronted site, or for whom it is being dialled.",
        ("ip_family",),
        _FAMILIES,
    ),
    Metric("iplist_size", "gauge", "Prefixes in an IP list.", ("ip_list",)),
    Metric("telegram_traffic", "counter", "Bytes exchanged with Telegram.", ("telegram_ip", "dc", "direction")),
    Metric("domain_fronting_traffic", "counter", "Bytes exchanged with the fronted site.", ("direction",), _DIRECTIONS),
    Metric("domain_fronting", "counter", "Visitors who were passed on to the fronted site.", (), _NO_LABELS),
    Metric("concurrency_limited", "counter", "Connections refused because there were too many.", (), _NO_LABELS),
    Metric("visitors_evicted", "counter", "Visitors evicted to make room for a newcomer.", (), _NO_LABELS),
    Metric("ip_blocklisted", "counter", "Connections refused because of their address.", ("ip_list",), _LISTS),
    Metric("replay_attacks", "counter", "Replayed hellos.", (), _NO_LABELS),
    Metric("connections_finished", "counter", "Connections that ended, by reason.", ("reason",)),
    Metric(
        "handshake_failures",
        "counter",
        "Failed handshakes, by reason.",
        ("reason",),
        tuple((reason,) for reason in HANDSHAKE_FAILURES),
    ),
    Metric("dc_errors", "counter", "Client connections that ended because their DC was unreachable.", ("dc",)),
)

SAMPLED = (
    Metric("build_info", "gauge", "Version and engine, as labels; always 1.", ("version", "engine")),
    Metric("clients", "gauge", "Clients that are connected."),
    Metric("visitors", "gauge", "Connections that aren't clients', or not yet."),
    Metric("engine_threads", "gauge", "Threads of the relay engine."),
    Metric("engine_connections", "gauge", "Connections that the relay engine has."),
    Metric("engine_buffered_bytes", "gauge", "Bytes in the relay engine that their receivers haven't taken."),
    Metric("replay_memory_entries", "gauge", "Hellos remembered for replay detection."),
    Metric("replay_memory_reach_seconds", "gauge", "Age of the oldest remembered hello, in seconds."),
    Metric(
        "front_learned_timestamp_seconds",
        "gauge",
        "When the site's answer to a hello was last learnt, Unix.",
        ("host",),
    ),
    Metric("front_answer_bytes", "gauge", "Length of the site's answer that was learnt last.", ("host",)),
    Metric("user_connections", "gauge", "Connections of a user's clients.", ("user",)),
    Metric("user_traffic", "counter", "Bytes relayed for a user.", ("user", "direction")),
    Metric("user_rejected", "counter", "Clients of a user who were refused, by reason.", ("user", "reason")),
    Metric("events_dropped", "counter", "Events that were dropped before an observer got them."),
    Metric("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", is_standard=True),
    Metric("process_open_fds", "gauge", "Number of open file descriptors.", is_standard=True),
    Metric("process_max_fds", "gauge", "Maximum number of open file descriptors.", is_standard=True),
)
"""Metrics that are sampled, not counted: `samples`."""

HANDSHAKE_SECONDS = DurationMetric("handshake_seconds", "Seconds from accepting a client to its obfuscated2 frame.")
DIAL_SECONDS = DurationMetric("dial_seconds", "Seconds taken to connect to a DC.", ("dc",))
