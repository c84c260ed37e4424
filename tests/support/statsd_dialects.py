"""A statsd server's parser, by the published grammar of each tag format.

Sources: DogStatsD's datagram format (docs.datadoghq.com), Telegraf's statsd input plugin (``name,tag=value:1|c``),
Graphite's tag syntax (graphite.readthedocs.io/en/latest/tags.html).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = r"[A-Za-z0-9_.-]+"
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_KIND = r"c|g|ms"
_GRAMMARS = {
    "datadog": rf"(?P<name>{_NAME}):(?P<value>{_NUMBER})\|(?P<kind>{_KIND})(?:\|#(?P<tags>[^|#\s]+))?",
    "influxdb": rf"(?P<name>{_NAME})(?:,(?P<tags>[^:|\s]+))?:(?P<value>{_NUMBER})\|(?P<kind>{_KIND})",
    "graphite": rf"(?P<name>{_NAME})(?:;(?P<tags>[^:|~!\s]+))?:(?P<value>{_NUMBER})\|(?P<kind>{_KIND})",
}
_MARKS = {"datadog": (",", ":"), "influxdb": (",", "="), "graphite": (";", "=")}


@dataclass(frozen=True)
class Metric:
    """A parsed line."""

    name: str
    value: float
    kind: str
    tags: frozenset[tuple[str, str]]


def parse(datagram: bytes, tag_format: str) -> list[Metric]:
    """Parse a datagram; raises ValueError if a line isn't in this dialect."""
    return [_parse_line(line, tag_format) for line in datagram.decode("ascii").split("\n")]


def _parse_line(line: str, tag_format: str) -> Metric:
    match = re.fullmatch(_GRAMMARS[tag_format], line)
    if match is None:
        raise ValueError(f"not {tag_format}: {line!r}")
    between, within = _MARKS[tag_format]
    tags = set()
    for pair in (match["tags"] or "").split(between) if match["tags"] else []:
        tag, mark, value = pair.partition(within)
        if not (tag and mark and value):
            raise ValueError(f"not {tag_format}: {line!r}")
        tags.add((tag, value))
    return Metric(match["name"], float(match["value"]), match["kind"], frozenset(tags))


class Totals:
    """A server's totals of many datagrams: counters are added, gauges keep the last value, timings are collected."""

    def __init__(self, tag_format: str) -> None:
        self.tag_format = tag_format
        self.counters: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        self.gauges: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        self.timings: list[Metric] = []

    def add(self, datagram: bytes) -> None:
        """Add a datagram."""
        for metric in parse(datagram, self.tag_format):
            key = metric.name, metric.tags
            if metric.kind == "c":
                self.counters[key] = self.counters.get(key, 0.0) + metric.value
            elif metric.kind == "g":
                self.gauges[key] = metric.value
            else:
                self.timings.append(metric)
