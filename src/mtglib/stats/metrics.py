"""All metrics by name: what they are, and which labels they have. The names are mtg's, as far as mtg has them."""

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
        help: What it counts, in one line.
        labels: The names of its labels.
        known: Series that are there from the start, at 0; a rate of one that appears with its first event misses that.
    """

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    labels: Labels = ()
    known: tuple[Labels, ...] = ()


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
    Metric("client_connections", "gauge", "Client connections that are open.", ("ip_family",), _FAMILIES),
    Metric("telegram_connections", "gauge", "Connections to Telegram that are open.", ("telegram_ip", "dc")),
    Metric(
        "domain_fronting_connections", "gauge", "Clients that are connected to the site.", ("ip_family",), _FAMILIES
    ),
    Metric("iplist_size", "gauge", "Prefixes in an IP list.", ("ip_list",)),
    Metric("telegram_traffic", "counter", "Bytes exchanged with Telegram.", ("telegram_ip", "dc", "direction")),
    Metric("domain_fronting_traffic", "counter", "Bytes exchanged with the site.", ("direction",), _DIRECTIONS),
    Metric("domain_fronting", "counter", "Clients that were sent to the site.", (), _NO_LABELS),
    Metric("concurrency_limited", "counter", "Clients refused since there were too many.", (), _NO_LABELS),
    Metric("visitors_evicted", "counter", "Visitors who made room for a newcomer.", (), _NO_LABELS),
    Metric("ip_blocklisted", "counter", "Clients refused for their address.", ("ip_list",), _LISTS),
    Metric("replay_attacks", "counter", "Hellos that were sent a second time.", (), _NO_LABELS),
    Metric("connections_finished", "counter", "Client connections that are over, by why.", ("reason",)),
    Metric(
        "handshake_failures",
        "counter",
        "Clients without a good handshake, by what was wrong.",
        ("reason",),
        tuple((reason,) for reason in HANDSHAKE_FAILURES),
    ),
    Metric("dc_errors", "counter", "Client connections that ended since their DC was out of reach.", ("dc",)),
)

REPLAY_MEMORY = (
    Metric("replay_memory_entries", "gauge", "Hellos that are remembered, to find replays."),
    Metric("replay_memory_reach_seconds", "gauge", "Seconds since the oldest of them came."),
)
"""Metrics that are sampled, not counted."""

HANDSHAKE_SECONDS = DurationMetric("handshake_seconds", "Seconds from a client's connection to its frame.")
DIAL_SECONDS = DurationMetric("dial_seconds", "Seconds that it took to connect to a DC.", ("dc",))
