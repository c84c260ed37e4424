"""Every metric that is sampled has somebody in the program who is asked for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mtglib
from mtg.build import build_parts
from mtg.config import config_from_table
from mtg.samples import sample_all
from mtglib.noop import NoopLogger
from mtglib.stats import Prometheus, Sample, Statsd
from mtglib.stats.metrics import SAMPLED

TABLE: dict[str, Any] = {
    "secret": mtglib.Secret(bytes(range(16)), "front.example").hex(),
    "bind-to": "127.0.0.1:0",
    "stats": {
        "prometheus": {"enabled": True, "bind-to": "127.0.0.1:1"},
        "statsd": {"enabled": True, "address": "127.0.0.1:1"},
    },
}


class AskedPrometheus(Prometheus):
    """Keeps the names of what it samples."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def sample(self, name: str, function: Sample) -> None:
        self.names.append(name)
        super().sample(name, function)


class AskedStatsd(Statsd):
    """Keeps them, too."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", 1)
        self.names: list[str] = []

    def sample(self, name: str, function: Sample) -> None:
        self.names.append(name)
        super().sample(name, function)


async def test_somebody_is_asked_for_every_metric_that_is_sampled() -> None:
    prometheus, statsd = AskedPrometheus(), AskedStatsd()
    built = build_parts(config_from_table(TABLE, source="test"), logger=NoopLogger())
    parts = replace(built, prometheus=prometheus, statsd=statsd)
    sample_all(parts, mtglib.Proxy(parts.options))

    assert sorted(prometheus.names) == sorted(statsd.names) == sorted(metric.name for metric in SAMPLED)
