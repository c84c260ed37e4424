"""Counts events. It has no I/O and no clock: the observers export the numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from ..event_types import (
    Event,
    EventConcurrencyLimited,
    EventConnectedToDC,
    EventDomainFronting,
    EventFinish,
    EventIPBlocklisted,
    EventIPListSize,
    EventReplayAttack,
    EventStart,
    EventTraffic,
    IPAddress,
)
from ..reasons import HANDSHAKE_FAILURES, Reason
from .metrics import DIAL_SECONDS, HANDSHAKE_SECONDS, IP_LISTS, METRICS, DurationMetric, Labels


class Took(NamedTuple):
    """A duration that was measured."""

    metric: DurationMetric
    labels: Labels
    seconds: float


@dataclass(slots=True)
class _OpenStream:
    family: Labels
    telegram: tuple[str, str] | None = None
    is_fronted: bool = False


class Counts:
    """The metrics of a sequence of events.

    A series stays at 0 when its last stream is gone. Events of a stream whose Start is missing are ignored.

    Attributes:
        series: The values by metric and label values.
    """

    def __init__(self) -> None:
        self.series: dict[str, Counter[Labels]] = {
            metric.name: Counter(dict.fromkeys(metric.known, 0)) for metric in METRICS
        }
        self._streams: dict[str, _OpenStream] = {}

    def add(self, event: Event) -> tuple[Took, ...]:
        """Count an event; return its durations."""
        if event.stream_id:
            return self._add_of_stream(event)
        series = self.series
        match event:
            case EventConcurrencyLimited():
                series["concurrency_limited"][()] += 1
            case EventIPBlocklisted(is_block_list=is_block_list):
                series["ip_blocklisted"][(IP_LISTS[is_block_list],)] += 1
            case EventIPListSize(size=size, is_block_list=is_block_list):
                series["iplist_size"][(IP_LISTS[is_block_list],)] = size
        return ()

    def _add_of_stream(self, event: Event) -> tuple[Took, ...]:
        series = self.series
        if isinstance(event, EventStart):
            family = (_family(event.remote_ip),)
            self._streams[event.stream_id] = _OpenStream(family)
            series["client_connections"][family] += 1
            return ()
        stream = self._streams.get(event.stream_id)
        if stream is None:
            return ()
        match event:
            case EventTraffic():
                self._move(stream, event)
            case EventConnectedToDC():
                return self._connect(stream, event)
            case EventDomainFronting(reason=reason):
                stream.is_fronted = True
                series["domain_fronting"][()] += 1
                series["domain_fronting_connections"][stream.family] += 1
                self._fail(reason)
            case EventReplayAttack():
                series["replay_attacks"][()] += 1
            case EventFinish():
                self._finish(stream, event)
        return ()

    def _move(self, stream: _OpenStream, event: EventTraffic) -> None:
        direction = "to_client" if event.is_read else "from_client"
        if stream.telegram is not None:
            self.series["telegram_traffic"][(*stream.telegram, direction)] += event.traffic_bytes
        else:
            self.series["domain_fronting_traffic"][(direction,)] += event.traffic_bytes

    def _connect(self, stream: _OpenStream, event: EventConnectedToDC) -> tuple[Took, ...]:
        dc = str(event.dc)
        stream.telegram = (str(event.remote_ip), dc)
        self.series["telegram_connections"][stream.telegram] += 1
        return (Took(HANDSHAKE_SECONDS, (), event.handshake_seconds), Took(DIAL_SECONDS, (dc,), event.dial_seconds))

    def _finish(self, stream: _OpenStream, event: EventFinish) -> None:
        series = self.series
        del self._streams[event.stream_id]
        series["client_connections"][stream.family] -= 1
        series["connections_finished"][(event.reason,)] += 1
        if event.reason == Reason.EVICTED:
            series["visitors_evicted"][()] += 1
        if stream.telegram is not None:
            series["telegram_connections"][stream.telegram] -= 1
        elif stream.is_fronted:
            series["domain_fronting_connections"][stream.family] -= 1
        elif event.reason == Reason.DC_UNREACHABLE:
            series["dc_errors"][(str(event.dc),)] += 1
        else:
            self._fail(event.reason)

    def _fail(self, reason: str) -> None:
        if reason in HANDSHAKE_FAILURES:
            self.series["handshake_failures"][(reason,)] += 1


def _family(ip: IPAddress | None) -> str:
    return "unknown" if ip is None else f"ipv{ip.version}"
